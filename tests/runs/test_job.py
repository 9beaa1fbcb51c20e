"""The whole job on real scans, through the command line."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from regraft import Recipe, Run, load, train
from regraft.network.engine import PYTORCH
from regraft.network.load import load as load_backbone
from regraft.network.surgery import graft

Regraft = Callable[..., tuple[int, str, str]]
Make = Callable[..., Path]


@pytest.fixture(scope="module")
def run(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """One trained run."""
    return train(digits, Recipe(fast=True), out=tmp_path_factory.mktemp("train") / "run")


@pytest.mark.slow
def test_the_run_folder(run: Run) -> None:
    folder = run.folder
    assert run.metrics.accuracy > 0.85
    assert run.metrics.split == "test"
    assert run.baselines["majority_class"] < 0.2
    assert {path.name for path in folder.iterdir()} == {
        "plan.json", "recipe.json", "environment.json", "data.json", "history.csv", "model", "metrics.json",
        "report.html", "predictions.csv", "tried.json", "README.md", "held_out.safetensors",
    }  # fmt: skip
    data = json.loads((folder / "data.json").read_text())
    assert len(data["files"]) == 300
    assert {file["split"] for file in data["files"]} == {"train", "test"}
    predictions = list(csv.DictReader((folder / "predictions.csv").read_text().splitlines()))
    right = np.mean([row["label"] == row["predicted"] for row in predictions])
    assert right == pytest.approx(run.metrics.accuracy)
    assert json.loads((folder / "metrics.json").read_text()).items() >= run.metrics.as_dict().items()
    page = (folder / "report.html").read_text()
    assert "<svg" in page
    assert "data:image/jpeg" in page or run.metrics.accuracy == 1
    assert "http://" not in page.replace("http://www.w3.org", "").replace("http://purl.org", "").replace(
        "http://creativecommons.org", ""
    )


@pytest.mark.slow
def test_the_run_says_what_the_rule_alone_gives(run: Run, digits: Path, tmp_path: Path) -> None:
    tried = {attempt.name: attempt for attempt in run.tried}
    assert sum(attempt.kept for attempt in run.tried) == 1
    assert "fine-tune" not in tried  # it was to be fast
    (by_rule,) = (attempt for attempt in run.tried if attempt.note == "the rule")
    assert (by_rule.gain, by_rule.before) == (None, None)
    assert run.rule
    assert run.rule.strategy == run.plan.strategy
    alone = train(digits, Recipe(strategy=run.plan.strategy), out=tmp_path / "alone")
    assert run.rule.accuracy == alone.metrics.accuracy
    assert run.rule.kept == (by_rule.kept)
    assert (alone.rule, alone.tried) == (None, ())
    kept = next(attempt for attempt in run.tried if attempt.kept)
    assert kept.accuracy is not None
    assert kept.accuracy >= (by_rule.accuracy or 0) - 0.005


@pytest.mark.slow
def test_fine_tuning_competes_where_it_is_quick(
    make_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))  # where no slower pass was noted
    run = train(make_folder(classes=3, each=30), Recipe(image_size=32, epochs=1), out=tmp_path / "run")
    assert run.plan.competing_epochs == 1
    assert any("Fine-tuning is tried too: 1 epoch takes about" in reason for reason in run.plan.reasons)
    last = run.tried[-1]
    assert last.name == "fine-tune"
    assert last.accuracy is not None or last.note == "the best head leaves too little to gain"


@pytest.mark.slow
def test_a_second_call_looks_at_no_image_and_gives_the_same(
    run: Run, regraft: Regraft, digits: Path, tmp_path: Path
) -> None:
    recipe = run.folder / "recipe.json"
    code, out, err = regraft("train", digits, "--recipe", recipe, "--out", tmp_path / "again", "--json", "--quiet")
    assert code == 0, err
    again = json.loads(out)
    assert again["images_through_backbone"] == 0
    assert again["metrics"] == run.as_dict()["metrics"]
    first, second = (load(place).module.state_dict() for place in (run.folder, tmp_path / "again"))
    assert all(torch.equal(first[key], second[key]) for key in first)


@pytest.mark.slow
def test_an_early_cut_gives_a_smaller_model_that_predicts_like_the_sliced_network(
    regraft: Regraft, digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regraft.network.saved.best_engine", lambda device: PYTORCH)  # what it computes is exact
    code, out, err = regraft("train", digits, "--cut", "blocks.1", "--out", tmp_path / "early", "--json", "--quiet")
    assert code == 0, err
    assert json.loads(out)["strategy"] == "early-layers"
    backbone = load_backbone("embedded")
    whole = sum(value.numel() * 4 for value in backbone.model.state_dict().values())
    assert (tmp_path / "early" / "model" / "model.safetensors").stat().st_size < whole / 2
    classifier = load(tmp_path / "early", device="cpu")
    live = graft(backbone.model, backbone.traced, [backbone.cut_of("blocks.1")], classifier.module.head)
    paths = sorted(digits.rglob("*.png"))[:5]
    transform = backbone.preprocessing.transform()
    with torch.no_grad():
        logits = live(torch.stack([transform(Image.open(path).convert("RGB")) for path in paths]))
    expected = torch.softmax(logits, 1).numpy()
    found = np.stack([p.probabilities for p in classifier.predict(paths) if p.probabilities is not None])
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.slow
def test_predict_and_evaluate(run: Run, regraft: Regraft, digits: Path, tmp_path: Path) -> None:
    folder = run.folder
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"nothing")
    code, out, err = regraft("predict", folder, digits / "3", broken, "--json", "--quiet", "--out", tmp_path / "p.csv")
    assert code == 0, err
    rows = json.loads(out)["predictions"]
    assert len(rows) == 31
    assert sum(row["class"] == "3" for row in rows) > 22
    assert rows[-1]["class"] is None
    assert "not an image" in rows[-1]["error"]
    assert len((tmp_path / "p.csv").read_text().splitlines()) == 32
    code, out, err = regraft("evaluate", folder, digits, "--json", "--quiet")
    assert code == 0, err
    metrics = json.loads(out)["metrics"]
    assert metrics["split"] == "all"
    assert metrics["accuracy"] > 0.9
    code, out, err = regraft("evaluate", folder, digits, "--quiet")
    assert code == 0, err
    assert "balanced accuracy" in out.lower()


@pytest.mark.slow
def test_plan_and_scan_print_what_they_found(regraft: Regraft, digits: Path) -> None:
    code, out, err = regraft("plan", digits, "--json", "--quiet")
    assert code == 0, err
    plan = json.loads(out)
    assert len(plan["similarity"]["profile"]) == 9
    assert plan["size"]["images"] == 240
    assert plan["similarity"]["evidence"]["domain"] < 0  # on the other side than photographs
    assert regraft("plan", digits, "--quiet")[0] == 0
    code, out, err = regraft("scan", digits, "--json")
    assert json.loads(out)["images"] == 300
    assert "No faults" in regraft("scan", digits)[1]


@pytest.mark.slow
def test_the_split_does_not_depend_on_the_seed(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    tests, root = [], make_folder(each=20)
    for options in (["--seed", 1], ["--seed", 2], ["--split-seed", 1]):
        place = tmp_path / "-".join(str(option) for option in options)
        assert regraft("train", root, "--out", place, "--cut", "blocks.1", "--quiet", *options)[0] == 0
        files = json.loads((place / "data.json").read_text())["files"]
        tests.append({file["path"] for file in files if file["split"] == "test"})
    assert tests[0] == tests[1] != tests[2]


@pytest.mark.slow
def test_real_weights_know_images(imagenet_weights: Path, regraft: Regraft, digits: Path) -> None:
    code, out, err = regraft(
        "plan", digits, "--backbone", "torchvision/squeezenet1_1", "--weights", imagenet_weights,
        "--image-size", 96, "--json", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    assert max(point["accuracy"] for point in json.loads(out)["similarity"]["profile"]) > 0.8
