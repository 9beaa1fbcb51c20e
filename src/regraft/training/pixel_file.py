"""Decoded images in a temporary file that the system maps into memory: it keeps what fits, and reads the rest again."""

import shutil
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import IO, Any

import numpy as np
import torch

from regraft.cache_folder import cache_folder
from regraft.errors import RunError, reason_not_written

SPARE = 1.5  # times what the images may take, that must be free on the disk


class PixelFile(Sequence[torch.Tensor]):
    """Images (3, height, width) uint8, of any heights and widths, one after another in a file.

    The file has no name, so it is gone with the process, however that ends.
    """

    def __init__(self, file: IO[bytes], places: np.ndarray, shapes: np.ndarray) -> None:
        self.places, self.shapes = places, shapes
        self.pixels = np.memmap(file, np.uint8, "r")  # which stays when the file is closed

    def __len__(self) -> int:
        """Count the images."""
        return len(self.shapes)

    def shape(self, row: int) -> torch.Size:
        """Of one image."""
        return torch.Size((3, *self.shapes[row].tolist()))

    def __getitem__(self, row: Any) -> Any:
        """A copy of one image."""
        height, width = self.shapes[row].tolist()
        start = int(self.places[row])
        flat = np.array(self.pixels[start : start + 3 * height * width])
        return torch.from_numpy(flat).reshape(3, height, width)


def has_room(size: float) -> bool:
    """Whether the disk of the cache has room for so many bytes of pixels."""
    with suppress(OSError):
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        return shutil.disk_usage(folder).free > SPARE * size
    return False


def write_pixels(images: Iterable[torch.Tensor]) -> PixelFile:
    """Put images into a file beside the cache; RunError where the disk fills up meanwhile."""
    shapes, places, size = list[tuple[int, int]](), list[int](), 0
    try:
        with tempfile.TemporaryFile(dir=cache_folder()) as file:
            for image in images:
                shapes.append((image.shape[1], image.shape[2]))
                places.append(size)
                size += file.write(image.contiguous().numpy().data)
            file.flush()
            return PixelFile(file, np.array(places, np.int64), np.array(shapes, np.int64))
    except OSError as error:
        raise RunError(
            f"the decoded images do not fit into {cache_folder()}: {reason_not_written(error)}; free space there, or"
            " point REGRAFT_CACHE to another folder"
        ) from None
