"""The pixels of images that were decoded for one method, kept for the next, as far as memory goes."""

from collections.abc import Callable, Hashable
from threading import Lock

import numpy as np

MOST_BYTES = 500_000_000


class KeptPixels:
    """Arrays by key; of what does not fit any more nothing is kept."""

    def __init__(self, most: int = MOST_BYTES) -> None:
        self.left, self.lock = most, Lock()
        self.arrays: dict[Hashable, np.ndarray] = {}

    def get(self, key: Hashable, make: Callable[[], np.ndarray]) -> np.ndarray:
        """The array of ``key``, made where it is not known."""
        known = self.arrays.get(key)
        if known is not None:
            return known
        made = make()
        with self.lock:
            if made.nbytes <= self.left and key not in self.arrays:
                self.arrays[key], self.left = made, self.left - made.nbytes
        return made
