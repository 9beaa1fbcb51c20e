"""Intervals hold what they promise: coverage over sets drawn from what is known."""

import numpy as np
import pytest

from regraft.metrics import intervals as module
from regraft.metrics.intervals import intervals, mean_of_shares

SETS = 400
LEAST = 0.92  # of SETS at 95%: three standard errors below


@pytest.mark.parametrize(
    ("images", "recalls"), [((6, 594), (0.5, 0.99)), ((60, 60), (0.9, 0.7)), ((5,) * 20, (0.6, 0.9) * 10)]
)
def test_the_balanced_accuracys_interval_covers(
    images: tuple[int, ...], recalls: tuple[float, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "DRAWS", 150)
    draw = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(images)), images)
    covered = 0
    for _ in range(SETS):
        right = draw.random(len(labels)) < np.array(recalls)[labels]
        low, high = intervals(labels, np.where(right, labels, (labels + 1) % len(images)), None, 0)[1]
        covered += low <= np.mean(recalls) <= high
    assert covered >= LEAST * SETS


def test_a_few_images_that_are_all_missed_are_not_certain() -> None:
    labels = np.repeat([0, 1], [6, 594])
    low, high = intervals(labels, np.ones(600, int), None, 0)[1]
    assert low < 0.5
    assert high > 0.65  # six misses in six leave a recall of 39% possible
    assert (low, high) == pytest.approx(mean_of_shares([0, 594], [6, 594]))
