"""Large sets: a sample makes the plan, and all images are looked at for the cuts alone that it leads to."""

import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file

import regraft as library
from regraft import Recipe
from regraft.data.find import find_images
from regraft.data.sampling import sample_of
from regraft.features import on_disk
from regraft.planning import large_sets
from regraft.planning.prepare import look, prepare

Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]
SETTINGS = Recipe(backbone="demonstration", image_size=32)
EACH, SAMPLED = 30, 24


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test counts what goes through the network."""
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What counts as large is small."""
    monkeypatch.setattr(large_sets, "ALL_CUTS_UP_TO", 50)
    monkeypatch.setattr(large_sets, "SAMPLED", SAMPLED)


def head_of(run: Path) -> dict[str, np.ndarray]:
    return load_file(run / "model" / "model.safetensors")


def test_a_sample_has_every_class_and_part_in_proportion(make_folder: Make) -> None:
    images = find_images(make_folder(classes=2, each=40, parts=("train", "test")))
    rare = images.of([*range(40), *range(40, 43), *range(80, 160)])  # three of one class in one part
    rows = sample_of(rare, 40)
    drawn = Counter((rare.files[row].split, rare.files[row].label) for row in rows)
    sizes = Counter((file.split, file.label) for file in rare.files)
    assert sorted(drawn) == sorted(sizes)
    assert {drawn[key] for key in sizes if sizes[key] == 40} == {int(40 * 40 / len(rare.files))}
    assert [drawn[key] for key in sizes if sizes[key] == 3] == [2]


def test_a_sample_is_the_same_in_any_order(make_folder: Make) -> None:
    images = find_images(make_folder(each=40))
    turned = images.of(range(len(images.files) - 1, -1, -1))
    names = [{one.files[row].name for row in sample_of(one, 20)} for one in (images, turned)]
    assert names[0] == names[1]
    assert len(names[0]) == 20


@pytest.mark.usefixtures("small")
def test_a_plan_stops_after_the_sample(make_folder: Make, regraft: Regraft, tmp_path: Path) -> None:
    data = make_folder(each=EACH)
    options = ("--backbone", "demonstration", "--image-size", 32, "--quiet")
    code, out, err = regraft("plan", data, *options, "--json", "--out", tmp_path / "plan")
    assert code == 0, err
    plan = json.loads(out)
    assert (plan["images_through_backbone"], plan["images_planned_on"]) == (SAMPLED, SAMPLED)
    assert plan["size"]["images"] == 2 * EACH * 4 // 5  # of all, not of the sample
    assert "The plan was made on 24 of the 60 images, drawn from every class and part in proportion" in plan["notes"]
    code, out, err = regraft("train", data, *options, "--json", "--strategy", "head", "--out", tmp_path / "run")
    assert code == 0, err
    run = json.loads(out)
    assert run["images_through_backbone"] == 2 * EACH - SAMPLED  # those of the sample went through before
    assert any("24 of the 60 images" in note for note in run["notes"])
    kept = json.loads((tmp_path / "run" / "plan.json").read_text())
    assert kept["similarity"]["profile"] == plan["similarity"]["profile"]
    assert (kept["images_planned_on"], kept["size"]["images"]) == (SAMPLED, plan["size"]["images"])


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_all_images_have_the_cuts_that_training_asks_for(make_folder: Make) -> None:
    data, settings = make_folder(each=EACH), Recipe(image_size=32)
    job = prepare(data, settings)
    names = [cut.name for cut in job.backbone.cuts]
    there = [cut.name for cut in job.features.cuts]
    assert len(there) < len(names)
    assert sorted(there, key=names.index) == there
    assert {names[-1], names[len(names) // 2], job.plan.similarity.best_early_cut, *job.plan.cuts} <= set(there)
    other = next(name for name in names if name not in there)
    named = prepare(data, settings.but(cut=other))
    assert set(there) < {cut.name for cut in named.features.cuts}
    assert library.features_of(data, settings, cut=other, progress=False).X.shape[0] == 2 * EACH
    every = look(data, settings, every_cut=True)
    assert every.features.cuts == every.backbone.cuts
    for cut in job.features.cuts:
        rows = np.arange(2 * EACH)
        np.testing.assert_array_equal(job.features.pooled([cut], rows), every.features.pooled([cut], rows))


def test_the_head_is_that_of_all_cuts(make_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, settings = make_folder(each=EACH), SETTINGS.but(strategy="head")
    before = library.train(data, settings, tmp_path / "before", progress=False)
    monkeypatch.setattr(large_sets, "ALL_CUTS_UP_TO", 50)
    monkeypatch.setattr(large_sets, "SAMPLED", SAMPLED)
    after = library.train(data, settings, tmp_path / "after", progress=False)
    for name, value in head_of(before.folder).items():
        np.testing.assert_array_equal(head_of(after.folder)[name], value)
    assert after.plan.faults == before.plan.faults
    assert before.plan.images_planned_on == 2 * EACH


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "changes",
    [
        {},
        *(
            pytest.param(one, marks=pytest.mark.slow)
            for one in ({"strategy": "early-layers"}, {"pooling": "both"}, {"split_seed": 3})
        ),
    ],
)
def test_train_finds_what_parts_computed(
    make_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    data, settings = make_folder(each=EACH), SETTINGS.but(fast=True, **changes)
    one = library.train(data, settings, tmp_path / "one", progress=False)
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "parts"))
    asked = SETTINGS.but(**{name: value for name, value in changes.items() if name != "strategy"})
    first, second = (library.compute_features(data, asked, part, progress=False) for part in ("2/2", "1/2"))
    assert (first.sampled, second.sampled) == (SAMPLED, 0)
    assert first.passed + second.passed == 2 * EACH - SAMPLED
    assert "24 went through first: a sample" in str(first)
    again = library.train(data, settings, tmp_path / "again", progress=False)
    assert again.images_through_backbone == 0
    for name, value in head_of(one.folder).items():
        np.testing.assert_array_equal(head_of(again.folder)[name], value)


@pytest.mark.slow
@pytest.mark.usefixtures("small")
def test_features_in_a_file(make_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, settings = make_folder(each=EACH), SETTINGS.but(fast=True)
    before = library.train(data, settings, tmp_path / "before", progress=False)
    monkeypatch.setattr(on_disk, "IN_MEMORY", 1_000)
    monkeypatch.setattr(on_disk, "AT_ONCE", 7)
    after = library.train(data, settings, tmp_path / "after", progress=False)
    assert after.cuts == before.cuts
    for name, value in head_of(before.folder).items():
        np.testing.assert_allclose(head_of(after.folder)[name], value, atol=0.01)
    assert not [file for file in (tmp_path / "cache").iterdir() if file.is_file()]


@pytest.mark.usefixtures("small")
def test_a_sample_that_cannot_stand_for_all(make_folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    data = make_folder(each=EACH)
    drawn = sample_of(find_images(data), SAMPLED)
    for row in drawn:
        file = find_images(data).files[row]
        if file.label == 0:
            (data / file.name).write_bytes(b"broken")
    job = prepare(data, SETTINGS)
    assert job.features.cuts == job.backbone.cuts
    assert job.plan.images_planned_on == len(job.features.looks) == 2 * EACH - SAMPLED // 2


@pytest.mark.usefixtures("small")
def test_groups_stay_on_one_side(make_folder: Make) -> None:
    images = find_images(make_folder(each=EACH))
    files = tuple(replace(file, group=f"g{place // 5}") for place, file in enumerate(images.files))
    job = prepare(replace(images, files=files), SETTINGS, plan_alone=True)
    assert job.plan.images_planned_on == SAMPLED
    side = [{job.images.files[row].group for row in rows} for rows in (job.split.train, job.split.test)]
    assert not side[0] & side[1]
