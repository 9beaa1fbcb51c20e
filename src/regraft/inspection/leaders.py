"""The few images that excite each channel most, kept while images stream by."""

from collections.abc import Sequence

import numpy as np


class Leaders:
    """For each channel the ``most`` strongest images so far, the strongest first; of equals those with a higher mean.

    Many images may be equal where a unit has a ceiling, as ReLU6 has.
    """

    def __init__(self, channels: int, most: int) -> None:
        self.values = np.full((channels, most), -np.inf, np.float32)
        self.means = np.full((channels, most), -np.inf, np.float32)  # over the image
        self.rows = np.full((channels, most), -1, np.int64)  # of images; -1 where there is none
        self.places = np.zeros((channels, most), np.int32)  # of the strongest value, counted along the map's rows
        self.largest = np.full(channels, -np.inf, np.float32)  # of all images, those that choose no patch too

    def offer(self, maps: np.ndarray, means: np.ndarray, rows: Sequence[int], choose: Sequence[bool]) -> None:
        """Maps (n, channels, positions) of the images ``rows``; those that do not choose only count as seen."""
        best = maps.max(2)
        self.largest = np.maximum(self.largest, best.max(0))
        for one, (row, chooses) in enumerate(zip(rows, choose, strict=True)):
            if not chooses:
                continue
            equal = (best[one] == self.values[:, -1]) & (means[one] > self.means[:, -1])
            entering = np.flatnonzero((best[one] > self.values[:, -1]) | equal)
            if len(entering):
                places = maps[one, entering].argmax(1)
                self.enter(entering, best[one, entering], means[one, entering], row, places)

    def enter(self, channels: np.ndarray, values: np.ndarray, means: np.ndarray, row: int, places: np.ndarray) -> None:
        """Put an image into the ranks of ``channels``."""
        added: tuple[np.ndarray, ...] = (values, means, np.full(len(channels), row), places)
        ranks: tuple[np.ndarray, ...] = (self.values, self.means, self.rows, self.places)
        longer = [
            np.concatenate([rank[channels], new[:, None]], axis=1) for rank, new in zip(ranks, added, strict=True)
        ]
        order = np.lexsort((-longer[1], -longer[0]), axis=1)[:, : self.values.shape[1]]
        for rank, both in zip(ranks, longer, strict=True):
            rank[channels] = np.take_along_axis(both, order, 1)
