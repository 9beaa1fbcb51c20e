"""Arrays that are larger than memory should hold lie in a file that the system maps into memory."""

import shutil
import tempfile
from collections.abc import Iterator

import numpy as np

from regraft.cache_folder import cache_folder

IN_MEMORY = 2_000_000_000  # bytes of an array: a fifth of what a small machine has, with the copies that work needs
AT_ONCE = 50_000  # rows of a larger one that are worked on together
SPARE = 1.5  # times what an array takes, that must be free on the disk


def is_large(shape: tuple[int, ...]) -> bool:
    """Whether an array of float32 lies in a file."""
    return 4 * int(np.prod(shape)) > IN_MEMORY


def room_for(shape: tuple[int, ...]) -> np.ndarray:
    """Float32 to be filled: in memory, or of a large array beside the cache, where the disk has room for it.

    The file has no name, so it is gone with the process, however that ends.
    """
    if not is_large(shape):
        return np.empty(shape, np.float32)
    try:
        folder = cache_folder()
        folder.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(folder).free < SPARE * 4 * int(np.prod(shape)):
            return np.empty(shape, np.float32)
        with tempfile.TemporaryFile(dir=folder) as file:
            return np.asarray(np.memmap(file, np.float32, "w+", shape=shape))  # which stays when the file is closed
    except OSError:
        return np.empty(shape, np.float32)


def rows_of(array: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Some rows; no copy of a large array's where they follow one another."""
    if is_large(array.shape) and len(rows) and (np.diff(rows) == 1).all():
        return array[rows[0] : rows[-1] + 1]
    return np.asarray(array[rows])


def parts_of(array: np.ndarray) -> Iterator[slice]:
    """All rows at once, or AT_ONCE of a large array's."""
    step = AT_ONCE if is_large(array.shape) else max(len(array), 1)
    return (slice(start, min(start + step, len(array))) for start in range(0, max(len(array), 1), step))
