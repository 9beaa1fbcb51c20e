"""The principal axes of features: a basis in which a linear head's problem is well conditioned."""

from dataclasses import dataclass

import numpy as np

from regraft.features.scale import Scale, scale_of

FLAT = 1e-10  # of the largest variance: axes with less are rounding


@dataclass(frozen=True)
class Axes:
    """Standardised features along their principal axes."""

    scale: Scale
    directions: np.ndarray  # (channels, axes) float32, of length 1
    variance: np.ndarray  # (axes,) along each

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Features (images, channels) -> coordinates (images, axes)."""
        return np.asarray(self.scale.apply(features) @ self.directions)


def axes_of(features: np.ndarray) -> Axes:
    """The principal axes of ``features`` (images, channels); with few images those that the images span."""
    scale = scale_of(features)
    x = scale.apply(features)
    if len(x) < x.shape[1]:
        lengths, left = np.linalg.eigh((x @ x.T).astype(np.float64))
        some = lengths > FLAT * lengths[-1]
        directions = x.T @ (left[:, some] / np.sqrt(lengths[some])).astype(np.float32)
        return Axes(scale, directions, lengths[some] / len(x))
    lengths, directions = np.linalg.eigh(x.T @ x)
    return Axes(scale, directions, np.maximum(lengths, 0) / len(x))
