"""How far the metrics of a test part may lie from those of all such images: 95% intervals."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array
from scipy.stats import binomtest

DRAWS = 1_000  # of the bootstrap
LEVEL = 0.95


def summaries(truth: np.ndarray, predicted: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Class ids, each (images,), and what each counts (1) -> (3,): accuracy, balanced accuracy, macro F1.

    Balanced accuracy averages over the classes that occur, macro F1 over those that occur or are predicted.
    """
    weights = np.ones(len(truth)) if weights is None else weights
    classes = int(max(truth.max(), predicted.max())) + 1
    occurs = np.bincount(truth, weights, classes)
    named = np.bincount(predicted, weights, classes)
    hit = np.bincount(truth, weights * (truth == predicted), classes)
    recall = np.divide(hit, occurs, out=np.zeros(classes), where=occurs > 0)
    f1 = np.divide(2 * hit, occurs + named, out=np.zeros(classes), where=occurs + named > 0)
    return np.array(
        [hit.sum() / occurs.sum(), recall.sum() / (occurs > 0).sum(), f1.sum() / (occurs + named > 0).sum()]
    )


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
        found, group_of = np.unique(named, return_inverse=True)
        counts = coo_array((np.ones(len(truth)), (cell_of, group_of)), shape=(cells.shape[1], len(found))).tocsr()
        drawn = (counts @ draw.multinomial(len(found), np.full(len(found), 1 / len(found))) for _ in range(DRAWS))
    else:
        share = np.bincount(cell_of) / len(truth)
        drawn = (draw.multinomial(len(truth), share) for _ in range(DRAWS))
    tail = 100 * (1 - LEVEL) / 2
    low, high = np.percentile([summaries(cells[0], cells[1], weights) for weights in drawn], [tail, 100 - tail], axis=0)
    ends = [(float(a), float(b)) for a, b in zip(low, high, strict=True)]
    return ends if grouped else [wilson(int((truth == predicted).sum()), len(truth)), *ends[1:]]


def wilson(right: int, images: int) -> tuple[float, float]:
    """Wilson's interval of a share."""
    found = binomtest(right, images).proportion_ci(LEVEL, method="wilson")
    return float(found.low), float(found.high)
