"""Files that were read before, known again without reading them: by place, size, times of change and inode.

The index is a few files in the cache, each written whole, named by its checksum and renamed; processes share them
without a lock, since what one of them loses costs another a second reading. A row is a state's hash and the hash of
the file's bytes, 16 bytes each; the rows of a file are sorted.
"""

import hashlib
import os
import time
import uuid
from array import array
from bisect import bisect_left
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import numpy as np

from regraft.cache_folder import cache_folder
from regraft.data.content import Content, OnDisk
from regraft.data.readers.parquet_rows import InParquet

FILES = "files"  # the folder in the cache
HASH, ROW = 16, 32  # bytes
UNSETTLED = 2_000_000_000  # ns after a change in which another may leave the same time: file systems are that coarse
MOST_PARTS = 8  # files of the index, before they become one
MOST_ROWS = 1_000_000


class State(NamedTuple):
    """A file's state, hashed; ``settled``: a change from now on would show in it."""

    key: bytes
    settled: bool


class KnownFiles:
    """What is known of files on disk; their images' hashes by their states.

    A file that was changed gets another time of change (ctime), which no program can put back. Only where there is
    none (on Windows it is the time of creation) a file rewritten with as many bytes, whose other time was put back,
    is taken for the old one.
    """

    def __init__(self) -> None:
        self.base = os.getcwd()  # noqa: PTH109 - a Path for every file would take longer than all the rest
        self.parts = sorted((cache_folder() / FILES).glob("*.known"))
        self.rows = SortedRows(b"".join(map(data_in, self.parts)))
        self.met, self.new = bytearray(), bytearray()  # rows that were asked for, and that are not on disk

    def state_of(self, content: Content) -> State | None:
        """The state of a file on disk or a row of one; None of anything else, and of what cannot be looked at."""
        if isinstance(content, InParquet):
            return State(hashed(content.identity), True) if content.identity else None
        if not isinstance(content, OnDisk):
            return None
        now = time.time_ns()
        try:
            state = content.state()
        except OSError:
            return None
        path = os.path.join(self.base, content.place)  # noqa: PTH118
        text = f"{path} {state.size} {state.modified} {state.changed} {state.inode}"
        return State(hashed(text), max(state.modified, state.changed) + UNSETTLED < now)

    def hash_of(self, state: State | None) -> str | None:
        """The hash of the bytes of a file in that state, where it was read before."""
        rows = self.rows.that_begin(state.key) if state else []
        if len(rows) != 1:  # with two, a change did not show
            return None
        self.met += rows[0]
        return rows[0][HASH:].hex()

    def note(self, state: State | None, content: str) -> None:
        """Remember the hash of a file's bytes, which were read after its state was."""
        if state is not None and state.settled:
            row = state.key + bytes.fromhex(content)
            if not self.rows.that_begin(row):
                self.new += row

    def write(self) -> None:
        """Put what is new on disk; it is worth no failure.

        Many parts become one. Where there are too many rows, those that this process did not meet are forgotten.
        """
        if not self.new:
            return
        full = len(self.rows) + len(self.new) // ROW > MOST_ROWS
        old = bytes(self.met) if full else self.rows.data
        rows = SortedRows(old + self.new)
        merged = full or len(self.parts) >= MOST_PARTS
        with suppress(OSError):
            part = write_data((rows if merged else SortedRows(bytes(self.new))).data)
            for path in self.parts if merged else ():
                if path != part:
                    path.unlink(missing_ok=True)
            self.parts = [part] if merged else [*self.parts, part]
        self.rows, self.new = rows, bytearray()


class SortedRows:
    """Rows in order, each once, one after another; an object for each would take three times the memory."""

    def __init__(self, data: bytes) -> None:
        words = np.frombuffer(data, ">u8").reshape(-1, ROW // 8) if data else np.empty((0, ROW // 8), ">u8")
        words = words[np.lexsort(words.T[::-1])]
        words = words[np.append(True, (words[1:] != words[:-1]).any(axis=1))[: len(words)]]
        self.data = words.tobytes()
        self.starts = array("Q", words[:, 0].astype(np.uint64).tobytes())  # the first word of each

    def __len__(self) -> int:
        return len(self.starts)

    def that_begin(self, start: bytes) -> list[bytes]:
        """The rows that begin so, with a word or more; two of them at most."""
        rows, word = list[bytes](), int.from_bytes(start[:8])
        place = bisect_left(self.starts, word)
        while len(rows) < 2 and place < len(self.starts) and self.starts[place] == word:  # noqa: PLR2004 - as it says
            if self.data.startswith(start, ROW * place):
                rows.append(self.data[ROW * place : ROW * (place + 1)])
            place += 1
        return rows


def hashed(text: str) -> bytes:
    """What stands for a state."""
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=HASH).digest()


def read_part(path: Path) -> list[bytes]:
    """The rows in a file of the index; none where it is damaged or gone."""
    data = data_in(path)
    return [data[place : place + ROW] for place in range(0, len(data), ROW)]


def data_in(path: Path) -> bytes:
    """The same, one after another."""
    with suppress(OSError):
        data = path.read_bytes() if path.stat().st_size <= 2 * MOST_ROWS * ROW else b""
        if path.name == name_of(data) and len(data) % ROW == 0:
            return data
        path.unlink()
    return b""


def write_part(rows: list[bytes]) -> Path:
    """Write rows as a file of the index."""
    return write_data(b"".join(rows))


def write_data(data: bytes) -> Path:
    """The same of rows one after another."""
    folder = cache_folder() / FILES
    folder.mkdir(parents=True, exist_ok=True)
    path, unfinished = folder / name_of(data), folder / f".{uuid.uuid4().hex}"
    unfinished.write_bytes(data)
    unfinished.replace(path)
    return path


def name_of(data: bytes) -> str:
    """A file's name, which has the checksum of what is in it."""
    return f"{crc32(data):08x}.known"
