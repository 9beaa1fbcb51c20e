"""Files at an address, read by fsspec in blocks: in order ahead, elsewhere only what is asked for.

Blocks that were read lie in a temporary file beside the cache, as far as it may grow, so that a command reads them
once; beyond that a few lie in memory.
"""

import io
import os
import shutil
import tempfile
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Any, BinaryIO, TypeVar

from regraft.cache_folder import cache_folder
from regraft.data.address import Address, without_secrets
from regraft.errors import DataError, reason_of

BLOCK = 1 << 22  # bytes that are read at once where reading goes on
IN_MEMORY = 32  # blocks
ON_DISK = 8_000_000_000  # bytes of blocks, and
SHARE = 0.25  # of what the disk has free, at most
ATTEMPTS, PAUSE = 3, 1.0  # seconds; fsspec's own libraries try again too, but not all of them
VERSION = ("ETag", "etag", "generation", "md5Hash", "content_md5", "Content-MD5", "LastModified", "last_modified",
           "Last-Modified", "updated", "mtime", "created")  # fmt: skip
LOCKED, NOT_FOUND = (401, 403), 404  # of HTTP
Key = tuple[str, int]  # a file and the number of a block
Result = TypeVar("Result")


def reached(address: Address, ask: Callable[[], Result]) -> Result:
    """What fsspec answers, asked again where the connection fails; DataError with the reason in one line."""
    for left in reversed(range(ATTEMPTS)):
        try:
            return ask()
        except MemoryError:
            raise
        except Exception as found:  # the libraries' errors have many kinds
            error = found.__cause__ if isinstance(found, FileNotFoundError) and found.__cause__ else found
            if isinstance(error, FileNotFoundError) or getattr(error, "status", None) == NOT_FOUND:
                raise DataError(f"there is nothing at {address}; give the address of shards that are there") from None
            if is_locked(error):
                raise DataError(
                    f"{address} may not be read: {reason(error)}; give credentials where its library looks for them"
                ) from None
            if not left or not is_passing(error):
                raise DataError(
                    f"{address} cannot be read: {reason(error)}; what is finished is in the cache, so mend the"
                    " connection and run the command again"
                ) from None
            time.sleep(PAUSE)
    raise AssertionError("the last attempt returns or raises")


def is_locked(error: BaseException) -> bool:
    """Whether credentials are missing or not enough."""
    refused = getattr(error, "status", None) in LOCKED
    return refused or isinstance(error, PermissionError) or "Credential" in type(error).__name__


def is_passing(error: BaseException) -> bool:
    """Whether it may go well another time: a connection that fails."""
    return isinstance(error, (OSError, EOFError)) or "aiohttp" in type(error).__module__


def reason(error: BaseException) -> str:
    """Why, without secrets."""
    return without_secrets(reason_of(error))[:200]


class Blocks:
    """The blocks of all files that were read, by their file and number."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.latest: OrderedDict[Key, bytes] = OrderedDict()
        self.places: dict[Key, int] = {}  # offsets in the file
        self.file: BinaryIO | None = None
        self.size, self.most = 0, -1

    def part(self, key: Key, start: int, stop: int) -> bytes | None:
        """A part of a block; None where that was not read, or is gone."""
        with self.lock:
            if (data := self.latest.get(key)) is not None:
                self.latest.move_to_end(key)
                return data[start:stop]
            place = self.places.get(key)
        if place is None or self.file is None:
            return None
        found = os.pread(self.file.fileno(), stop - start, place + start)
        return found if len(found) == stop - start else None

    def put(self, key: Key, data: bytes) -> None:
        """Keep a block, on the disk where there is room, else in memory for a while."""
        with self.lock:
            if key in self.places or self.written(key, data):
                return
            self.latest[key] = data
            while len(self.latest) > IN_MEMORY:
                self.latest.popitem(last=False)

    def written(self, key: Key, data: bytes) -> bool:
        """Write a block into the temporary file; whether that had room."""
        if not self.has_room(len(data)):
            return False
        try:
            assert self.file, "it is made with the room"
            self.file.seek(self.size)
            self.file.write(data)
            self.file.flush()
        except OSError:  # the disk is full after all
            self.most = self.size
            return False
        self.places[key] = self.size
        self.size += len(data)
        return True

    def has_room(self, size: int) -> bool:
        """Whether the temporary file, which has no name and is gone with the process, may grow so far."""
        if self.most < 0:
            self.most = 0
            try:
                folder = cache_folder()
                folder.mkdir(parents=True, exist_ok=True)
                self.most = min(ON_DISK, int(SHARE * shutil.disk_usage(folder).free))
                self.file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - it stays open
                weakref.finalize(self, self.file.close)
            except OSError:
                self.most = 0
        return self.file is not None and self.size + size <= self.most


BLOCKS, NUMBERS = Blocks(), count()


class RemoteFile:
    """One file at an address, read by several threads."""

    def __init__(self, system: Any, path: str, address: Address, info: Mapping[str, Any]) -> None:
        self.system, self.path, self.address = system, path, address
        size = info.get("size")
        if not isinstance(size, int):
            raise DataError(f"{address} does not say how large it is, as reading in parts needs; copy it to a disk")
        self.size = size
        marks = next((text_of(info[name]) for name in VERSION if info.get(name)), "")
        self.version = f"{address} {size} {marks}" if marks else ""  # empty where a change would not show
        self.key = self.version or f"{next(NUMBERS)}"
        self.lock, self.place = threading.Lock(), 0  # where reading got to

    def read_at(self, offset: int, size: int) -> bytes:
        """A part of it, shorter at its end; DataError where it cannot be had."""
        stop = min(offset + size, self.size)
        if stop <= offset:
            return b""
        with self.lock:
            spans = spans_of(offset, stop)
            parts = [BLOCKS.part((self.key, number), *span) for number, span in spans.items()]
            goes_on = size >= BLOCK or abs(offset - self.place) <= BLOCK
            self.place = stop
            if goes_on and None in parts:
                parts = [*self.filled(spans, parts)]
        found = [part for part in parts if part is not None]
        if len(found) < len(parts):  # threads that jump about don't wait for each other
            return self.fetch(offset, stop)
        return found[0] if len(found) == 1 else b"".join(found)

    def filled(self, spans: dict[int, tuple[int, int]], parts: list[bytes | None]) -> Iterator[bytes]:
        """The parts, after the missing blocks were read, from the first to the last of them at once."""
        missing = [number for number, part in zip(spans, parts, strict=True) if part is None]
        first = missing[0] * BLOCK
        data = memoryview(self.fetch(first, min((missing[-1] + 1) * BLOCK, self.size)))
        for (number, (start, stop)), part in zip(spans.items(), parts, strict=True):
            if part is None:
                block = bytes(data[number * BLOCK - first : (number + 1) * BLOCK - first])
                BLOCKS.put((self.key, number), block)
                yield block[start:stop]
            else:
                yield part

    def fetch(self, start: int, stop: int) -> bytes:
        """The bytes from ``start`` to ``stop``, over the network."""

        def ask() -> bytes:
            data = bytes(self.system.cat_file(self.path, start=start, end=stop))
            if len(data) != stop - start:
                raise EOFError(f"{len(data):,} bytes came of {stop - start:,} that were asked for")
            return data

        return reached(self.address, ask)


def text_of(mark: Any) -> str:
    """A mark of a file's version: listings give some times as numbers, and single files as times."""
    return str(mark.timestamp() if hasattr(mark, "timestamp") else mark)


def spans_of(offset: int, stop: int) -> dict[int, tuple[int, int]]:
    """The blocks that a part of a file lies in, and the part of each."""
    numbers = range(offset // BLOCK, (stop - 1) // BLOCK + 1)
    return {one: (max(offset - one * BLOCK, 0), min(stop - one * BLOCK, BLOCK)) for one in numbers}


def as_file(remote: "RemoteFile") -> BinaryIO:
    """A remote file for libraries that read files."""
    return Cursor(remote)  # type: ignore[return-value]  # as typeshed has it, a raw file is none


class Cursor(io.RawIOBase):
    """A remote file as Python's libraries read one."""

    def __init__(self, remote: RemoteFile) -> None:
        super().__init__()
        self.remote, self.place = remote, 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where it stands."""
        return self.place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go elsewhere."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self.place, io.SEEK_END: self.remote.size}[whence]
        if start + offset < 0:
            raise OSError("before the file's start")
        self.place = start + offset
        return self.place

    def read(self, size: int | None = -1) -> bytes:
        """Some bytes from there on, or the rest."""
        wanted = self.remote.size - self.place if size is None or size < 0 else size
        data = self.remote.read_at(self.place, wanted)
        self.place += len(data)
        return data

    def readinto(self, buffer: Any) -> int:
        """The same, into a buffer."""
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
