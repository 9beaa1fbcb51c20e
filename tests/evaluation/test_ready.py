"""What answers images one by one gives what ``Classifier.predict`` gives, of frozen networks and of trained ones."""

from pathlib import Path

import numpy as np
import pytest
from conftest import picture

from regraft import Recipe, load, train
from regraft.data.content import Given
from regraft.evaluation.ready import ready


@pytest.fixture(scope="module")
def tuned(served_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = Recipe(image_size=32, backbone="demonstration", strategy="fine-tune", epochs=1)
    return train(served_run.parent / "data", recipe, tmp_path_factory.mktemp("runs") / "tuned", progress=False).folder


@pytest.mark.parametrize("kind", ["served_run", "tuned"])
def test_the_same_as_predict(kind: str, request: pytest.FixtureRequest) -> None:
    classifier = load(request.getfixturevalue(kind))
    images = [*(picture(kind, 900 + kind, 30 + kind) for kind in (0, 1, 1)), b"none", np.zeros((5, 9, 3), np.uint8)]
    answering = ready(classifier)
    reads = [answering.read(str(place), Given(lambda image=image: image)) for place, image in enumerate(images)]
    together = answering.answer(reads)
    for expected, one, read in zip(classifier.predict(images), together, reads, strict=True):
        (alone,) = answering.answer([read])
        assert expected.fault == one.fault == alone.fault
        if expected.fault is None:
            assert one.probabilities == pytest.approx(expected.probabilities, abs=1e-5)
            assert alone.probabilities == pytest.approx(expected.probabilities, abs=1e-5)
            assert alone.familiarity == one.familiarity == expected.familiarity
    assert answering.streams >= 1
    assert answering.answer([]) == []
