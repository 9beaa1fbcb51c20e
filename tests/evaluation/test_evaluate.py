import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.metrics import balanced_accuracy_score, confusion_matrix, f1_score, precision_recall_fscore_support
from sklearn.neighbors import KNeighborsClassifier

from regraft.metrics import baselines, measure, wilson


def test_metrics_agree_with_scikit_learn() -> None:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 4, 300)
    probabilities = np.eye(5)[np.where(draw.random(300) < 0.7, labels, draw.integers(0, 4, 300))]
    predicted = probabilities.argmax(1)
    found = measure(probabilities, labels, list("abcde"), "test", 0)
    assert found.accuracy == pytest.approx((predicted == labels).mean())
    assert found.balanced_accuracy == pytest.approx(balanced_accuracy_score(labels, predicted))
    assert found.macro_f1 == pytest.approx(f1_score(labels, predicted, average="macro"))
    assert found.confusion.sum() == 300
    assert [row.images for row in found.per_class] == [*np.bincount(labels), 0]
    np.testing.assert_array_equal(found.confusion, confusion_matrix(labels, predicted, labels=range(5)))
    columns = precision_recall_fscore_support(labels, predicted, labels=range(5), zero_division=0)
    rows = [(row.precision, row.recall, row.f1, row.images) for row in found.per_class]
    np.testing.assert_allclose(np.array(rows).T, columns)


def test_intervals_have_the_binomial_width() -> None:
    labels = np.zeros(400, dtype=int)
    probabilities = np.eye(2)[(np.arange(400) < 80).astype(int)]
    low, high = measure(probabilities, labels, "ab", "test", 0).intervals["accuracy"]
    expected = 1.96 * np.sqrt(0.8 * 0.2 / 400)
    assert 0.8 - low == pytest.approx(expected, rel=0.2)
    assert high - 0.8 == pytest.approx(expected, rel=0.2)


def test_all_right_is_not_certain() -> None:
    labels = np.arange(10) % 2
    low, high = measure(np.eye(2)[labels], labels, "ab", "test", 0).intervals["accuracy"]
    assert (round(low, 3), high) == (0.722, 1.0)  # Wilson's, from a table


def test_images_of_one_group_count_as_one_draw() -> None:
    labels = np.arange(400) % 2
    groups = [f"patient {image // 20}" for image in range(400)]  # each right or wrong as a whole
    wrong = np.arange(400) // 20 % 5 == 0
    probabilities = np.eye(2)[np.where(wrong, 1 - labels, labels)]
    alone, together = (
        measure(probabilities, labels, "ab", "test", 0, given).intervals["accuracy"] for given in (None, groups)
    )
    expected = 1.96 * np.sqrt(0.8 * 0.2 / 20)
    assert (together[1] - together[0]) / 2 == pytest.approx(expected, rel=0.2)
    assert together[1] - together[0] > 3 * (alone[1] - alone[0])


def test_baselines() -> None:
    train = np.array([[1.0, 0], [1, 0.1], [0, 1]])
    found = baselines(train, np.array([0, 0, 1]), np.array([[2.0, 0], [0, 3]]), np.array([0, 1]))
    assert found == {"majority_class": 0.5, "nearest_neighbour": 1.0}


def test_the_nearest_neighbour_is_scikit_learns() -> None:
    draw = np.random.default_rng(0)
    labels, centres = draw.integers(0, 3, 1500), draw.normal(size=(3, 8))
    features = (centres[labels] + draw.normal(0, 1.5, (1500, 8))).astype(np.float32)
    features[7] = 0  # of no direction
    train, test = slice(0, 800), slice(800, 1500)  # more than are compared at once
    neighbour = KNeighborsClassifier(n_neighbors=1, metric="cosine", algorithm="brute")
    expected = neighbour.fit(features[train], labels[train]).score(features[test], labels[test])
    found = baselines(features[train], labels[train], features[test], labels[test])["nearest_neighbour"]
    assert found == pytest.approx(expected, abs=2 / 700)  # two may be as near in single precision
    assert found < 0.95


@pytest.mark.parametrize(("right", "images"), [(0, 1), (1, 1), (0, 40), (40, 40), (3, 7), (391, 400), (50_000, 90_000)])
def test_wilsons_interval_is_scipys(right: int, images: int) -> None:
    expected = binomtest(right, images).proportion_ci(0.95, method="wilson")
    assert wilson(right, images) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_macro_f1_is_of_the_classes_that_are_there() -> None:
    labels, predicted = np.ones(8, dtype=int), np.array([1] * 7 + [0])
    found = measure(np.eye(2)[predicted], labels, "ab", "all", 0)
    assert found.macro_f1 == pytest.approx(f1_score(labels, predicted, labels=[1], average="macro"))
    assert found.macro_f1 > 0.9
