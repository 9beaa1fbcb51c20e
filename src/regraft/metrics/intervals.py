"""95% intervals of figures on one set of images, and paired differences."""

import math
from collections.abc import Sequence
from itertools import islice
from statistics import NormalDist

import numpy as np

from regraft.metrics.summaries import drawn_summaries

DRAWS = 1_000  # of the bootstrap
MOST_AT_ONCE = 1_000_000  # numbers that are kept for some of them
LEVEL = 0.95


def intervals(
    truth: np.ndarray, predicted: np.ndarray, groups: Sequence[str | None] | None, seed: int
) -> list[tuple[float, float]]:
    """Ends of the intervals of accuracy, balanced accuracy and macro F1.

    ``truth`` and ``predicted``: class ids (images,). The accuracy's interval is Wilson's (1927), which holds where all
    or none are right; the others' are percentile bootstraps over images (Efron, 1979). Images of one group resemble
    one another: where ``groups`` names any, whole groups are drawn, for the accuracy too (Field and Welsh, 2007).
    The balanced accuracy's reaches as far as that of ``mean_of_shares`` at least, since no drawing shows how few
    images a class has of which all or none are right.
    """
    cells, cell_of = np.unique(np.stack([truth, predicted]), axis=1, return_inverse=True)
    draw = np.random.default_rng(seed)
    group_of = group_ids(groups)
    if group_of is not None:
        from scipy.sparse import coo_array

        names = int(group_of.max()) + 1
        counts = coo_array((np.ones(len(truth)), (cell_of, group_of)), shape=(cells.shape[1], names)).tocsr()
        drawn = (counts @ draw.multinomial(names, np.full(names, 1 / names)) for _ in range(DRAWS))
    else:
        share = np.bincount(cell_of) / len(truth)
        drawn = (draw.multinomial(len(truth), share) for _ in range(DRAWS))
    tail = 100 * (1 - LEVEL) / 2
    at_once = max(1, MOST_AT_ONCE // cells.shape[1])
    figures = [
        drawn_summaries(cells[0], cells[1], np.stack(some)) for some in iter(lambda: list(islice(drawn, at_once)), [])
    ]
    low, high = np.percentile(np.concatenate(figures), [tail, 100 - tail], axis=0)
    ends = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    if group_of is None:
        ends[0] = wilson(int((truth == predicted).sum()), len(truth))
    occurs = np.bincount(truth)
    hits = np.bincount(truth, truth == predicted)[occurs > 0]
    images = occurs[occurs > 0]
    of_each = [wilson(some, of) for some, of in zip(hits.tolist(), images.tolist(), strict=True)]
    ends[1] = hull(ends[1], mean_of_shares(hits / images, of_each))
    return ends


def group_ids(groups: Sequence[str | None] | None) -> np.ndarray | None:
    """Each image's group as a number (images,), an image without one its own; None where ``groups`` names none."""
    if groups is None or not any(groups):
        return None
    named = [group or f"\0{image}" for image, group in enumerate(groups)]
    return np.unique(named, return_inverse=True)[1]


def mean_of_shares(shares: np.ndarray, ends: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """The interval of the mean of independent shares, from that of each (Zou and Donner, 2008)."""
    below, above = np.sqrt(((np.array(ends) - shares[:, None]) ** 2).sum(axis=0)) / len(shares)
    return max(0.0, float(shares.mean() - below)), min(1.0, float(shares.mean() + above))


def hull(one: tuple[float, float], other: tuple[float, float]) -> tuple[float, float]:
    """As far as either reaches."""
    return min(one[0], other[0]), max(one[1], other[1])


def normal_quantile(level: float) -> float:
    """How many standard errors an interval reaches to each side."""
    return NormalDist().inv_cdf((1 + level) / 2)


def wilson(right: float, images: float) -> tuple[float, float]:
    """Wilson's interval of a share (1927); of correlated images fewer count."""
    share, square = right / images, normal_quantile(LEVEL) ** 2
    middle = (share + square / (2 * images)) / (1 + square / images)
    reach = math.sqrt(square * (share * (1 - share) / images + square / (4 * images**2))) / (1 + square / images)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def paired(better: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Difference in accuracy on the same images, and its standard error; both bool (images,)."""
    difference = better.astype(float) - other.astype(float)
    return float(difference.mean()), float(difference.std() / math.sqrt(len(difference)))
