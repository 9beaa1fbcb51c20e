"""Two classifiers on the same images, or over repeated splits: the difference, what chance does to it, and how sure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regraft.metrics.intervals import LEVEL, group_ids

EQUAL = 0.01  # a difference in accuracy of no practical weight
DRAWS = 4_999  # of the bootstrap
MOST_UNITS = 5_000  # that the bootstrap draws among; of more images several together are one
AT_ONCE = 200  # draws in memory


@dataclass(frozen=True)
class Difference:
    """What one classifier has over another, as a share of images."""

    mean: float
    low: float  # ends of the 95% interval
    high: float
    better: float  # probability that the one is better by more than EQUAL
    equal: float  # that they are within EQUAL of one another
    worse: float
    p: float  # of no difference, two-sided
    test: str  # where ``p`` is from


def over_repeats(differences: Sequence[float] | np.ndarray, ratio: float) -> Difference:
    """Differences in accuracy (repeats,) over repeated random splits; ``ratio``: test images to training images.

    The training parts of the repeats share images, so that the variance of their mean is larger than s^2 / repeats:
    the corrected resampled t-test takes (1 / repeats + ratio) s^2 (Nadeau and Bengio, 2003). The probabilities are of
    the posterior under a flat prior with the same correction (Corani and Benavoli, 2015). One repeat says nothing of
    chance: then all but the mean is not a number.
    """
    from scipy import stats

    values = np.asarray(differences, dtype=np.float64)
    mean, repeats = float(values.mean()), len(values)
    if repeats == 1:
        return Difference(mean, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, "corrected t")
    scale = float(values.std(ddof=1)) * np.sqrt(1 / repeats + ratio)
    if not scale:
        return certain(mean, "corrected t")
    posterior = stats.t(repeats - 1, mean, scale)
    low, high = posterior.interval(LEVEL)
    worse, better = float(posterior.cdf(-EQUAL)), float(posterior.sf(EQUAL))
    p = 2 * float(stats.t.sf(abs(mean) / scale, repeats - 1))
    return Difference(mean, float(low), float(high), better, 1 - better - worse, worse, p, "corrected t")


def certain(mean: float, test: str) -> Difference:
    """A difference that was the same each time."""
    better, worse = float(mean > EQUAL), float(mean < -EQUAL)
    return Difference(mean, mean, mean, better, 1 - better - worse, worse, float(not mean), test)


def mean_over_repeats(values: Sequence[float] | np.ndarray, ratio: float) -> tuple[float, float, float]:
    """The mean of a figure over repeated splits, and the ends of its interval with the same correction."""
    found = over_repeats(values, ratio)
    return found.mean, found.low, found.high


def on_images(
    right: np.ndarray, other: np.ndarray, seed: int, groups: Sequence[str | None] | None = None
) -> Difference:
    """Two fitted classifiers on one test set; which images (images,) bool each has right.

    The interval is the paired bootstrap's, bias-corrected and accelerated (BCa: Efron, 1987), over whole ``groups``
    where there are any; the probabilities are shares of its draws. ``p`` is McNemar's (1947), exact: of these two
    classifiers on such images, and not of how they were trained.
    """
    from scipy import stats

    only, others = int((right & ~other).sum()), int((other & ~right).sum())
    p = float(stats.binomtest(only, only + others).pvalue) if only + others else 1.0
    sums, counts = in_units(right.astype(float) - other.astype(float), groups, seed)
    mean = float(sums.sum() / counts.sum())
    if not only + others or len(sums) == 1:
        reach = float(-np.expm1(np.log((1 - LEVEL) / 2) / len(sums)))  # the most that would still differ nowhere
        return Difference(mean, max(-1, mean - reach), min(1, mean + reach), 0.0, 1.0, 0.0, p, "McNemar")
    drawn = bootstrap(sums, counts, seed)
    low, high = drawn.confidence_interval
    if not np.isfinite([low, high]).all():  # all draws alike
        low, high = np.quantile(drawn.bootstrap_distribution, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    better = float((drawn.bootstrap_distribution > EQUAL).mean())
    worse = float((drawn.bootstrap_distribution < -EQUAL).mean())
    return Difference(mean, float(low), float(high), better, 1 - better - worse, worse, p, "McNemar")


def bootstrap(sums: np.ndarray, counts: np.ndarray, seed: int) -> Any:
    """The BCa bootstrap of the ratio of two sums over units."""
    import warnings

    from scipy import stats

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.DegenerateDataWarning)
        return stats.bootstrap(
            (sums, counts),
            lambda x, n, axis: x.sum(axis) / n.sum(axis),
            paired=True,
            vectorized=True,
            n_resamples=DRAWS,
            batch=AT_ONCE,
            confidence_level=LEVEL,
            method="BCa",
            rng=np.random.default_rng(seed),
        )


def in_units(values: np.ndarray, groups: Sequence[str | None] | None, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Sums of values (images,) and numbers of images by unit: a group where there are any, else one image or a few."""
    unit = group_ids(groups)
    if unit is None:
        unit = np.random.default_rng(seed).permutation(len(values)) % min(len(values), MOST_UNITS)
    return np.bincount(unit, values), np.bincount(unit).astype(float)


def holm(p: Sequence[float]) -> list[float]:
    """Probabilities adjusted so that one false finding among all of them is as likely as the level says (Holm, 1979).

    What is not a number stays so, and counts for nothing.
    """
    finite = [place for place, value in enumerate(p) if np.isfinite(value)]
    adjusted, most = [float("nan")] * len(p), 0.0
    for rank, place in enumerate(sorted(finite, key=lambda place: p[place])):
        most = max(most, min(1.0, (len(finite) - rank) * p[place]))
        adjusted[place] = most
    return adjusted
