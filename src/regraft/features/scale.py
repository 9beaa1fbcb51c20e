"""The scale of features, channel by channel."""

from dataclasses import dataclass

import numpy as np

SMALLEST_STD = 0.1  # of a channel, as a share of the channels' mean


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each feature: (channels,)."""

    mean: np.ndarray
    std: np.ndarray

    def apply(self, features: np.ndarray) -> np.ndarray:
        """Features (images, channels) made to mean 0 and deviation 1."""
        standard: np.ndarray = features - self.mean
        standard /= self.std
        return standard


def scale_of(features: np.ndarray) -> Scale:
    """The scale of ``features`` (images, channels); channels that hardly vary are not blown up to the others' size."""
    mean = features.mean(axis=0, dtype=np.float64)
    std = np.sqrt(np.maximum(np.einsum("ij,ij->j", features, features, dtype=np.float64) / len(features) - mean**2, 0))
    smallest = max(SMALLEST_STD * float(std.mean()), 1e-12)
    return Scale(mean.astype(np.float32), np.maximum(std, smallest).astype(np.float32))
