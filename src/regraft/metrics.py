"""Predictions against labels: metrics with 95% intervals, per class; baselines; paired comparisons."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy.sparse import coo_array
from scipy.stats import binomtest

DRAWS = 1_000  # of the bootstrap
PAIRED_DRAWS = 10_000
LEVEL = 0.95
SUMMARIES = ("accuracy", "balanced_accuracy", "macro_f1")


@dataclass(frozen=True)
class ClassMetrics:
    """How one class fared."""

    name: str
    images: int
    precision: float
    recall: float
    f1: float


@dataclass(frozen=True)
class Metrics:
    """Predictions against labels."""

    split: str  # the part that was predicted: test, val or all
    images: int
    accuracy: float
    balanced_accuracy: float
    macro_f1: float
    intervals: Mapping[str, tuple[float, float]]  # of the three above, by name
    per_class: tuple[ClassMetrics, ...]
    confusion: np.ndarray  # (classes, classes) int64: images by true class (rows) and predicted class (columns)

    def summary(self) -> dict[str, Any]:
        """The three figures with their intervals, as plain data."""
        figures = {name: getattr(self, name) for name in SUMMARIES}
        ends = {name: list(pair) for name, pair in self.intervals.items()}
        return {**figures, "split": self.split, "intervals": ends}

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        rows = [{"class": row.name, **{k: v for k, v in asdict(row).items() if k != "name"}} for row in self.per_class]
        return {
            "split": self.split,
            "images": self.images,
            **self.summary(),
            "interval_level": LEVEL,
            "per_class": rows,
            "confusion": self.confusion.tolist(),
        }


def softmax(logits: np.ndarray) -> np.ndarray:
    """Logits (images, classes) -> probabilities (images, classes), float64."""
    shifted = np.exp(logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))


def measure(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    split: str,
    seed: int,
    groups: Sequence[str | None] | None = None,
) -> Metrics:
    """All metrics of predictions (images, classes) against labels (images,).

    ``groups``: each image's, where images of one group are not independent of one another.
    """
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    predicted, ids = probabilities.argmax(axis=1), list(range(len(classes)))
    columns = precision_recall_fscore_support(labels, predicted, labels=ids, zero_division=0)
    per_class = (
        ClassMetrics(name, int(support), float(precision), float(recall), float(f1))
        for name, precision, recall, f1, support in zip(classes, *columns, strict=True)
    )
    accuracy, balanced, macro = map(float, summaries(labels, predicted))
    ends = dict(zip(SUMMARIES, intervals(labels, predicted, groups, seed), strict=True))
    confusion = confusion_matrix(labels, predicted, labels=ids)
    return Metrics(split, len(labels), accuracy, balanced, macro, ends, tuple(per_class), confusion)


def baselines(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> dict[str, float]:
    """Accuracy of the majority class and of the nearest neighbour by cosine on features (images, channels)."""
    from sklearn.neighbors import KNeighborsClassifier

    majority = int(np.bincount(train_labels).argmax())
    neighbour = KNeighborsClassifier(n_neighbors=1, metric="cosine", algorithm="brute").fit(train, train_labels)
    return {
        "majority_class": float((test_labels == majority).mean()),
        "nearest_neighbour": float(neighbour.score(test, test_labels)),
    }


def summaries(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Class ids, each (images,), and what each counts (1) -> (3,): accuracy, balanced accuracy, macro F1.

    Balanced accuracy averages over the classes that occur, macro F1 over those that occur or are predicted.
    """
    weights = np.ones(len(truth)) if weights is None else weights
    classes = int(max(truth.max(), predicted.max())) + 1
    occurs = np.bincount(truth, weights, classes)
    named = np.bincount(predicted, weights, classes)
    hit = np.bincount(truth, weights * (truth == predicted), classes)
    recall = np.divide(hit, occurs, out=np.zeros(classes), where=occurs > 0)
    f1 = np.divide(2 * hit, occurs + named, out=np.zeros(classes), where=occurs + named > 0)
    return np.array(
        [hit.sum() / occurs.sum(), recall.sum() / (occurs > 0).sum(), f1.sum() / (occurs + named > 0).sum()]
    )


def intervals(
    truth: np.ndarray, predicted: np.ndarray, groups: Sequence[str | None] | None, seed: int
) -> list[tuple[float, float]]:
    """Ends of the intervals of accuracy, balanced accuracy and macro F1.

    ``truth`` and ``predicted``: class ids (images,). The accuracy's interval is Wilson's (1927), which holds where all
    or none are right; the others' are percentile bootstraps over images (Efron, 1979). Images of one group resemble
    one another: where ``groups`` names any, whole groups are drawn, for the accuracy too (Field and Welsh, 2007).
    """
    cells, cell_of = np.unique(np.stack([truth, predicted]), axis=1, return_inverse=True)
    draw = np.random.default_rng(seed)
    if grouped := groups is not None and any(groups):
        named = [group or f"\0{image}" for image, group in enumerate(groups or ())]  # an image without one is its own
        names, group_of = np.unique(named, return_inverse=True)
        counts = coo_array((np.ones(len(truth)), (cell_of, group_of)), shape=(cells.shape[1], len(names))).tocsr()
        drawn = (counts @ draw.multinomial(len(names), np.full(len(names), 1 / len(names))) for _ in range(DRAWS))
    else:
        share = np.bincount(cell_of) / len(truth)
        drawn = (draw.multinomial(len(truth), share) for _ in range(DRAWS))
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile([summaries(cells[0], cells[1], weights) for weights in drawn], [tail, 100 - tail], axis=0)
    ends = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    return ends if grouped else [wilson(int((truth == predicted).sum()), len(truth)), *ends[1:]]


def wilson(right: int, images: int) -> tuple[float, float]:
    """Wilson's interval of a share."""
    interval = binomtest(right, images).proportion_ci(LEVEL, method="wilson")
    return float(interval.low), float(interval.high)


def paired(better: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Difference in accuracy on the same images, and its standard error; both bool (images,)."""
    difference = better.astype(float) - other.astype(float)
    return float(difference.mean()), float(difference.std() / math.sqrt(len(difference)))


def certainty_of(hits: np.ndarray, before: np.ndarray, seed: int) -> float:
    """Share of paired bootstrap draws (Efron, 1979) over images in which ``hits`` beat ``before``; ties count half.

    Both are bool (images,), on the same images.
    """
    gained, lost = int((hits & ~before).sum()), int((~hits & before).sum())
    draws = np.random.default_rng(seed).multinomial(
        len(hits), [gained / len(hits), lost / len(hits), 1 - (gained + lost) / len(hits)], PAIRED_DRAWS
    )
    difference = draws[:, 0] - draws[:, 1]
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())
