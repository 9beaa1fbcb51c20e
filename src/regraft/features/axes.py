"""The principal axes of features: a basis in which a linear head's problem is well conditioned."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from regraft.features.on_disk import room_for
from regraft.features.scale import Scale, scale_of

BLOCK = 8_000  # images at a time
FLAT = 1e-10  # of the largest variance: axes with less are rounding


@dataclass(frozen=True)
class Axes:
    """Standardised features along their principal axes."""

    scale: Scale
    directions: np.ndarray  # (channels, axes) float32, of length 1
    variance: np.ndarray  # (axes,) along each

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Features (images, channels) -> coordinates (images, axes)."""
        coordinates = room_for((len(features), self.directions.shape[1]))
        for part in blocks_of(features):
            np.matmul(self.scale.apply(features[part]), self.directions, out=coordinates[part])
        return coordinates


def blocks_of(features: np.ndarray) -> Iterator[slice]:
    """Rows a BLOCK at a time: no copy of all features is needed at once."""
    return (slice(start, start + BLOCK) for start in range(0, len(features), BLOCK))


def axes_of(features: np.ndarray) -> Axes:
    """The principal axes of ``features`` (images, channels); with few images those that the images span."""
    scale = scale_of(features)
    if len(features) < features.shape[1]:
        x = scale.apply(features)
        lengths, left = np.linalg.eigh((x @ x.T).astype(np.float64))
        some = lengths > FLAT * lengths[-1]
        directions = x.T @ (left[:, some] / np.sqrt(lengths[some])).astype(np.float32)
        return Axes(scale, directions, lengths[some] / len(x))
    products = np.zeros((features.shape[1], features.shape[1]), np.float32)
    for part in blocks_of(features):
        standard = scale.apply(features[part])
        products += standard.T @ standard
    lengths, directions = np.linalg.eigh(products)
    return Axes(scale, directions, np.maximum(lengths, 0) / len(features))
