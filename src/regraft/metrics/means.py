"""95% intervals of a mean over images, and of a share of them; images of one group count as one draw."""

import math
from statistics import NormalDist

import numpy as np

from regraft.metrics.intervals import LEVEL, wilson

NORMAL = NormalDist().inv_cdf((1 + LEVEL) / 2)


def mean_interval(values: np.ndarray, group_of: np.ndarray | None = None) -> tuple[float, float] | None:
    """Of the mean of ``values`` (images,): Student's t, corrected for skewness by Hall's transformation (1992).

    ``group_of``: each image's group id, (images,). None where the values do not tell: one image or group, or all alike.
    """
    residuals = sums_of(values - values.mean(), group_of)
    units, spread = len(residuals), float(np.square(residuals).sum())
    if units < 2 or not spread > 0:  # noqa: PLR2004
        return None
    error = math.sqrt(units / (units - 1) * spread) / len(values)
    lean = float((residuals**3).sum()) / spread**1.5  # the skewness over the root of the units
    low, high = (untilted(side * student(units - 1), lean) for side in (1, -1))
    mean = float(values.mean())
    return mean - error * low, mean - error * high


def share_interval(hits: np.ndarray, group_of: np.ndarray | None = None) -> tuple[float, float]:
    """Of the mean of ``hits`` (images,), from 0 to 1: Wilson's (1927).

    With groups, on as many images as would tell as much if they were independent (Korn and Graubard, 1998): as many as
    there are groups, where all or none are hits.
    """
    images, share = len(hits), float(hits.mean())
    if group_of is None:
        return wilson(images * share, images)
    residuals = sums_of(hits - share, group_of)
    units, spread, counted = len(residuals), float(np.square(residuals).sum()), float(images)
    if not spread > 0:
        counted = units
    elif units > 1:
        variance = units / (units - 1) * spread / images**2
        counted = min(counted, share * (1 - share) / variance)
    counted = max(1.0, counted * (NORMAL / student(max(1, units - 1))) ** 2)
    return wilson(counted * share, counted)


def sums_of(values: np.ndarray, group_of: np.ndarray | None) -> np.ndarray:
    """The sum of each group's values (groups,), of groups that are there; the values themselves without groups."""
    if group_of is None:
        return values
    _, place = np.unique(group_of, return_inverse=True)
    return np.bincount(place, values)


def untilted(quantile: float, lean: float) -> float:
    """What of the t statistic has the ``quantile``, where the values are skewed."""
    if abs(lean) < 1e-9:  # noqa: PLR2004 - of no skewness, and a divisor
        return quantile
    return 3 / lean * float(np.cbrt(1 + lean * (quantile - lean / 6)) - 1)


def student(freedom: int) -> float:
    """The two-sided 95% quantile of Student's t, by its expansion (Fisher and Cornish, 1960).

    Importing scipy.special takes longer than all figures of a small test set.
    """
    z = NORMAL
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + math.fsum(term / freedom**power for power, term in enumerate(terms, 1))
