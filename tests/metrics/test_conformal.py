"""Conformal sets hold the true class as often as they say."""

import numpy as np
import pytest

from regraft.metrics.conformal import conformal_sets, threshold_of
from regraft.metrics.scores import of_truth

LEVEL, SETS = 0.9, 400


def predictions(draw: np.random.Generator, images: int, sharper: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels of eight classes, from a model that is surer than right by a factor on its logits."""
    logits = 1.5 * draw.normal(size=(images, 8))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    said = np.exp(sharper * logits) / np.exp(sharper * logits).sum(1, keepdims=True)
    labels = np.minimum((true.cumsum(1) < draw.random((images, 1))).sum(1), 7)
    return said, labels


@pytest.mark.parametrize("sharper", [1.0, 3.0])
@pytest.mark.parametrize("held_out", [9, 20, 150])
def test_coverage_is_what_was_asked_for_whatever_the_model(held_out: int, sharper: float) -> None:
    draw, coverages = np.random.default_rng(held_out), []
    for _ in range(SETS):
        threshold = threshold_of(of_truth(*predictions(draw, held_out, sharper)))
        said, labels = predictions(draw, 100, sharper)
        coverages.append(float((of_truth(said, labels) >= threshold).mean()))
        assert conformal_sets(said, labels, threshold).coverage >= coverages[-1]
    noise = 3 * np.std(coverages) / np.sqrt(SETS)
    assert LEVEL - noise < np.mean(coverages) < LEVEL + 1 / (held_out + 1) + noise


def test_the_interval_of_the_coverage_covers() -> None:
    draw, found = np.random.default_rng(4), []
    said, labels = predictions(draw, 200_000)
    truth = conformal_sets(said, labels, 0.1).coverage
    for start in range(0, 400 * 200, 200):
        low, high = conformal_sets(said[start : start + 200], labels[start : start + 200], 0.1).interval
        found.append(low <= truth <= high)
    assert 0.92 < np.mean(found) < 0.98


def test_the_threshold_by_hand() -> None:
    held_out = np.arange(1, 20) / 20
    assert threshold_of(held_out) == pytest.approx(0.1)  # the 18th largest of 19
    assert threshold_of(held_out, 0.5) == pytest.approx(0.5)
    assert threshold_of(held_out[:8]) == 0  # eight images tell nothing of one in ten
    assert threshold_of(held_out[-9:]) == pytest.approx(held_out[-9])
    assert threshold_of(np.empty(0)) == 0


def test_sets_by_hand() -> None:
    said = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25], [0.34, 0.33, 0.33], [0.95, 0.04, 0.01]])
    found = conformal_sets(said, np.array([0, 2, 1, 1]), 0.3)
    assert (found.coverage, found.mean_size, found.single) == (0.5, 2 * (1 + 2 + 3 + 1) / 8, 0.5)
    strict = conformal_sets(said, np.array([0, 2, 1, 1]), 0.99)
    assert (strict.mean_size, strict.single, strict.coverage) == (1, 1, 0.25)  # the likeliest class is always in
