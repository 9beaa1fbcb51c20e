"""Predictions against labels: metrics with 95% intervals, per class; baselines; paired comparisons."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import NormalDist
from typing import Any

import numpy as np

DRAWS = 1_000  # of the bootstrap
LEVEL = 0.95
NEIGHBOURS, ASKED = 20_000, 5_000  # images of the baseline by neighbours, about so many at most
BLOCK = 512  # images compared at once with all others
SUMMARIES = ("accuracy", "balanced_accuracy", "macro_f1")
UNEVEN = 2  # times the images of the smallest class that the largest has


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

    @property
    def uneven(self) -> bool:
        """Whether the classes that are there differ much in size, so that the accuracy is mostly the large ones'."""
        there = [row.images for row in self.per_class if row.images]
        return max(there) >= UNEVEN * min(there)

    def summary(self) -> dict[str, Any]:
        """The three figures with their intervals, as plain data."""
        figures = {name: getattr(self, name) for name in SUMMARIES}
        ends = {name: list(pair) for name, pair in self.intervals.items()}
        return {**figures, "split": self.split, "images": self.images, "uneven": self.uneven, "intervals": ends}

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        rows = [{"class": row.name, **{k: v for k, v in asdict(row).items() if k != "name"}} for row in self.per_class]
        return {
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
    predicted = probabilities.argmax(axis=1)
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    hit, support, named = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    columns = share_of(hit, named), share_of(hit, support), share_of(2 * hit, support + named), support
    per_class = (
        ClassMetrics(name, int(count), float(precision), float(recall), float(f1))
        for name, precision, recall, f1, count in zip(classes, *columns, strict=True)
    )
    accuracy, balanced, macro = map(float, summaries(labels, predicted))
    ends = dict(zip(SUMMARIES, intervals(labels, predicted, groups, seed), strict=True))
    return Metrics(split, len(labels), accuracy, balanced, macro, ends, tuple(per_class), confusion)


def share_of(some: np.ndarray, of: np.ndarray) -> np.ndarray:
    """Their ratio, and 0 where there is nothing to share."""
    return np.asarray(np.divide(some, of, out=np.zeros(len(of)), where=of > 0))


def baselines(
    train: np.ndarray, train_labels: np.ndarray, test: np.ndarray, test_labels: np.ndarray
) -> dict[str, float]:
    """Accuracy of the majority class and of the nearest neighbour by cosine on features (images, channels).

    Of more than NEIGHBOURS training images every second, third and so on is a neighbour, and of more than ASKED test
    images as many are asked.
    """
    neighbours, asked = (slice(None, None, -(-len(x) // most)) for x, most in ((train, NEIGHBOURS), (test, ASKED)))
    there, labels = of_length_one(train[neighbours]), train_labels[neighbours]
    here, truth = of_length_one(test[asked]), test_labels[asked]
    parts = (slice(start, start + BLOCK) for start in range(0, len(here), BLOCK))
    right = sum(int((labels[np.argmax(here[part] @ there.T, axis=1)] == truth[part]).sum()) for part in parts)
    return {
        "majority_class": float((test_labels == int(np.bincount(train_labels).argmax())).mean()),
        "nearest_neighbour": right / len(truth),
    }


def of_length_one(vectors: np.ndarray) -> np.ndarray:
    """Vectors (images, channels) scaled to length one; those of zeros stay."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.where(lengths > 0, lengths, 1))


def summaries(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Class ids, each (images,), and what each counts (1) -> (3,): accuracy, balanced accuracy, macro F1.

    The latter two average over the classes that occur.
    """
    weights = np.ones(len(truth)) if weights is None else weights
    classes = int(max(truth.max(), predicted.max())) + 1
    occurs = np.bincount(truth, weights, classes)
    named = np.bincount(predicted, weights, classes)
    hit = np.bincount(truth, weights * (truth == predicted), classes)
    recall, f1 = share_of(hit, occurs), share_of(2 * hit, occurs + named)
    there = (occurs > 0).sum()
    return np.array([hit.sum() / occurs.sum(), recall.sum() / there, f1.sum() / there])


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
        from scipy.sparse import coo_array

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
    """Wilson's interval of a share (1927)."""
    share, square = right / images, NormalDist().inv_cdf((1 + LEVEL) / 2) ** 2
    middle = (share + square / (2 * images)) / (1 + square / images)
    reach = math.sqrt(square * (share * (1 - share) / images + square / (4 * images**2))) / (1 + square / images)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def paired(better: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Difference in accuracy on the same images, and its standard error; both bool (images,)."""
    difference = better.astype(float) - other.astype(float)
    return float(difference.mean()), float(difference.std() / math.sqrt(len(difference)))
