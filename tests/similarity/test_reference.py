"""Networks whose source is no photographs: a run, the demonstration network; and the statistics made for them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import picture
from PIL import Image

from regraft.features.extract import extract
from regraft.features.frozen_pass import wanted_of
from regraft.network.demonstration import build
from regraft.network.load import load
from regraft.planning.prepare import prepare
from regraft.recipe import Recipe
from regraft.runs.job import train
from regraft.similarity.shift import moments_at, shift_at
from regraft.similarity.statistics import Level, Statistics, find_statistics, path_of

Regraft = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder of pictures, and a run of the demonstration network on it."""
    root = tmp_path_factory.mktemp("teaching")
    for kind in range(3):
        folder = root / "data" / f"class{kind}"
        folder.mkdir(parents=True)
        for seed in range(20):
            picture(kind, seed).save(folder / f"{seed:03d}.png")
    recipe = Recipe(backbone="demonstration", strategy="from-scratch", epochs=8, batch_size=8, image_size=32)
    assert train(root / "data", recipe, root / "taught").strategy == "from-scratch"
    return root / "data", root / "taught"


@pytest.fixture
def teaching_run(taught: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """The same, with a cache of their own, where no statistics are yet."""
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    return taught


def planned(regraft: Regraft, data: Path, run: Path) -> dict[str, Any]:
    code, out, err = regraft("plan", data, "--backbone", run, "--json", "--quiet")
    assert code == 0, err
    plan: dict[str, Any] = json.loads(out)
    return plan


def made(regraft: Regraft, run: Path, data: Path) -> dict[str, Any]:
    code, out, err = regraft("reference", run, data, "--json", "--quiet")
    assert code == 0, err
    reference: dict[str, Any] = json.loads(out)
    return reference


def shifts(data: Path, run: Path, level: Level) -> np.ndarray:
    """The shift of the training images at every cut, from source images at ``level``."""
    job = prepare(data, Recipe(backbone=str(run)))
    statistics = find_statistics(job.backbone.fingerprint)
    assert statistics
    source = [(cut, statistics.moments(cut.name, level)) for cut in job.features.cuts]
    return np.array([shift_at(job.features, cut, job.split.train, known)[0] for cut, known in source if known])


@pytest.mark.slow
def test_a_finished_run_is_a_backbone(teaching_run: tuple[Path, Path], regraft: Regraft, tmp_path: Path) -> None:
    data, run = teaching_run
    backbone = load(str(run))
    trained = json.loads((run / "model" / "config.json").read_text())["regraft"]
    assert backbone.preprocessing.size == 32
    fresh = build().state_dict()
    assert any(not torch.equal(value, fresh[name]) for name, value in backbone.model.state_dict().items())
    assert trained["architecture"]["library"] == "regraft"
    code, out, err = regraft("train", data, "--backbone", run, "--strategy", "early-layers", "--cut", "conv2", "--out",
                             tmp_path / "again", "--json", "--quiet")  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["cut"] == "conv2"
    code, out, err = regraft("plan", data, "--backbone", tmp_path / "again", "--json")
    assert code == 0, err
    planned = json.loads(out)
    assert [point["cut"] for point in planned["similarity"]["profile"]] == ["conv1", "conv2"]
    assert any("early layers only: the network ends at conv2" in note for note in planned["notes"])


def test_the_demonstration_network_has_the_courses_layers() -> None:
    backbone = load("demonstration")
    assert [cut.name for cut in backbone.cuts] == ["conv1", "conv2", "conv3", "fc1", "fc2"]
    again = load("demonstration").model.state_dict()
    assert all(torch.equal(value, again[name]) for name, value in backbone.model.state_dict().items())
    assert any("random weights" in note for note in backbone.notes)


def test_statistics_made_from_images_give_those_images_no_shift(
    teaching_run: tuple[Path, Path], regraft: Regraft
) -> None:
    data, run = teaching_run
    fingerprint = load(str(run)).fingerprint
    assert find_statistics(fingerprint) is None
    before = planned(regraft, data, run)
    assert before["similarity"]["evidence"]["log_shift"] is None
    assert any("`regraft reference` makes statistics of it" in detail for detail in before["details"])
    reference = made(regraft, run, data)
    assert (reference["images"], reference["fingerprint"]) == (60, fingerprint)
    assert reference["file"] == str(path_of(fingerprint))
    found = shifts(data, run, None)
    assert len(found) == len(reference["cuts"]) == 5
    assert (found < 0.05).all()
    after = planned(regraft, data, run)
    assert after["similarity"]["evidence"]["log_shift"] < np.log(0.05)
    assert after["similarity"]["score"] > before["similarity"]["score"]
    assert not any("regraft reference" in detail for detail in after["details"])
    code, _, err = regraft("reference", run, data / "class0")
    assert code == 2
    assert "too few" in err


def test_the_file_has_the_moments_of_the_images_as_they_are(teaching_run: tuple[Path, Path], regraft: Regraft) -> None:
    data, run = teaching_run
    made(regraft, run, data)
    job = prepare(data, Recipe(backbone=str(run)), hold_out=False)
    statistics = find_statistics(job.backbone.fingerprint)
    assert statistics
    assert (statistics.side, statistics.size) == (32, 32)  # pictures of 40 pixels, of which the network sees 32
    assert {level for _, level in statistics.by_place} == {None, 8, 16}
    features = extract(job.images, job.backbone, wanted_of(job.backbone, spread=True))
    for cut in features.cuts:
        known, seen = statistics.moments(cut.name), moments_at(features, cut, np.arange(60))
        assert known
        np.testing.assert_allclose(known.mean, seen.mean, rtol=1e-3, atol=1e-3)
        np.testing.assert_allclose(known.std, seen.std, rtol=1e-2, atol=1e-3)


@pytest.mark.slow
def test_small_images_are_compared_with_source_images_as_small(
    teaching_run: tuple[Path, Path], regraft: Regraft, tmp_path: Path
) -> None:
    data, run = teaching_run
    path = Path(made(regraft, run, data)["file"])
    small = tmp_path / "small"
    for file in data.rglob("*.*"):
        to = small / file.relative_to(data).with_suffix(".png")
        to.parent.mkdir(parents=True, exist_ok=True)
        Image.open(file).convert("RGB").resize((16, 16), Image.Resampling.BICUBIC).save(to)
    statistics = find_statistics(load(str(run)).fingerprint)
    assert statistics
    assert statistics.level_for(16, 32) == 16
    matched = shifts(small, run, 16).mean()
    assert matched < 0.05
    assert shifts(small, run, None).mean() > 2 * matched
    assert planned(regraft, small, run)["similarity"]["evidence"]["log_shift"] < np.log(0.05)
    as_they_are = {place: moments for place, moments in statistics.by_place.items() if place[1] is None}
    Statistics(as_they_are, statistics.side, statistics.size).write(path)
    assert planned(regraft, small, run)["similarity"]["evidence"]["log_shift"] is None  # relative to nothing
