"""A share of images, and the difference of two, with intervals that mind groups."""

import math
from collections.abc import Sequence

import numpy as np

from regraft.metrics.intervals import LEVEL, group_ids, hull, mean_of_shares, normal_quantile, wilson


def interval_of_share(right: np.ndarray, groups: Sequence[str | None] | None = None) -> tuple[float, float]:
    """The 95% interval of the share of ``right``, bool (images,).

    Wilson's (1927). Where ``groups`` names any, images of one group count as fewer: as many as would give the variance
    between groups (Rao and Scott, 1992), by Student's t on the number of groups (Korn and Graubard, 1998).
    """
    images, share = len(right), float(right.mean())
    group_of = group_ids(groups)
    if group_of is None:
        return wilson(int(right.sum()), images)
    sums = np.bincount(group_of, right - share)
    count = len(sums)
    if count == 1:
        return wilson(share, 1)
    by_groups = count / (count - 1) * float((sums**2).sum()) / images**2
    effective = min(images, share * (1 - share) / by_groups) if by_groups else count
    effective *= (normal_quantile(LEVEL) / student_quantile(LEVEL, count - 1)) ** 2
    return wilson(share * effective, effective)


def intervals_of_classes(
    labels: np.ndarray, right: np.ndarray, classes: int, groups: Sequence[str | None] | None = None
) -> list[tuple[float, float] | None]:
    """The interval of each class's share of ``right``, bool (images,); None where the class has no image."""
    order = np.argsort(labels, kind="stable")
    each = np.split(order, np.searchsorted(labels[order], np.arange(1, classes)))
    return [
        interval_of_share(right[rows], groups and [groups[row] for row in rows.tolist()]) if len(rows) else None
        for rows in each
    ]


def as_far_as_groups(
    ends: Sequence[tuple[float, float]], labels: np.ndarray, right: np.ndarray, groups: Sequence[str | None] | None
) -> list[tuple[float, float]]:
    """The intervals of accuracy, balanced accuracy and others, the first two as far as those of shares at least.

    Where ``groups`` names none they stay: no drawing of groups shows that few of them are all right.
    """
    if not groups or not any(groups):
        return list(ends)
    rows = [np.flatnonzero(labels == label) for label in np.unique(labels)]
    of_each = [interval_of_share(right[some], [groups[row] for row in some.tolist()]) for some in rows]
    balanced = mean_of_shares(np.array([right[some].mean() for some in rows]), of_each)
    return [hull(ends[0], interval_of_share(right, groups)), hull(ends[1], balanced), *ends[2:]]


def interval_of_difference(
    better: np.ndarray, other: np.ndarray, groups: Sequence[str | None] | None = None, level: float = LEVEL
) -> tuple[float, float]:
    """The interval of the difference of two shares of the same images; both bool (images,).

    Agresti and Min's (2005): half an image is added to each of the four outcomes. Where ``groups`` names any, it
    reaches as far as Student's t on groups at least.
    """
    images, z = len(better), normal_quantile(level)
    gained, lost = float((better & ~other).sum()) + 0.5, float((other & ~better).sum()) + 0.5
    middle, total = (gained - lost) / (images + 2), images + 2
    reach = z * math.sqrt(gained + lost - (gained - lost) ** 2 / total) / total
    low, high = middle - reach, middle + reach
    group_of = group_ids(groups)
    if group_of is not None and (count := int(group_of.max()) + 1) > 1:
        difference = better.astype(float) - other.astype(float)
        middle = float(difference.mean())
        sums = np.bincount(group_of, difference - middle)
        reach = student_quantile(level, count - 1) * math.sqrt(count / (count - 1) * float((sums**2).sum())) / images
        low, high = min(low, middle - reach), max(high, middle + reach)
    return max(-1.0, low), min(1.0, high)


def student_quantile(level: float, freedom: int) -> float:
    """How many standard errors an interval reaches to each side."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + level) / 2))
