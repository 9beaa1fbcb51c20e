"""What mild noise, blur, JPEG and brightness cost a classifier."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from regraft.evaluation.disturbances import Disturbance
from regraft.metrics import interval_of_difference, summaries
from regraft.metrics.intervals import LEVEL


@dataclass(frozen=True)
class Disturbed:
    """The accuracy under one disturbance, beside that on the same images as they are."""

    name: str
    strength: str
    accuracy: float
    balanced_accuracy: float
    difference: float  # from the accuracy on the images as they are
    interval: tuple[float, float]  # of the difference
    worse: bool  # whether it surely costs something, with all disturbances in mind (Bonferroni)


@dataclass(frozen=True)
class Robustness:
    """All disturbances."""

    accuracy: float  # on the images as they are
    balanced_accuracy: float  # likewise
    disturbed: tuple[Disturbed, ...]

    def in_words(self) -> str:
        """The dearest of those that surely cost something."""
        worst = min((one for one in self.disturbed if one.worse), key=lambda one: one.difference, default=None)
        if worst is None:
            return "No mild noise, blur, JPEG or brightness surely costs accuracy."
        low, high = (f"{-100 * end:.1f}" for end in reversed(worst.interval))
        named = f"{worst.name[0].upper()}{worst.name[1:]} {worst.strength}"
        return f"{named} costs {-100 * worst.difference:.1f} points (95% interval {low} to {high})."

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "said": self.in_words()}


def robustness_of(
    disturbances: Sequence[Disturbance],
    labels: np.ndarray,
    predicted: np.ndarray,
    under: np.ndarray,
    groups: Sequence[str | None],
) -> Robustness:
    """What each costs, of class ids: ``labels`` and ``predicted`` (images,), ``under`` (images, disturbances)."""
    strict, clean = 1 - (1 - LEVEL) / len(disturbances), predicted == labels
    columns = [(one, answers, answers == labels) for one, answers in zip(disturbances, under.T, strict=True)]
    return Robustness(
        accuracy=float(clean.mean()),
        balanced_accuracy=float(summaries(labels, predicted)[1]),
        disturbed=tuple(
            Disturbed(
                name=one.name,
                strength=one.strength,
                accuracy=float(right.mean()),
                balanced_accuracy=float(summaries(labels, answers)[1]),
                difference=float(right.mean() - clean.mean()),
                interval=interval_of_difference(right, clean, groups),
                worse=interval_of_difference(right, clean, groups, strict)[1] < 0,
            )
            for one, answers, right in columns
        ),
    )
