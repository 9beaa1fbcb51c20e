"""Which of several networks to keep: by the gain to be expected on new images, judged on the same images.

A difference measured on few images is mostly chance, so it is shrunk: true differences between candidates are taken to
be normal around nothing with a deviation of PRIOR, and the expectation given what was measured follows (Lindley and
Smith, 1972).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regraft.training.result import Judged

PRIOR = 0.03  # standard deviation of true differences in accuracy among candidates
PRACTICALLY_EQUAL = 0.005  # a difference in accuracy that is not worth a dearer candidate


@dataclass(frozen=True)
class Gain:
    """What one network has over another on the images that judged both."""

    accuracy: float  # of the one
    before: float  # of the other
    error: float  # standard error of the difference
    images: int = 0  # that judged both

    @property
    def expected(self) -> float:
        """The difference that is to be expected on new images."""
        return (self.accuracy - self.before) * PRIOR**2 / (PRIOR**2 + self.error**2)


def gain_of(mine: Judged, other: Judged, counts: np.ndarray | None = None) -> Gain:
    """What ``mine`` has over ``other``; ``counts``: what an image of each row counts, where not all count the same."""
    rows, ours, theirs = np.intersect1d(mine.rows, other.rows, return_indices=True)
    weights = np.ones(len(rows)) if counts is None else counts[rows]
    weights = weights / weights.sum()
    one, two = mine.hits[ours].astype(float), other.hits[theirs].astype(float)
    difference = one - two
    accuracy, before = float(weights @ one), float(weights @ two)
    spread = np.square(weights) @ np.square(difference - (accuracy - before))
    return Gain(accuracy, before, float(np.sqrt(spread + 1 / len(rows) ** 2)), len(rows))


def best_of(judged: Sequence[Judged], gains: Sequence[Gain]) -> int:
    """The place of the best of equally cheap ones, by their ``gains`` over the first.

    Among those that are practically equal to the one with the largest gain, that with the smallest loss, which chance
    moves less than accuracy.
    """
    most = max(gain.expected for gain in gains)
    near = [place for place, gain in enumerate(gains) if gain.expected >= most - PRACTICALLY_EQUAL]
    return min(near, key=lambda place: judged[place].loss)


def counts_for(monitor: str, labels: np.ndarray) -> np.ndarray | None:
    """What each image counts: the same, or as much as its class is rare where balanced figures are monitored."""
    return np.asarray(1 / np.bincount(labels)[labels]) if is_balanced(monitor) else None


def is_balanced(monitor: str) -> bool:
    """Whether a monitored figure counts rare classes as much as frequent ones."""
    return "balanced" in monitor or "macro" in monitor
