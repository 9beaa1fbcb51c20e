"""What is known of the source: statistics, batch norm's own, the classifier; and networks that regraft makes itself."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_sample_images

from regraft.features.features import confidence_of
from regraft.network import backbone as backbones
from regraft.network import source
from regraft.network.batch_norm import norms_of
from regraft.network.cuts import trace
from regraft.network.demonstration import build
from regraft.similarity.shift import divergence

Regraft = Callable[..., tuple[int, str, str]]


@pytest.fixture
def teaching_run(
    regraft: Regraft, make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> tuple[Path, Path]:
    """A folder of pictures, and a run of the demonstration network on it, with a cache of their own."""
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    data = make_folder(classes=3, each=20)
    code, out, err = regraft(
        "train", data, "--backbone", "demonstration", "--strategy", "from-scratch", "--epochs", 8, "--batch-size", 8,
        "--image-size", 32, "--out", tmp_path / "taught", "--json", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["strategy"] == "from-scratch"
    return data, tmp_path / "taught"


def test_a_finished_run_is_a_backbone(
    teaching_run: tuple[Path, Path], regraft: Regraft, tmp_path: Path, make_folder: Callable[..., Path]
) -> None:
    data, run = teaching_run
    loaded = backbones.load(str(run))
    trained = json.loads((run / "model" / "config.json").read_text())["regraft"]
    assert loaded.preprocessing.size == 32
    fresh = build().state_dict()
    assert any(not torch.equal(value, fresh[name]) for name, value in loaded.model.state_dict().items())
    assert trained["architecture"]["library"] == "regraft"
    code, out, err = regraft("train", data, "--backbone", run, "--strategy", "early-layers", "--cut", "conv2", "--out",
                             tmp_path / "again", "--json", "--quiet")  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["cut"] == "conv2"
    code, _, err = regraft("plan", data, "--backbone", tmp_path / "again")
    assert code == 2
    assert "early layers only" in err


def test_the_demonstration_network_has_the_courses_layers() -> None:
    loaded = backbones.load("demonstration")
    assert [cut.name for cut in trace(loaded.model, 64).cuts] == ["conv1", "conv2", "conv3", "fc1", "fc2"]
    again = backbones.load("demonstration").model.state_dict()
    assert all(torch.equal(value, again[name]) for name, value in loaded.model.state_dict().items())
    assert any("random weights" in note for note in loaded.notes)


def test_statistics_made_from_images_give_those_images_no_shift(
    teaching_run: tuple[Path, Path], regraft: Regraft
) -> None:
    data, run = teaching_run
    fingerprint = backbones.load(str(run)).fingerprint()
    assert source.read(fingerprint) is None
    code, out, err = regraft("reference", run, data, "--json", "--quiet")
    assert code == 0, err
    made = json.loads(out)
    assert (made["images"], made["fingerprint"]) == (60, fingerprint)
    code, out, err = regraft("plan", data, "--backbone", run, "--json", "--quiet")
    assert code == 0, err
    similarity = json.loads(out)["similarity"]
    assert all(point["shift"] is not None and point["shift"] < 0.05 for point in similarity["profile"])
    assert similarity["neighbour_distance"] < 0.1  # from themselves
    code, _, err = regraft("reference", run, data / "class0")
    assert code == 2
    assert "too few" in err


def test_small_images_are_compared_with_source_images_as_small(
    teaching_run: tuple[Path, Path], regraft: Regraft, tmp_path: Path
) -> None:
    data, run = teaching_run
    code, out, err = regraft("reference", run, data, "--json", "--quiet")
    assert code == 0, err
    for path in data.rglob("*.*"):
        small = tmp_path / "small" / path.relative_to(data).with_suffix(".png")
        small.parent.mkdir(parents=True, exist_ok=True)
        Image.open(path).convert("RGB").resize((16, 16), Image.Resampling.BICUBIC).save(small)

    def planned() -> dict[str, Any]:
        code, out, err = regraft("plan", tmp_path / "small", "--backbone", run, "--json", "--quiet")
        assert code == 0, err
        found: dict[str, Any] = json.loads(out)["similarity"]
        return found

    matched = planned()
    assert matched["source_shrunk_to"] == 16
    assert matched["shift"] < 0.05
    path = Path(json.loads(out)["file"])
    source.write(path, {name: value for name, value in source.floats(path).items() if "/" not in name})
    plain = planned()
    assert plain["source_shrunk_to"] is None
    assert plain["shift"] > 2 * matched["shift"]


@pytest.mark.parametrize(("side", "level"), [(3, 8), (8, 8), (14, 16), (36, 32), (47, None), (64, None), (900, None)])
def test_the_nearest_level_is_taken(side: int, level: int | None) -> None:
    assert source.levels_below(64) == [8, 16, 32]
    keys = ["cut.mean", *(source.name_of("cut", "mean", known) for known in source.levels_below(64))]
    statistics = dict.fromkeys(keys, torch.zeros(1)) | {source.SIDE: torch.tensor(64.0)}
    assert source.level_for(statistics, side) == level
    halved = source.for_input(statistics | {source.SIZE: torch.tensor(128.0)}, 64)
    assert halved is not None
    assert source.level_for(halved, side / 2) == level  # half as large an image, blown up as much
    assert source.level_for({"cut.mean": torch.zeros(1)}, side) is None


def test_a_batch_norm_network_carries_its_statistics(teaching_run: tuple[Path, Path], regraft: Regraft) -> None:
    data, run = teaching_run
    norms = norms_of(backbones.load(str(run)).model, trace(build(), 32))
    assert set(norms) == {"conv1", "conv2", "conv3"}
    code, out, err = regraft("plan", data, "--backbone", run, "--json", "--quiet")
    assert code == 0, err
    similarity = json.loads(out)["similarity"]
    assert [point["shift"] is None for point in similarity["profile"]] == [False, False, False, True, True]
    assert similarity["shift"] < 0.5  # it was trained on these very images
    assert similarity["relative_shift"] < 1  # and noise is farther from them
    assert similarity["neighbour_distance"] is None


@pytest.mark.parametrize("name", ["resnet18", "regnetx_002"])
def test_norms_are_found_in_other_networks_too(name: str) -> None:
    model = backbones.Architecture("timm", name).build().eval()
    traced = trace(model, 64)
    norms = norms_of(model, traced)
    assert len(norms) == len(traced.cuts)
    norm = norms[traced.cuts[-1].name]
    seen: list[torch.Tensor] = []
    module = next(m for m in reversed(list(model.modules())) if getattr(m, "running_mean", None) is not None
                  and m.running_mean.shape == norm.mean.shape)  # fmt: skip
    module.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    with torch.no_grad():
        model(torch.rand(1, 3, 64, 64))
    assert seen[0].shape[1] == len(norm.mean)
    assert torch.equal(norm.mean, module.running_mean)


def test_the_divergence_is_the_gaussian_one() -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(2.0, 3.0, (200_000, 1))
    found = divergence(values.sum(0), np.square(values).sum(0), len(values), np.array([0.0]), np.array([1.0]))
    assert found == pytest.approx(0.5 * (-np.log(9) + 9 + 4 - 1), rel=0.02)
    same = divergence(values.sum(0), np.square(values).sum(0), len(values), np.array([2.0]), np.array([3.0]))
    assert same == pytest.approx(0, abs=1e-3)


def test_the_classifiers_entropy_and_energy() -> None:
    found = confidence_of(np.array([[0.0] * 4, [20.0, 0, 0, 0]], dtype=np.float32))
    assert found["confidence"][0] == pytest.approx([np.log(4), -np.log(4)], abs=1e-4)
    assert found["confidence"][1] == pytest.approx([0, -20], abs=1e-4)
    assert found["nearest"][1][0] == 0


def write_corners(root: Path) -> None:
    """Pieces of scikit-learn's two photographs, a class for each of their quarters."""
    draw = np.random.default_rng(0)
    for number, photo in enumerate(load_sample_images().images):
        high, wide = photo.shape[0] // 2, photo.shape[1] // 2
        for down, right in itertools.product(range(2), range(2)):
            folder = root / f"{number}-{down}-{right}"
            folder.mkdir(parents=True)
            quarter = photo[down * high : (down + 1) * high, right * wide : (right + 1) * wide]
            for i in range(16):
                y, x = draw.integers(0, high - 64), draw.integers(0, wide - 64)
                Image.fromarray(quarter[y : y + 64, x : x + 64]).save(folder / f"{i:02d}.png")


def test_backbones_are_ranked(regraft: Regraft, tmp_path: Path) -> None:
    root = tmp_path / "corners"
    write_corners(root)
    code, out, err = regraft("plan", root, "--backbone", "demonstration", "--backbone", "embedded", "--json", "--quiet")
    assert code == 0, err
    rows: list[dict[str, Any]] = json.loads(out)["backbones"]
    assert [row["backbone"] for row in rows] == ["embedded", "demonstration"]
    assert rows[0]["behind_best"] == 0
    assert rows[1]["behind_best"] > rows[1]["standard_error"] > 0
    assert rows[0]["logme"] > rows[1]["logme"]
    assert rows[0]["multiply_adds"] > 0


def test_shuffled_labels_are_noticed(regraft: Regraft, digits: Path, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for path in sorted(digits.rglob("*.png")):
        folder = tmp_path / "shuffled" / str(draw.integers(0, 4))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{path.parent.name}-{path.name}").write_bytes(path.read_bytes())
    code, out, err = regraft("plan", tmp_path / "shuffled", "--json", "--quiet")
    assert code == 0, err
    assert any("unrelated to the images" in reason for reason in json.loads(out)["reasons"])


def test_a_plan_on_disk(regraft: Regraft, digits: Path, tmp_path: Path) -> None:
    code, out, err = regraft("plan", digits, "--out", tmp_path / "plan", "--json", "--quiet")
    assert code == 0, err
    assert {path.name for path in (tmp_path / "plan").iterdir()} == {
        "plan.json", "recipe.json", "quadrant.svg", "surgery.svg", "profile.svg",
    }  # fmt: skip
    printed = json.loads(out)
    assert {row["strategy"] for row in printed["strategies"]} == {"head", "early-layers", "fine-tune", "from-scratch"}
    similarity = printed["similarity"]
    low, high = similarity["interval"]
    assert low <= similarity["score"] <= high
    assert similarity["margin"] == pytest.approx(max(similarity["score"] - low, high - similarity["score"]))
    assert (tmp_path / "plan" / "surgery.svg").read_text().count("<svg") == 1
