"""Predictions against labels: metrics with 95% intervals, and per class."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from regraft.metrics.intervals import LEVEL, group_ids, intervals
from regraft.metrics.positive_class import positive_of
from regraft.metrics.probability_figures import ProbabilityFigures, probability_figures
from regraft.metrics.shares import as_far_as_groups, intervals_of_classes
from regraft.metrics.slices import Slice
from regraft.metrics.summaries import SUMMARIES, share_of, summaries
from regraft.metrics.two_classes import TwoClasses, two_classes
from regraft.visible import Shown

TWO = 2
CALLED = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}  # in sentences
UNEVEN = 2  # times the images of the smallest class that the largest has


@dataclass(frozen=True)
class ClassMetrics:
    """How one class fared."""

    name: str
    images: int
    precision: float
    recall: float
    f1: float
    recall_interval: tuple[float, float] | None = None  # of 95%; None without images, and of former runs

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        ends = list(self.recall_interval) if self.recall_interval else None
        return {"class": self.name} | {k: v for k, v in asdict(self).items() if k != "name"} | {"recall_interval": ends}


@dataclass(frozen=True, repr=False)
class Metrics(Shown):
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
    two_classes: TwoClasses | None = None  # where there are two, and both occur
    slices: tuple[Slice, ...] = ()  # where they were asked for

    @property
    def uneven(self) -> bool:
        """Whether the classes that are there differ much in size, so that the accuracy is mostly the large ones'."""
        there = [row.images for row in self.per_class if row.images]
        return max(there) >= UNEVEN * min(there)

    @property
    def largest_class(self) -> float:
        """The accuracy of always naming the class that most of the images are of."""
        return max(row.images for row in self.per_class) / self.images

    @property
    def chance(self) -> float:
        """The balanced accuracy of naming classes whatever the image shows."""
        return 1 / sum(row.images > 0 for row in self.per_class)

    def in_lines(self) -> Iterator[str]:
        """The figure that tells most with its interval, then the others."""
        first = "balanced_accuracy" if self.uneven else "accuracy"
        figures = {name: f"{CALLED[name]} {getattr(self, name):.1%}" for name in SUMMARIES}
        low, high = self.intervals[first]
        named = figures.pop(first)
        part = "" if self.split == "all" else f"{self.split} "
        yield f"{named[0].upper()}{named[1:]} on {self.images:,} {part}images (95% interval {low:.1%} to {high:.1%})"
        others = ", ".join(figures.values())
        yield f"{others[0].upper()}{others[1:]}; always naming the largest class {self.largest_class:.1%}"

    def summary(self) -> dict[str, Any]:
        """The three figures with their intervals, and what they are to be compared with, as plain data."""
        figures = {name: getattr(self, name) for name in (*SUMMARIES, "largest_class", "chance")}
        ends = {name: list(pair) for name, pair in self.intervals.items()}
        images = {"split": self.split, "images": self.images, "uneven": self.uneven}
        more = {"probabilities": self.probabilities.summary()}
        if self.two_classes:
            more["two_classes"] = self.two_classes.summary()
        return {**figures, **images, "intervals": ends, **more}

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        rows = [row.as_dict() for row in self.per_class]
        return {
            **self.summary(),
            "interval_level": LEVEL,
            "per_class": rows,
            "confusion": self.confusion.tolist(),
            "probabilities": self.probabilities.as_dict(),
            "slices": [one.as_dict() for one in self.slices],
            **({"two_classes": self.two_classes.as_dict()} if self.two_classes else {}),
        }


def measure(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    split: str,
    seed: int,
    groups: Sequence[str | None] | None = None,
    threshold: float | None = None,
    positive: str | None = None,
) -> Metrics:
    """All metrics of predictions (images, classes) against labels (images,).

    ``groups``: each image's, where images of one group are not independent of one another; ``threshold``: of the sets
    of classes that hold the true one (conformal), from held-out images; ``positive``: of two classes, by default what
    positive_of says.
    """
    predicted = probabilities.argmax(axis=1)
    confusion = np.zeros((len(classes), len(classes)), dtype=np.int64)
    np.add.at(confusion, (labels, predicted), 1)
    hit, support, named = np.diag(confusion), confusion.sum(1), confusion.sum(0)
    columns = share_of(hit, named), share_of(hit, support), share_of(2 * hit, support + named), support
    ends_of = intervals_of_classes(labels, predicted == labels, len(classes), groups)
    per_class = (
        ClassMetrics(name, int(count), float(precision), float(recall), float(f1), recall_ends)
        for name, precision, recall, f1, count, recall_ends in zip(classes, *columns, ends_of, strict=True)
    )
    accuracy, balanced, macro = map(float, summaries(labels, predicted))
    drawn = intervals(labels, predicted, groups, seed)
    ends = dict(zip(SUMMARIES, as_far_as_groups(drawn, labels, predicted == labels, groups), strict=True))
    worth = probability_figures(probabilities, labels, seed, group_ids(groups), threshold)
    pair = None
    if len(classes) == TWO and support.all():
        which = positive_of(classes, support) if positive is None else list(classes).index(positive)
        pair = two_classes(probabilities, labels, classes, which, groups)
    return Metrics(split, len(labels), accuracy, balanced, macro, ends, tuple(per_class), confusion, worth, pair)
