"""What mild noise, blur, JPEG and brightness cost, and slices, as evaluate measures them."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from PIL import Image

import regraft
from regraft import Recipe
from regraft.evaluation.disturbances import disturbances_for, disturbed
from regraft.evaluation.robustness import robustness_of

Regraft = Callable[..., tuple[int, str, str]]
SETTINGS = Recipe(backbone="demonstration", image_size=32, strategy="head")
PIXELS = np.asarray(picture(0, 0, 64))


def test_disturbances_are_mild_and_the_same_each_time() -> None:
    disturbances = disturbances_for(224)
    names = [f"{one.name} {one.strength}" for one in disturbances]
    assert names[::2] == ["noise of 8% of white", "blur of 1.0 pixels", "JPEG at quality 25", "brightness up by 10%"]
    images, again = disturbed(PIXELS, disturbances), disturbed(PIXELS.copy(), disturbances)
    moved = []
    for one, two in zip(images, again, strict=True):
        np.testing.assert_array_equal(one, two)
        assert (one.shape, one.dtype) == (PIXELS.shape, np.uint8)
        moved.append(np.abs(one.astype(float) - PIXELS).mean())
    assert all(0 < weak < strong < 60 for weak, strong in zip(moved[::2], moved[1::2], strict=True))
    grey = np.full((8, 8, 3), 100, np.uint8)
    noise = disturbed(grey, disturbances)[0] - 100.0
    assert noise.std() == pytest.approx(0.08 * 255, rel=0.2)
    assert (disturbed(grey, disturbances)[6] == 126).all()  # 100 + 25.5
    assert (disturbed(np.zeros((8, 8, 3), np.uint8), disturbances)[7] == 51).all()


def test_small_inputs_are_disturbed_less() -> None:
    named = {(one.name, one.strength) for one in disturbances_for(32)}
    assert {("JPEG", "at quality 80"), ("JPEG", "at quality 65"), ("blur", "of 0.4 pixels")} <= named


def test_the_dearest_that_is_sure_is_said() -> None:
    disturbances = disturbances_for(224)
    labels = np.repeat([0, 1], 100)
    under = np.repeat(labels[:, None], 8, axis=1)
    right = under.copy()
    under[:20, 4] = under[:40, 5] = under[:2, 0] = 1
    found = robustness_of(disturbances, labels, labels, under, [None] * 200)
    assert found.disturbed[5].balanced_accuracy == pytest.approx(0.8)
    assert [one.worse for one in found.disturbed] == [False] * 4 + [True, True, False, False]
    assert found.in_words().startswith("JPEG at quality 18 costs 20.0 points (95% interval 1")
    assert "No mild" in robustness_of(disturbances, labels, labels, right, [None] * 200).in_words()


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sliced")
    for kind in (0, 1):
        for site in ("bright", "dark"):
            folder = root / "data" / f"class{kind}" / site
            folder.mkdir(parents=True)
            for i in range(25):
                image = picture(kind, i + 50 * (site == "dark"), 40 if site == "bright" else 60)
                if site == "dark":
                    image = image.point(lambda value: value // 6)
                image.save(folder / f"{i}.png")
    return regraft.train(root / "data", SETTINGS.but(layout="CLASS"), root / "run").folder


def test_evaluate_slices_and_disturbs(run: Path, regraft: Regraft) -> None:
    root = run.parent / "data"
    code, printed, err = regraft("evaluate", run, root, "--layout", "CLASS", "--robustness", "--json", "--quiet")
    assert code == 0, err
    result = json.loads(printed)
    slices = {(one["kind"], one["name"]): one for one in result["metrics"]["slices"]}
    assert {kind for kind, _ in slices} == {"folder", "short side", "brightness"}
    assert slices["folder", "dark"]["images"] == slices["short side", "over 40 px"]["images"] == 50
    assert len(result["robustness"]["disturbed"]) == 8
    assert result["robustness"]["accuracy"] == result["metrics"]["accuracy"]
    assert regraft("evaluate", run, root, "--layout", "CLASS", "--robustness", "--json", "--quiet")[1] == printed
    plain = json.loads(regraft("evaluate", run, root, "--layout", "CLASS", "--json", "--quiet")[1])
    assert plain["robustness"] is None
    assert plain["metrics"] == result["metrics"]


def test_evaluate_shows_them(run: Path, regraft: Regraft) -> None:
    code, printed, err = regraft("evaluate", run, run.parent / "data", "--layout", "CLASS", "--robustness", "--quiet")
    assert code == 0, err
    assert "folder dark" in printed
    assert "JPEG at quality" in printed
    assert printed.splitlines()[-1].startswith(("No mild", "The run was trained")) or "costs" in printed
    assert "ROC-AUC" in printed
    assert "Positive 'class1'" in printed


def test_the_positive_class_can_be_named(run: Path, regraft: Regraft) -> None:
    root = run.parent / "data"
    code, printed, err = regraft("evaluate", run, root, "--layout", "CLASS", "--positive", "class0", "--quiet")
    assert code == 0, err
    assert "Positive 'class0'" in printed
    code, _, err = regraft("evaluate", run, root, "--layout", "CLASS", "--positive", "cats", "--quiet")
    assert code == 2
    assert "'class0', 'class1'" in err


def test_train_slices_too(run: Path, tmp_path: Path) -> None:
    for part, images in (("train", 12), ("test", 40)):
        for kind in (0, 1):
            (tmp_path / part / f"class{kind}").mkdir(parents=True)
            for i in range(images):
                image = picture(kind, i + 100 * (part == "test"), 40 + 20 * (i % 2))
                if part == "test" and i % 2:
                    image = Image.fromarray(np.random.default_rng(i).integers(0, 255, (60, 60, 3), np.uint8))
                image.save(tmp_path / part / f"class{kind}" / f"{i}.png")
    made = regraft.train(tmp_path, SETTINGS, tmp_path / "run")
    assert [one.name for one in made.metrics.slices] == ["at most 40 px", "over 40 px"]
    assert made.metrics.two_classes is not None
    (remark,) = [remark for remark in made.remarks if remark.kind == "worse slice"]
    assert "images of short side over 40 px" in remark.text
    page = made.report.read_text()
    assert "Where it does worse" in page
    assert "ROC curve" in page
    written = json.loads((made.folder / "metrics.json").read_text())
    assert len(written["slices"]) == 2
    assert written["two_classes"]["curve"][-1] == [1, 1]
