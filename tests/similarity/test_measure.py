"""The one judge, who is asked whatever the backbone, and what decides where the source is no photographs."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from pictures import digits as digit_pictures
from pictures import photographs
from PIL import Image

from regraft.data.readers.memory import from_arrays
from regraft.data.split import subsample
from regraft.features import extract
from regraft.network.engine import PYTORCH
from regraft.planning.prepare import Job, prepare
from regraft.recipe import Recipe
from regraft.runs.job import train
from regraft.similarity import measure
from regraft.similarity.measure import Similarity
from regraft.similarity.reference import reference

UNTRAINED = "mobilenetv3_small_050"


@pytest.fixture(autouse=True)
def no_conversion(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reference engine, which is ready at once."""
    monkeypatch.setattr("regraft.features.frozen_pass.best_engine", lambda device: PYTORCH)


@pytest.fixture(scope="module")
def untrained(tmp_path_factory: pytest.TempPathFactory) -> Recipe:
    """A small network of timm's with random weights from a file."""
    path = tmp_path_factory.mktemp("weights") / "random.pth"
    torch.manual_seed(0)
    torch.save(timm.create_model(UNTRAINED).state_dict(), path)
    return Recipe(backbone=UNTRAINED, weights=str(path), image_size=64)


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """The labels of the images that were shown to the judge's network, a list for each time."""
    seen: list[np.ndarray] = []

    def known(features: extract.Features, rows: np.ndarray, *more: object) -> extract.Features:
        seen.append(features.labels[rows])
        return extract.extract_known(features, rows, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(measure, "extract_known", known)
    return seen


def looked(pictures: list[Image.Image], recipe: Recipe = Recipe(), every: int = 2) -> Job:
    """Two classes; the first has one image of ``every``."""
    return prepare(from_arrays(pictures, [int(row >= len(pictures) / every) for row in range(len(pictures))]), recipe)


def similarity_of(pictures: list[Image.Image], recipe: Recipe = Recipe()) -> Similarity:
    return looked(pictures, recipe).plan.similarity


@pytest.mark.slow
@pytest.mark.parametrize(("pictures", "similar"), [(photographs, True), (digit_pictures, False)])
def test_the_judges_word_is_the_same_whatever_the_backbone(
    pictures: Callable[..., list[Image.Image]],
    similar: bool,
    untrained: Recipe,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    passes: list[np.ndarray],
) -> None:
    found = []
    for number, recipe in enumerate((Recipe(image_size=128), Recipe(image_size=64), untrained)):
        monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / str(number)))  # nothing is known from the time before
        found.append(similarity_of(pictures(count=40), recipe))
        assert len(passes) == number  # the embedded network itself has seen them
    own, *others = found
    assert (own.score.value > 0.5) == similar
    assert own.judged == 32
    assert list(own.score.moved) == ["domain"]
    for other in others:
        assert other.judged == 32
        assert other.evidence.domain == pytest.approx(own.evidence.domain, abs=1e-4)
        ends = own.score.low, own.score.value, own.score.high
        assert (other.score.low, other.score.value, other.score.high) == pytest.approx(ends, abs=1e-4)
    assert found[2].evidence.gain != own.evidence.gain


def test_no_more_images_than_needed_go_to_the_judge(
    untrained: Recipe, monkeypatch: pytest.MonkeyPatch, passes: list[np.ndarray]
) -> None:
    monkeypatch.setattr(measure, "JUDGED_IMAGES", 12)
    job = looked(photographs(count=60), untrained, every=4)
    similarity = job.plan.similarity
    assert 8 <= similarity.judged == len(passes[0]) <= 12  # 12 were chosen before some were held out
    assert (np.bincount(passes[0]) <= [3, 9]).all()
    assert len(similarity.rows) == len(job.split.train) == 48
    assert job.plan.as_dict()["similarity"]["images_judged"] == similarity.judged
    assert similarity.score.value > 0.5
    monkeypatch.setattr(measure, "JUDGED_IMAGES", 100)
    assert looked(photographs(count=60), untrained, every=4).plan.similarity.judged == len(passes[1]) == 48


@pytest.mark.slow
def test_real_weights_leave_the_verdict_to_the_judge(
    digits: Path, imagenet_weights: Path, passes: list[np.ndarray]
) -> None:
    named = Recipe(backbone="torchvision/squeezenet1_1", weights=str(imagenet_weights))
    plan = prepare(digits, named).plan
    assert plan.verdict == "different"
    assert plan.similarity.score.high < 0.5
    assert plan.similarity.judged == len(passes[0]) == 240
    assert plan.similarity.confidence is not None


@pytest.mark.slow
def test_a_source_that_is_no_photographs_is_not_judged(
    untrained: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, passes: list[np.ndarray]
) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    images = from_arrays(digit_pictures(60), [row % 10 for row in range(60)])
    demonstration = Recipe(backbone="demonstration", image_size=32)
    run = train(images, demonstration.but(strategy="from-scratch", epochs=1, batch_size=16), tmp_path / "run")
    for recipe in (demonstration, Recipe(backbone=str(run.folder))):
        similarity = prepare(images, recipe).plan.similarity
        assert (similarity.judged, similarity.evidence.domain, similarity.evidence.log_shift) == (0, None, None)
        assert similarity.score.decided_by == "the gain from depth"
    for number, picture in enumerate(photographs(count=60)):
        picture.save(tmp_path / f"{number}.png")
    reference(UNTRAINED, [tmp_path], recipe=untrained)
    known = prepare(images, untrained).plan.similarity
    assert (known.judged, known.evidence.domain) == (0, None)
    assert known.evidence.log_shift is not None
    assert set(known.score.moved) == {"gain", "log_shift"}
    assert not passes


def test_subsample_keeps_proportions() -> None:
    labels = np.array([0] * 9000 + [1] * 1000)
    chosen = subsample(labels, 1000)
    assert len(chosen) == 1000
    assert abs((labels[chosen] == 1).sum() - 100) <= 1
