"""What a classifier says of one image."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from regraft.data.images import Fault
from regraft.errors import DataError


@dataclass(frozen=True)
class Prediction:
    """What the classifier says of one image, or why it says nothing."""

    name: str  # its path, or its place among the images given
    classes: tuple[str, ...] = field(repr=False)
    probabilities: np.ndarray | None  # (classes,) float64
    fault: Fault | None = None
    identity: str = field(default="", repr=False)  # the hash of what it shows, where it was asked for

    @property
    def label(self) -> str | None:
        """The likeliest class."""
        return None if self.probabilities is None else self.classes[int(self.probabilities.argmax())]

    @property
    def probability(self) -> float | None:
        """Of that class."""
        return None if self.probabilities is None else float(self.probabilities.max())

    def as_dict(self) -> dict[str, Any]:
        """Plain data; a file that cannot be read has its error and no class."""
        p, probability = self.probabilities, self.probability
        return {
            "path": self.name,
            "class": self.label,
            "probability": None if probability is None else round(probability, 6),
            "error": f"{self.fault.kind}: {self.fault.reason}" if self.fault else None,
            **{f"p({name})": None if p is None else round(float(p[i]), 6) for i, name in enumerate(self.classes)},
        }


def check_predicted(predictions: Sequence[Prediction]) -> None:
    """Raise DataError where no image could be predicted."""
    faults = [prediction.fault for prediction in predictions if prediction.fault]
    if len(faults) < len(predictions):
        return
    files = "the one file is no image that can" if len(faults) == 1 else f"none of the {len(faults):,} files can"
    first = faults[0]
    raise DataError(
        f"{files} be predicted ({first.path}: {first.kind}: {first.reason}); give images that open in a viewer"
    )
