"""Figures over seeds and images, both of which are a sample, with 95% intervals."""

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

LEVEL = 0.95
TAIL = (1 + LEVEL) / 2
NORMAL = NormalDist().inv_cdf(TAIL)


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95% interval."""

    value: float
    low: float
    high: float

    @property
    def above(self) -> bool:
        """Whether it lies surely above zero."""
        return self.low > 0

    @property
    def below(self) -> bool:
        """Whether it lies surely below zero."""
        return self.high < 0


def share(hits: np.ndarray, strata: np.ndarray | None = None) -> Estimate:
    """The share of right answers (seeds, images) that new seeds and new images would give.

    Wilson's interval (1927) for as many independent answers as have the spread that is seen (Korn and Graubard, 1998).
    ``strata``: the images' classes, where each class is to count the same.
    """
    value, reach = mean_and_reach(hits.astype(np.float64), strata)
    images = 1 / sum(weight**2 / count for weight, count in stratum_weights(hits.shape[1], strata))
    square = NORMAL**2
    answers = square * value * (1 - value) / reach**2 if reach > 0 else images
    answers = min(answers, images * len(hits))
    middle = (value + square / (2 * answers)) / (1 + square / answers)
    half = math.sqrt(square * (value * (1 - value) / answers + square / (4 * answers**2))) / (1 + square / answers)
    return Estimate(value, max(0.0, middle - half), min(1.0, middle + half))


def difference(hits: np.ndarray, others: np.ndarray, strata: np.ndarray | None = None) -> Estimate:
    """How much more of the same images is right with the same seeds; both (seeds, images)."""
    value, reach = mean_and_reach(hits.astype(np.float64) - others, strata)
    return Estimate(value, value - reach, value + reach)


def mean_and_reach(values: np.ndarray, strata: np.ndarray | None) -> tuple[float, float]:
    """The mean of values (seeds, images), and half its 95% interval over both, which are crossed samples.

    What varies over images alone has Student's quantile for many, what varies over seeds that for few; the two are
    joined as in MOVER (Zou and Donner, 2008). With three seeds it covers 95% to 99%, rather too wide than too narrow.
    """
    from scipy.special import stdtrit

    seeds, images = values.shape
    groups = [slice(None)] if strata is None else [strata == label for label in np.unique(strata)]
    by_seed = np.zeros(seeds)
    of_images = of_both = 0.0
    for (weight, count), group in zip(stratum_weights(images, strata), groups, strict=True):
        own = values[:, group]
        by_seed += weight * own.mean(axis=1)
        if count > 1:
            of_images += weight**2 * own.mean(axis=0).var(ddof=1) / count
            rest = own - own.mean(axis=0) - own.mean(axis=1, keepdims=True) + own.mean()
            of_both += weight**2 * (rest**2).sum() / (max(1, seeds - 1) * (count - 1)) / (seeds * count)
    mean = float(by_seed.mean())
    many, few = stdtrit(max(1, images - len(groups)), TAIL) ** 2, stdtrit(max(1, seeds - 1), TAIL) ** 2
    square = many * of_images
    if seeds > 1:
        square = max(square, many * max(0.0, of_images - of_both) + few * by_seed.var(ddof=1) / seeds)
    return mean, math.sqrt(square)


def stratum_weights(images: int, strata: np.ndarray | None) -> list[tuple[float, int]]:
    """What each stratum counts, and how many images it has."""
    if strata is None:
        return [(1.0, images)]
    counts = np.unique(strata, return_counts=True)[1]
    return [(1 / len(counts), int(count)) for count in counts]
