"""The few images that excite each channel most, kept while images stream by."""

from collections.abc import Sequence

import numpy as np


class Leaders:
    """For each channel the ``most`` strongest images so far, the strongest first."""

    def __init__(self, channels: int, most: int) -> None:
        self.values = np.full((channels, most), -np.inf, np.float32)
        self.rows = np.full((channels, most), -1, np.int64)  # of images; -1 where there is none
        self.places = np.zeros((channels, most), np.int32)  # of the strongest value, counted along the map's rows
        self.largest = np.full(channels, -np.inf, np.float32)  # of all images, those that choose no patch too

    def offer(self, maps: np.ndarray, rows: Sequence[int], choose: Sequence[bool]) -> None:
        """Maps (n, channels, positions) of the images ``rows``; those that do not choose only count as seen."""
        best = maps.max(2)
        self.largest = np.maximum(self.largest, best.max(0))
        for one, (row, chooses) in enumerate(zip(rows, choose, strict=True)):
            entering = np.flatnonzero(best[one] > self.values[:, -1]) if chooses else ()
            if len(entering):
                self.enter(entering, best[one, entering], row, maps[one, entering].argmax(1))

    def enter(self, channels: np.ndarray, values: np.ndarray, row: int, places: np.ndarray) -> None:
        """Put an image into the ranks of ``channels``."""
        most = self.values.shape[1]
        ranked = np.concatenate([self.values[channels], values[:, None]], axis=1)
        order = np.argsort(-ranked, axis=1, kind="stable")[:, :most]
        self.values[channels] = np.take_along_axis(ranked, order, 1)
        for kept, new in ((self.rows, np.full(len(channels), row)), (self.places, places)):
            both = np.concatenate([kept[channels], new[:, None]], axis=1)
            kept[channels] = np.take_along_axis(both, order, 1)
