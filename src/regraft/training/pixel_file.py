"""Decoded images in a temporary file, of which the system keeps in memory what fits, and reads the rest again."""

import shutil
import tempfile
from array import array
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import numpy as np
import torch

from regraft.cache_folder import cache_folder
from regraft.data.content import OpenFile
from regraft.errors import RunError, reason_not_written

SPARE = 1.5  # times what the images may take, that must be free on the disk


class PixelFile(Sequence[torch.Tensor]):
    """Images (3, height, width) uint8, of any heights and widths, one after another in a file.

    The file has no name, so it is gone with the process, however that ends.
    """

    def __init__(self, file: OpenFile, places: np.ndarray, shapes: np.ndarray) -> None:
        self.file, self.places = file, places
        self.shapes = shapes  # (images, 2) int64

    def __len__(self) -> int:
        """Count the images."""
        return len(self.shapes)

    def shape(self, row: int) -> torch.Size:
        """Of one image."""
        return torch.Size((3, *self.shapes[row].tolist()))

    def __getitem__(self, row: Any) -> Any:
        """A copy of one image."""
        height, width = self.shapes[row].tolist()
        data = self.file.read_at(int(self.places[row]), 3 * height * width)
        return torch.frombuffer(bytearray(data), dtype=torch.uint8).reshape(3, height, width)


def has_room(size: float) -> bool:
    """Whether the disk of the cache has room for so many bytes of pixels."""
    with suppress(OSError):
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(folder).free > SPARE * size
    return False


def write_pixels(images: Iterable[torch.Tensor]) -> PixelFile:
    """Put images into a file beside the cache; RunError where the disk fills up meanwhile."""
    shapes, places, size = array("q"), array("q"), 0
    try:
        file = OpenFile(tempfile.TemporaryFile(dir=cache_folder()))  # noqa: SIM115 - it stays open
        for image in images:
            shapes.extend(image.shape[1:])
            places.append(size)
            size += file.file.write(image.contiguous().numpy().data)
        file.file.flush()
        return PixelFile(file, np.array(places, np.int64), np.array(shapes, np.int64).reshape(-1, 2))
    except OSError as error:
        raise RunError(
            f"the decoded images do not fit into {cache_folder()}: {reason_not_written(error)}; free space there, or"
            " point REGRAFT_CACHE to another folder"
        ) from None
