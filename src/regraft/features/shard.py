"""A shard: the features of some images as files, with a checksum for every row.

A folder with one file of plain numbers for each array; checksums.bin, a CRC-32 for every row of every array;
index.json, which store it belongs to, which images and which arrays there are; seal.json, written last, with the
CRC-32 of these two. Index and lengths are checked when a shard is opened, a row when it is first read: a flipped byte
costs its image a second pass, and looking for one costs no more than reading what is used. A row's checksum begins
with what the index says of its image, so that rows and images that were exchanged do not match either.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from zlib import crc32

import numpy as np

from regraft.data.identity import Look
from regraft.data.looks import Looks
from regraft.data.texts import Hashes
from regraft.strict_json import Malformed, build, parse_json, read_bytes, read_json

SEAL, INDEX, CHECKSUMS = "seal.json", "index.json", "checksums.bin"
WORD = np.dtype("<u4")  # of a checksum
MOST_BYTES = 1 << 28  # of an index
DTYPES = {np.dtype(kind).str for kind in ("f2", "f4", "f8", "i4", "i8", "u1")}
PLAIN_NAME = re.compile(r"\w[\w.-]*", re.ASCII)  # that leads into no other folder


class Damaged(Exception):
    """A shard is not what was written."""


@dataclass(frozen=True, eq=False)
class Written:
    """An index as it is written. The columns have an item an image."""

    store: str  # the name of its folder
    contents: Sequence[str]  # hashes of the files' bytes
    pixels: Sequence[str]
    widths: Sequence[int]
    heights: Sequence[int]
    arrays: Mapping[str, tuple[str, int]]  # data type and channels by name

    def check(self) -> None:
        """Raise Damaged where it contradicts itself."""
        columns = (self.contents, self.pixels, self.widths, self.heights)
        if not self.contents or not self.arrays or len({len(column) for column in columns}) > 1:
            raise Damaged(f"{INDEX}: the columns have other lengths")
        if min(self.widths) < 0 or min(self.heights) < 0 or not all(self.contents):
            raise Damaged(f"{INDEX}: an image has no hash, or a size below nothing")
        for name, (dtype, channels) in self.arrays.items():
            if dtype not in DTYPES or channels < 1 or not PLAIN_NAME.fullmatch(name):
                raise Damaged(f"{INDEX}: no array can be {name[:40]!r} of {channels} {dtype[:40]!r}")

    def index(self) -> "Index":
        """The same with columns that take less memory."""
        sizes = (np.array(column, np.int64) for column in (self.widths, self.heights))
        return Index(self.store, Looks(Hashes.of(self.contents), Hashes.of(self.pixels), *sizes), self.arrays)


@dataclass(frozen=True, eq=False)
class Index:
    """What lies in a shard."""

    store: str  # the name of its folder
    looks: Looks  # at the images
    arrays: Mapping[str, tuple[str, int]]  # data type and channels by name

    def seeds(self, looks: Looks, name: str) -> list[int]:
        """What the checksums of some images' rows of an array begin with."""
        dtype, channels = self.arrays[name]
        start = crc32(f"{self.store} {name} {dtype} {channels}".encode())
        columns = looks.contents, looks.pixels, looks.widths.tolist(), looks.heights.tolist()
        return [crc32(line.encode(), start) for line in map("{} {} {} {}".format, *columns)]


@dataclass(frozen=True)
class Seal:
    """What is written last."""

    images: int
    crc32: int


@dataclass(frozen=True, eq=False)
class Shard:
    """Some images' arrays on disk."""

    folder: Path
    index: Index
    checksums: np.ndarray  # (arrays, images), uint32
    checked: dict[str, np.ndarray] = field(default_factory=dict)  # by array, the rows that were compared: (images,)

    @property
    def contents(self) -> Hashes:
        """Hashes of the files' bytes."""
        return self.index.looks.contents

    def look(self, place: int) -> Look:
        """What the look at one image left."""
        return self.index.looks[place]

    def read(self, name: str, places: np.ndarray) -> np.ndarray:
        """Some rows of an array: (places, channels). Damaged where one is not what was written."""
        if name not in self.index.arrays:
            raise Damaged(f"{INDEX}: there is no array {name}")
        dtype, channels = self.index.arrays[name]
        shape = len(self.contents), channels
        try:
            rows = np.asarray(np.memmap(path_of(self.folder, name), dtype, "r", shape=shape)[places])
        except (OSError, ValueError) as error:  # gone, or too short
            raise Damaged(f"{name}: {error}") from None
        checked = self.checked.setdefault(name, np.zeros(len(self.contents), dtype=bool))
        new = ~checked[places]
        if new.any():
            expected = self.checksums[list(self.index.arrays).index(name), places[new]]
            seeds = self.index.seeds(self.index.looks.take(places[new]), name)
            if (checksums_of(rows if new.all() else rows[new], seeds) != expected).any():
                raise Damaged(f"{name}: a checksum does not match")
            checked[places] = True
        return rows

    def check_looks(self) -> None:
        """Compare the smallest array's rows with their checksums: whether what ``look`` says is what was written."""
        smallest = min(self.index.arrays, key=lambda name: self.index.arrays[name][1])
        self.read(smallest, np.arange(len(self.contents)))

    def check(self) -> None:
        """Compare every row with its checksum; Damaged where one does not match."""
        self.checked.clear()
        for name in self.index.arrays:
            self.read(name, np.arange(len(self.contents)))


def path_of(folder: Path, name: str) -> Path:
    """The file of one array."""
    return folder / f"{name}.bin"


def checksums_of(rows: np.ndarray, seeds: Sequence[int]) -> np.ndarray:
    """The CRC-32 of every row, each begun with a number."""
    return np.fromiter(map(crc32, rows, seeds), WORD, len(rows))


def write_shard(folder: Path, batches: Sequence[tuple[Sequence[Look], Mapping[str, np.ndarray]]]) -> Shard:
    """Write the files of a shard into ``folder``, which is there and empty; the arrays have a row for each look.

    Nothing is forced to the disk (fsync): what a power cut leaves of it is noticed, and costs a pass over its images.
    """
    looks, names = [look for of_batch, _ in batches for look in of_batch], list(batches[0][1])
    checksums, arrays = np.empty((len(names), len(looks)), WORD), dict[str, tuple[str, int]]()
    written = Written(
        store=folder.parent.name,
        contents=[look.content for look in looks],
        pixels=[look.pixels for look in looks],
        widths=[look.width for look in looks],
        heights=[look.height for look in looks],
        arrays=arrays,
    )
    own = written.index()
    for place, name in enumerate(names):
        array = np.concatenate([of_batch[name] for _, of_batch in batches])
        path_of(folder, name).write_bytes(array.data)
        arrays[name] = array.dtype.str, array.shape[1]
        checksums[place] = checksums_of(array, own.seeds(own.looks, name))
    index, sums = json.dumps(vars(written)).encode(), checksums.tobytes()
    (folder / CHECKSUMS).write_bytes(sums)
    (folder / INDEX).write_bytes(index)
    (folder / SEAL).write_text(json.dumps(asdict(Seal(len(looks), crc32(sums, crc32(index))))))
    return Shard(folder, own, checksums)


def open_shard(folder: Path) -> Shard:
    """A shard that was written into this store; Damaged where a file is missing or too short, or the index another."""
    try:
        seal = read_seal(folder)
        data, sums = read_bytes(folder / INDEX, MOST_BYTES), read_bytes(folder / CHECKSUMS, MOST_BYTES)
        if crc32(sums, crc32(data)) != seal.crc32:
            raise Damaged(f"{INDEX}: the checksum does not match")
        written = build(Written, parse_json(data))
        written.check()
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError) as error:
        raise Damaged(f"{Path(error.filename).name} is missing") from None
    except Malformed as error:
        raise Damaged(f"{INDEX}: {error}") from None
    if written.store != folder.parent.name:
        raise Damaged(f"{INDEX}: it belongs to another store")
    index = written.index()
    if len(index.looks) != seal.images or len(sums) != len(index.arrays) * seal.images * WORD.itemsize:
        raise Damaged(f"{CHECKSUMS}: there are other numbers of images")
    for name, (dtype, channels) in index.arrays.items():
        path = path_of(folder, name)
        if not path.is_file() or path.stat().st_size != seal.images * channels * np.dtype(dtype).itemsize:
            raise Damaged(f"{name}: the file is missing, or has another length than was written")
    return Shard(folder, index, np.frombuffer(sums, WORD).reshape(-1, seal.images))


def read_seal(folder: Path) -> Seal:
    """How many images a shard has, and the checksum of its index; Damaged where that cannot be read."""
    try:
        return build(Seal, read_json(folder / SEAL))
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise Damaged(f"{SEAL} is missing: it is of another version, or was never finished") from None
    except Malformed as error:
        raise Damaged(f"{SEAL} cannot be read: {error}") from None
