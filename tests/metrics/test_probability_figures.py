"""All figures of probabilities together, against scikit-learn and by simulation."""

import json
import time

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, log_loss

from regraft.metrics import measure, softmax
from regraft.metrics.probability_figures import probability_figures
from regraft.metrics.scores import brier_scores, negative_log_likelihoods


def predictions(draw: np.random.Generator, images: int, classes: int, sharper: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities and labels, of a model that is surer than right by a factor on its logits."""
    logits = 2 * draw.normal(size=(images, classes))
    drawn = (softmax(logits).cumsum(axis=1) < draw.random((images, 1))).sum(axis=1)
    return softmax(sharper * logits), np.minimum(drawn, classes - 1)


@pytest.mark.parametrize("classes", [2, 5])
def test_the_scores_are_scikit_learns(classes: int) -> None:
    said, labels = predictions(np.random.default_rng(0), 200, classes, 1.5)
    found = measure(said, labels, "abcde"[:classes], "test", 0).probabilities
    assert found.negative_log_likelihood.value == pytest.approx(log_loss(labels, said, labels=range(classes)))
    if classes == 2:
        assert found.brier.value == pytest.approx(2 * brier_score_loss(labels, said[:, 1]))
    assert found.brier.value == pytest.approx(np.square(said - np.eye(classes)[labels]).sum(1).mean())


def test_one_that_was_sure_and_wrong_costs_much_and_no_infinity() -> None:
    said, labels = np.eye(2)[[0, 0]], np.array([0, 1])
    assert negative_log_likelihoods(said, labels).tolist() == pytest.approx([0, 36.04], abs=0.01)
    assert brier_scores(said, labels).tolist() == [0, 2]


@pytest.mark.parametrize("sharper", [1.0, 2.0])
def test_the_intervals_of_the_scores_cover(sharper: float) -> None:
    draw, inside = np.random.default_rng(1), []
    said, labels = predictions(draw, 300_000, 4, sharper)
    truths = [scores(said, labels).mean() for scores in (negative_log_likelihoods, brier_scores)]
    for start in range(0, 500 * 120, 120):
        part = slice(start, start + 120)
        found = probability_figures(said[part], labels[part], 0)
        ends = found.negative_log_likelihood.interval, found.brier.interval
        inside.append([bool(end) and end[0] <= truth <= end[1] for end, truth in zip(ends, truths, strict=True)])
    assert np.all(np.mean(inside, axis=0) > 0.92), np.mean(inside, axis=0)
    assert np.all(np.mean(inside, axis=0) < 0.98), np.mean(inside, axis=0)


def test_groups_widen_them() -> None:
    said, labels = (np.repeat(some, 8, axis=0) for some in predictions(np.random.default_rng(2), 50, 3, 1))
    groups = [f"patient {image // 8}" for image in range(400)]
    alone, together = (measure(said, labels, "abc", "test", 0, given, 0.2).probabilities for given in (None, groups))
    assert alone.conformal
    assert together.conformal
    pairs = [
        (alone.brier.interval, together.brier.interval),
        (alone.negative_log_likelihood.interval, together.negative_log_likelihood.interval),
        (alone.conformal.interval, together.conformal.interval),
        (alone.risk_coverage.kept[2].interval, together.risk_coverage.kept[2].interval),
    ]
    for one, other in pairs:
        assert one
        assert other
        assert other[1] - other[0] > 2 * (one[1] - one[0])


def test_they_stand_in_json_with_the_scores_first() -> None:
    said, labels = predictions(np.random.default_rng(3), 60, 3, 1)
    metrics = measure(said, labels, "abc", "test", 0, threshold=0.2)
    whole = metrics.as_dict()["probabilities"]
    assert list(whole) == ["negative_log_likelihood", "brier", "calibration", "risk_coverage", "conformal"]
    assert json.loads(json.dumps(whole, allow_nan=False)) == whole
    brief = metrics.summary()["probabilities"]
    assert "bins" in whole["calibration"]
    assert "bins" not in brief["calibration"]
    assert "kept" not in brief["risk_coverage"]
    assert measure(said, labels, "abc", "test", 0).probabilities.conformal is None


@pytest.mark.parametrize("images", [1, 2, 5])
def test_few_images_and_certain_ones(images: int) -> None:
    labels = np.arange(images) % 2
    for said in (np.eye(2)[labels], np.full((images, 2), 0.5), np.eye(2)[1 - labels].astype(np.float32)):
        figures = measure(said, labels, "ab", "test", 0, threshold=0.0).as_dict()["probabilities"]
        json.dumps(figures, allow_nan=False)
        assert figures["conformal"]["mean_size"] == 2


def test_they_take_no_time() -> None:
    said, labels = predictions(np.random.default_rng(4), 400, 10, 1)
    took = []
    for _ in range(5):
        started = time.process_time()
        probability_figures(said, labels, 0)
        took.append(time.process_time() - started)
    assert min(took) < 0.03
