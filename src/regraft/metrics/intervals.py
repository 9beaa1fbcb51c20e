"""95% intervals of figures on one set of images, and paired differences."""

import math
from collections.abc import Sequence
from statistics import NormalDist

import numpy as np

from regraft.metrics.summaries import summaries

DRAWS = 1_000  # of the bootstrap
LEVEL = 0.95


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
    low, high = np.percentile([summaries(cells[0], cells[1], weights) for weights in drawn], [tail, 100 - tail], axis=0)
    ends = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    return ends if group_of is not None else [wilson(int((truth == predicted).sum()), len(truth)), *ends[1:]]


def group_ids(groups: Sequence[str | None] | None) -> np.ndarray | None:
    """Each image's group as a number (images,), an image without one its own; None where ``groups`` names none."""
    if groups is None or not any(groups):
        return None
    named = [group or f"\0{image}" for image, group in enumerate(groups)]
    return np.unique(named, return_inverse=True)[1]


def wilson(right: float, images: float) -> tuple[float, float]:
    """Wilson's interval of a share (1927)."""
    share, square = right / images, NormalDist().inv_cdf((1 + LEVEL) / 2) ** 2
    middle = (share + square / (2 * images)) / (1 + square / images)
    reach = math.sqrt(square * (share * (1 - share) / images + square / (4 * images**2))) / (1 + square / images)
    return max(0.0, middle - reach), min(1.0, middle + reach)


def paired(better: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Difference in accuracy on the same images, and its standard error; both bool (images,)."""
    difference = better.astype(float) - other.astype(float)
    return float(difference.mean()), float(difference.std() / math.sqrt(len(difference)))
