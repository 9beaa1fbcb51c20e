"""Intervals hold what they promise: coverage over sets drawn from what is known."""

import numpy as np
import pytest

from regraft.metrics import intervals as module
from regraft.metrics import measure
from regraft.metrics.intervals import intervals, mean_of_shares, wilson
from regraft.metrics.summaries import drawn_summaries, summaries

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
    assert (low, high) == pytest.approx(mean_of_shares(np.array([0, 1]), [wilson(0, 6), wilson(594, 594)]))


@pytest.mark.parametrize("grouped", [False, True])
def test_all_three_intervals_cover(grouped: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRAWS", 150)
    draw = np.random.default_rng(1)

    def judged(patients: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        group_of = np.repeat(np.arange(patients), 4)
        labels = draw.integers(0, 3, len(group_of))
        chances = draw.beta(4, 1, patients)[group_of] if grouped else 0.8
        right = draw.random(len(labels)) < chances
        return labels, np.where(right, labels, (labels + 1) % 3), group_of

    truth = summaries(*judged(50_000)[:2])
    covered = np.zeros(3)
    for _ in range(SETS):
        labels, predicted, group_of = judged(60)
        groups = [str(group) for group in group_of] if grouped else None
        ends = np.array(intervals(labels, predicted, groups, 0))
        covered += (ends[:, 0] <= truth) & (truth <= ends[:, 1])
    assert covered.min() >= (LEAST - 0.01) * SETS  # of a bootstrap of few drawings


def test_groups_that_are_all_right_are_not_certain() -> None:
    labels = np.arange(100) % 2
    groups = [f"patient {image // 20}" for image in range(100)]
    ends = measure(np.eye(2)[labels], labels, "ab", "test", 0, groups).intervals
    for name in ("accuracy", "balanced_accuracy"):
        assert ends[name][0] < wilson(5, 5)[0] + 0.2  # five patients tell little
        assert ends[name][1] == 1


@pytest.mark.parametrize("classes", [2, 40])
def test_many_drawings_at_once_give_what_each_gives(classes: int) -> None:
    draw = np.random.default_rng(0)
    truth, predicted = draw.integers(0, classes, (2, 90))
    weights = draw.multinomial(90, np.full(90, 1 / 90), 50)
    each = [summaries(truth, predicted, drawn) for drawn in weights]
    np.testing.assert_array_equal(drawn_summaries(truth, predicted, weights), each)
