"""How much training data there is."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

NEAR = 2.0  # within this factor of the threshold the size is near it


@dataclass(frozen=True)
class Size:
    """Counts of training images, against the threshold from which they count as large."""

    images: int
    classes: int
    smallest_class: int
    threshold: int
    distinct: int  # images with different pixels: the effective size

    @property
    def verdict(self) -> str:
        """Small or large, by the images that are not copies of others."""
        return "large" if self.distinct >= self.threshold else "small"

    @property
    def near_threshold(self) -> bool:
        """Whether the other verdict is not far."""
        return self.threshold / NEAR <= self.distinct < self.threshold * NEAR

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {"times_threshold": self.distinct / self.threshold, "verdict": self.verdict}


def size_of(labels: np.ndarray, classes: int, threshold: int, distinct: int | None = None) -> Size:
    """Count the training labels (images,); ``distinct`` of the images have pixels of their own (None: all)."""
    smallest = int(np.bincount(labels, minlength=classes).min())
    return Size(len(labels), classes, smallest, threshold, len(labels) if distinct is None else distinct)
