"""A shard: the features of some images as files, with a checksum for every row.

A folder with one file of plain numbers for each array; checksums.bin, a CRC-32 for every row of every array;
index.json, which images and which arrays there are; seal.json, written last, with the CRC-32 of these two.
Index and lengths are checked when a shard is opened, a row when it is first read: a flipped byte costs its
image a second pass, and looking for one costs no more than reading what is used.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zlib import crc32

import numpy as np

from regraft.data.content import Look

SEAL, INDEX, CHECKSUMS = "seal.json", "index.json", "checksums.bin"
WORD = np.dtype("<u4")  # of a checksum


class Damaged(Exception):
    """A shard is not what was written."""


@dataclass(frozen=True, eq=False)
class Shard:
    """Some images' arrays on disk. The columns have an item an image."""

    folder: Path
    contents: Sequence[str]  # hashes of the files' bytes
    pixels: Sequence[str]
    widths: Sequence[int]
    heights: Sequence[int]
    arrays: Mapping[str, tuple[str, int]]  # data type and channels by name
    checksums: np.ndarray  # (arrays, images), uint32
    checked: dict[str, np.ndarray] = field(default_factory=dict)  # by array, the rows that were compared: (images,)

    def look(self, place: int) -> Look:
        """What the look at one image left."""
        return Look(self.contents[place], self.pixels[place], self.widths[place], self.heights[place])

    def read(self, name: str, places: np.ndarray) -> np.ndarray:
        """Some rows of an array: (places, channels). Damaged where one is not what was written."""
        dtype, channels = self.arrays[name]
        shape = len(self.contents), channels
        try:
            rows = np.asarray(np.memmap(path_of(self.folder, name), dtype, "r", shape=shape)[places])
        except (OSError, ValueError) as error:  # gone, or too short
            raise Damaged(f"{name}: {error}") from None
        checked = self.checked.setdefault(name, np.zeros(len(self.contents), dtype=bool))
        new = ~checked[places]
        if new.any():
            expected = self.checksums[list(self.arrays).index(name), places[new]]
            if (checksums_of(rows if new.all() else rows[new]) != expected).any():
                raise Damaged(f"{name}: a checksum does not match")
            checked[places] = True
        return rows

    def check(self) -> None:
        """Compare every row with its checksum; Damaged where one does not match."""
        self.checked.clear()
        for name in self.arrays:
            self.read(name, np.arange(len(self.contents)))


def path_of(folder: Path, name: str) -> Path:
    """The file of one array."""
    return folder / f"{name}.bin"


def checksums_of(rows: np.ndarray) -> np.ndarray:
    """The CRC-32 of every row."""
    return np.fromiter(map(crc32, rows), WORD, len(rows))


def write_shard(folder: Path, batches: Sequence[tuple[Sequence[Look], Mapping[str, np.ndarray]]]) -> Shard:
    """Write the files of a shard into ``folder``, which is there and empty; the arrays have a row for each look.

    Nothing is forced to the disk (fsync): what a power cut leaves of it is noticed, and costs a pass over its images.
    """
    looks, names = [look for of_batch, _ in batches for look in of_batch], list(batches[0][1])
    checksums, arrays = np.empty((len(names), len(looks)), WORD), dict[str, tuple[str, int]]()
    for place, name in enumerate(names):
        array = np.concatenate([of_batch[name] for _, of_batch in batches])
        path_of(folder, name).write_bytes(array.data)
        checksums[place] = checksums_of(array)
        arrays[name] = array.dtype.str, array.shape[1]
    columns: dict[str, Any] = {
        "contents": [look.content for look in looks],
        "pixels": [look.pixels for look in looks],
        "widths": [look.width for look in looks],
        "heights": [look.height for look in looks],
        "arrays": arrays,
    }
    index, sums = json.dumps(columns).encode(), checksums.tobytes()
    (folder / CHECKSUMS).write_bytes(sums)
    (folder / INDEX).write_bytes(index)
    (folder / SEAL).write_text(json.dumps({"images": len(looks), "crc32": crc32(sums, crc32(index))}))
    return Shard(folder, checksums=checksums, **columns)


def open_shard(folder: Path) -> Shard:
    """A shard that was written; Damaged where a file is missing or too short, or the index is not what was written."""
    try:
        index, sums = (folder / INDEX).read_bytes(), (folder / CHECKSUMS).read_bytes()
        if crc32(sums, crc32(index)) != read_seal(folder)["crc32"]:
            raise Damaged(f"{INDEX}: the checksum does not match")
        columns = json.loads(index)
        images = len(columns["contents"])
        for name, (dtype, channels) in columns["arrays"].items():
            if path_of(folder, name).stat().st_size != images * channels * np.dtype(dtype).itemsize:
                raise Damaged(f"{name}: the file has another length than was written")
        return Shard(folder, checksums=np.frombuffer(sums, WORD).reshape(-1, images), **columns)
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise Damaged(f"{Path(error.filename).name} is missing") from None


def read_seal(folder: Path) -> dict[str, int]:
    """How many images a shard has, and the checksum of its index; Damaged where that cannot be read."""
    try:
        seal = json.loads((folder / SEAL).read_bytes())
        return {name: int(seal[name]) for name in ("images", "crc32")}
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise Damaged(f"{SEAL} is missing: it is of another version, or was never finished") from None
    except (ValueError, KeyError, TypeError):
        raise Damaged(f"{SEAL} cannot be read") from None
