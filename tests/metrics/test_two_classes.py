"""ROC-AUC, average precision, sensitivity and specificity, with their intervals."""

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, roc_auc_score

from regraft.metrics import measure
from regraft.metrics.positive_class import positive_of
from regraft.metrics.two_classes import TwoClasses, area_under_roc, two_classes

SETS = 400
LEAST = 0.92  # of SETS at 95%: three standard errors below


def scored(scores: np.ndarray, labels: np.ndarray, groups: list[str] | None = None) -> TwoClasses:
    """``scores``: log odds of class 1."""
    positive = 1 / (1 + np.exp(-scores))
    return two_classes(np.stack([1 - positive, positive], axis=1), labels, ["healthy", "ill"], 1, groups)


def test_figures_are_scikit_learns() -> None:
    draw = np.random.default_rng(0)
    for decimals in (8, 0):  # without ties, and with many
        labels = draw.integers(0, 2, 300)
        scores = (draw.normal(0, 1, 300) + labels).round(decimals)
        found = scored(scores, labels)
        assert found.roc_auc == pytest.approx(roc_auc_score(labels, scores))
        assert found.average_precision == pytest.approx(average_precision_score(labels, scores))
        assert found.sensitivity == pytest.approx((scores[labels == 1] > 0).mean())
        assert found.specificity == pytest.approx((scores[labels == 0] <= 0).mean())
        across, up = np.array(found.curve).T
        assert found.curve[0] == (0, 0)
        assert found.curve[-1] == (1, 1)
        assert np.trapezoid(up, across) == pytest.approx(found.roc_auc, abs=0.01)


def test_the_areas_interval_is_that_of_a_bootstrap() -> None:
    draw = np.random.default_rng(1)
    labels = np.repeat([0, 1], [200, 100])
    scores = draw.normal(0, 1, 300) + labels
    rows = (draw.integers(0, 300, 300) for _ in range(400))
    low, high = np.percentile([roc_auc_score(labels[row], scores[row]) for row in rows], [2.5, 97.5])
    assert scored(scores, labels).intervals["roc_auc"] == pytest.approx((low, high), abs=0.015)


@pytest.mark.parametrize(("images", "apart"), [((90, 30), 1.0), ((60, 60), 2.5), ((400, 6), 1.5)])
def test_intervals_cover(images: tuple[int, int], apart: float) -> None:
    draw = np.random.default_rng(2)
    labels = np.repeat([0, 1], images)
    many = np.repeat([0, 1], [1000 * count for count in images])
    truth = scored(draw.normal(0, 1, len(many)) + apart * (many - 0.5), many)
    covered = dict.fromkeys(truth.intervals, 0)
    for _ in range(SETS):
        found = scored(draw.normal(0, 1, len(labels)) + apart * (labels - 0.5), labels)
        for name, (low, high) in found.intervals.items():
            covered[name] += low <= getattr(truth, name) <= high
    assert min(covered.values()) >= LEAST * SETS, covered


def test_intervals_cover_where_images_come_in_groups() -> None:
    draw = np.random.default_rng(3)
    group_of = np.repeat(np.arange(60), 5)
    labels = np.tile([0, 0, 1, 0, 1], 60)
    groups = [f"patient {group}" for group in group_of]
    areas = []
    for _ in range(SETS):
        scores = draw.normal(0, 1, 60)[group_of] + draw.normal(0, 0.5, 300) + labels
        areas.append(area_under_roc(scores, labels == 1, group_of))
    truth = np.mean([area for area, _ in areas])
    covered = sum(low <= truth <= high for _, (low, high) in areas)
    assert covered >= LEAST * SETS
    assert scored(scores, labels, groups).intervals["roc_auc"] == areas[-1][1]
    assert np.diff(areas[-1][1]) > np.diff(scored(scores, labels).intervals["roc_auc"])


def test_all_ranked_rightly_is_not_certain() -> None:
    labels = np.repeat([0, 1], [100, 5])
    found = scored(10.0 * labels - 5, labels)
    assert (found.roc_auc, found.average_precision) == (1, 1)
    for low, high in found.intervals.values():
        assert low < 0.97
        assert high == 1


@pytest.mark.parametrize(
    ("classes", "images", "positive"),
    [
        (("ants", "bees"), (90, 10), "bees"),
        (("ants", "bees"), (10, 90), "ants"),
        (("ants", "bees"), (50, 50), "bees"),
        (("NORMAL", "PNEUMONIA"), (10, 90), "PNEUMONIA"),
        (("benign", "malignant"), (10, 90), "malignant"),
        (("mask", "no_mask"), (90, 10), "mask"),
        (("defect", "ok"), (90, 10), "defect"),
        (("0", "1"), (10, 90), "1"),
        (("Infected", "Uninfected"), (90, 10), "Infected"),
        (("good", "bad"), (10, 90), "bad"),
    ],
)
def test_which_class_is_positive(classes: tuple[str, str], images: tuple[int, int], positive: str) -> None:
    assert classes[positive_of(classes, images)] == positive


def test_only_two_classes_that_both_occur_have_these_figures() -> None:
    draw = np.random.default_rng(4)
    labels = np.arange(60) % 2
    two, three = (draw.dirichlet(np.ones(classes), 60) for classes in (2, 3))
    found = measure(two, labels, ["ants", "bees"], "test", 0, positive="ants").as_dict()["two_classes"]
    assert found["positive"] == "ants"
    assert found["roc_auc"] == pytest.approx(roc_auc_score(labels == 0, two[:, 0]))
    assert measure(three, labels, list("abc"), "test", 0).two_classes is None
    assert measure(two, np.zeros(60, int), list("ab"), "test", 0).two_classes is None
