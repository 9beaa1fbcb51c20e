"""Two classes, one of them positive: how well they are ranked, and how many of each are found.

The figures that Esteva et al. (2017) report of a test for skin cancer: the area under the ROC curve, sensitivity and
specificity, with 95% intervals; beside them the average precision, since the area flatters where positives are rare.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regraft.metrics.intervals import LEVEL, group_ids, normal_quantile, wilson
from regraft.metrics.shares import interval_of_share, student_quantile

FIGURES = ("roc_auc", "average_precision", "sensitivity", "specificity")
POINTS = 200  # of the curve, about so many at most
LEAST = 1e-300  # of a probability, so that it has a logarithm
HALVINGS = 60  # of what an end of an interval is sought in


@dataclass(frozen=True)
class TwoClasses:
    """How well one class, the positive one, is told from the other."""

    positive: str
    negative: str
    positives: int  # images of it
    negatives: int
    roc_auc: float  # how often a positive is ranked above a negative
    average_precision: float  # chance: the share of positives
    sensitivity: float  # of the classes that were named
    specificity: float
    intervals: Mapping[str, tuple[float, float]]  # of the four above, by name
    curve: tuple[tuple[float, float], ...]  # the ROC curve: share of negatives, share of positives called positive

    def summary(self) -> dict[str, Any]:
        """Plain data without the curve."""
        named = {name: getattr(self, name) for name in ("positive", "negative", "positives", "negatives", *FIGURES)}
        return {**named, "intervals": {name: list(ends) for name, ends in self.intervals.items()}}

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**self.summary(), "curve": [list(point) for point in self.curve]}


def two_classes(
    probabilities: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    positive: int,
    groups: Sequence[str | None] | None = None,
) -> TwoClasses:
    """The figures of probabilities (images, 2) against labels (images,) in which both classes occur.

    ``positive``: the class's id. ``groups``: each image's, where images of one group are not independent.
    """
    truth = labels == positive
    odds = np.log(np.maximum(probabilities.astype(np.float64), LEAST))
    scores = odds[:, positive] - odds[:, 1 - positive]
    named = probabilities.argmax(axis=1) == positive
    parts = [[group for group, inside in zip(groups or (), rows, strict=False) if inside] for rows in (truth, ~truth)]
    called, found = curve_of(scores, truth)
    precise = average_precision(called, found)
    positives, negatives = int(truth.sum()), int((~truth).sum())
    apart = group_ids(parts[0])
    counted = max(1, (positives if apart is None else int(apart.max()) + 1) - 1)
    area, ends = area_under_roc(scores, truth, group_ids(groups))
    return TwoClasses(
        positive=classes[positive],
        negative=classes[1 - positive],
        positives=positives,
        negatives=negatives,
        roc_auc=area,
        average_precision=precise,
        sensitivity=float(named[truth].mean()),
        specificity=float((~named)[~truth].mean()),
        intervals={
            "roc_auc": ends,
            "average_precision": wilson(precise * counted, counted),
            "sensitivity": interval_of_share(named[truth], parts[0]),
            "specificity": interval_of_share(~named[~truth], parts[1]),
        },
        curve=thinned(called / negatives, found / positives),
    )


def curve_of(scores: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How many negatives and positives have at least each score, from the highest on: (scores + 1,), twice."""
    order = np.argsort(-scores, kind="stable")
    last = np.append(np.flatnonzero(np.diff(scores[order])), len(order) - 1)
    found = np.cumsum(truth[order])[last]
    return np.append(0, last + 1 - found), np.append(0, found)


def thinned(across: np.ndarray, up: np.ndarray) -> tuple[tuple[float, float], ...]:
    """The points of a curve, of many every second, third and so on, and the last."""
    places = np.unique(np.append(np.arange(0, len(across), -(-len(across) // POINTS)), len(across) - 1))
    return tuple(zip(across[places].tolist(), up[places].tolist(), strict=True))


def average_precision(called: np.ndarray, found: np.ndarray) -> float:
    """Precision at every step, weighed by the recall that the step adds; of negatives called and positives found.

    Its interval is that of a share of as many images as there are positives but one (Boyd, Eng and Page, 2013, without
    the one), or of as many groups of positives where there are groups.
    """
    precision = found[1:] / (called[1:] + found[1:])
    return float((np.diff(found) * precision).sum() / found[-1])


def area_under_roc(
    scores: np.ndarray, truth: np.ndarray, group_of: np.ndarray | None
) -> tuple[float, tuple[float, float]]:
    """The area under the ROC curve, and its 95% interval.

    DeLong, DeLong and Clarke-Pearson (1988), from ranks (Sun and Xu, 2014), on the scale of log odds; over whole groups
    where there are any (Obuchowski, 1997). It reaches as far as Newcombe's (2006, method 5) at least, which holds where
    every positive is above every negative.
    """
    positives, negatives = int(truth.sum()), int((~truth).sum())
    above = (ranks(scores)[truth] - ranks(scores[truth])) / negatives  # share of negatives below each positive
    below = 1 - (ranks(scores)[~truth] - ranks(scores[~truth])) / positives  # share of positives above each negative
    area = float(above.mean())
    count, variance = len(truth), 0.0
    if group_of is None:
        for part in (above, below):
            variance += float(part.var(ddof=1)) / len(part) if len(part) > 1 else 0.0
        reach = normal_quantile(LEVEL)
    else:
        of_each = np.empty(len(truth))
        of_each[truth], of_each[~truth] = (above - area) / positives, (below - area) / negatives
        sums = np.bincount(group_of, of_each)
        count = len(sums)
        variance = count / max(1, count - 1) * float((sums**2).sum())
        reach = student_quantile(LEVEL, max(1, count - 1))
    shrink = count / len(truth)  # images that count
    low, high = score_interval(area, positives * shrink, negatives * shrink)
    if variance and 0 < area < 1:
        middle, width = math.log(area / (1 - area)), reach * math.sqrt(variance) / (area * (1 - area))
        low, high = min(low, logistic(middle - width)), max(high, logistic(middle + width))
    return area, (low, high)


def ranks(values: np.ndarray) -> np.ndarray:
    """Places from 1 on, the mean place where values are equal."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    return np.asarray((np.cumsum(counts) - (counts - 1) / 2)[place])


def score_interval(area: float, positives: float, negatives: float) -> tuple[float, float]:
    """Newcombe's interval of an area, for numbers of images: the areas that are not too far from it."""
    half, z = max(0.0, (positives + negatives) / 2 - 1), normal_quantile(LEVEL)

    def too_far(other: float) -> bool:
        spread = other * (1 - other) * (1 + half * ((1 - other) / (2 - other) + other / (1 + other)))
        return abs(area - other) > z * math.sqrt(spread / (positives * negatives))

    ends = []
    for end in (0.0, 1.0):
        near, far = area, end
        for _ in range(HALVINGS):
            middle = (near + far) / 2
            near, far = (near, middle) if too_far(middle) else (middle, far)
        ends.append(near)
    return ends[0], ends[1]


def logistic(value: float) -> float:
    """From log odds to a share."""
    return 0.5 + 0.5 * math.tanh(value / 2)
