"""Sets of classes that hold the true one for nine of ten new images, whatever the model (conformal prediction).

A class is in the set where its probability reaches a threshold, which held-out images gave (least ambiguous sets:
Sadinle, Lei and Wasserman, 2019). The likeliest class is always in, so that no set is empty.
"""

import math
from dataclasses import dataclass

import numpy as np

from regraft.metrics.means import share_interval
from regraft.metrics.scores import of_truth

CONFORMAL_LEVEL = 0.9
BLOCK = 10_000  # images at a time


@dataclass(frozen=True)
class ConformalSets:
    """How the sets fared."""

    level: float  # share of new images whose set holds the true class, at least
    threshold: float  # of a class's probability
    coverage: float  # share of these images
    interval: tuple[float, float]  # of the coverage, 95%
    mean_size: float  # classes in a set
    single: float  # share of sets with one class


def threshold_of(of_true_class: np.ndarray, level: float = CONFORMAL_LEVEL) -> float:
    """The threshold from the true classes' probabilities (images,), of images that did not train the model.

    The rank counts one image more than there are, so that the level holds for few images too; 0, which lets every class
    in, where there are too few to tell.
    """
    rank = math.ceil((len(of_true_class) + 1) * level - 1e-9)
    return 0.0 if rank > len(of_true_class) else float(np.sort(of_true_class)[::-1][rank - 1])


def conformal_sets(
    probabilities: np.ndarray, labels: np.ndarray, threshold: float, group_of: np.ndarray | None = None
) -> ConformalSets:
    """How the sets of probabilities (images, classes) under a ``threshold`` fare on ``labels`` (images,)."""
    parts = (slice(start, start + BLOCK) for start in range(0, len(labels), BLOCK))
    sizes = np.concatenate([(probabilities[part] >= threshold).sum(axis=1) for part in parts])
    held = (of_truth(probabilities, labels) >= threshold) | (probabilities.argmax(axis=1) == labels)
    sizes = np.maximum(sizes, 1)
    return ConformalSets(
        level=CONFORMAL_LEVEL,
        threshold=threshold,
        coverage=float(held.mean()),
        interval=share_interval(held, group_of),
        mean_size=float(sizes.mean()),
        single=float((sizes == 1).mean()),
    )
