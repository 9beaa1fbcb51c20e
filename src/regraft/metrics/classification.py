"""Predictions against labels: metrics with 95% intervals, and per class."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from regraft.metrics.intervals import LEVEL, group_ids, intervals
from regraft.metrics.probability_figures import ProbabilityFigures, probability_figures
from regraft.metrics.summaries import SUMMARIES, share_of, summaries

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
    probabilities: ProbabilityFigures  # what they are worth

    @property
    def uneven(self) -> bool:
        """Whether the classes that are there differ much in size, so that the accuracy is mostly the large ones'."""
        there = [row.images for row in self.per_class if row.images]
        return max(there) >= UNEVEN * min(there)

    def summary(self) -> dict[str, Any]:
        """The three figures with their intervals, and what the probabilities are worth, as plain data."""
        figures = {name: getattr(self, name) for name in SUMMARIES}
        ends = {name: list(pair) for name, pair in self.intervals.items()}
        images = {"split": self.split, "images": self.images, "uneven": self.uneven}
        return {**figures, **images, "intervals": ends, "probabilities": self.probabilities.summary()}

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        rows = [{"class": row.name, **{k: v for k, v in asdict(row).items() if k != "name"}} for row in self.per_class]
        return {
            **self.summary(),
            "interval_level": LEVEL,
            "per_class": rows,
            "confusion": self.confusion.tolist(),
            "probabilities": self.probabilities.as_dict(),
        }


def measure(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    split: str,
    seed: int,
    groups: Sequence[str | None] | None = None,
    threshold: float | None = None,
) -> Metrics:
    """All metrics of predictions (images, classes) against labels (images,).

    ``groups``: each image's, where images of one group are not independent of one another; ``threshold``: of the sets
    of classes that hold the true one (conformal), from held-out images.
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
    worth = probability_figures(probabilities, labels, seed, group_ids(groups), threshold)
    return Metrics(split, len(labels), accuracy, balanced, macro, ends, tuple(per_class), confusion, worth)
