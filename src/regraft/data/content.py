"""Where the bytes or the pixels of one image lie, and how they are had."""

import hashlib
import io
import os
import shutil
import stat
import weakref
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol
from zipfile import ZipFile, ZipInfo

import numpy as np
from PIL import Image

from regraft.data.decoding import Undecodable, decode
from regraft.data.parts import parts_of
from regraft.data.pillow_formats import check_given
from regraft.data.rendering import DEEP_MODES
from regraft.errors import DataError

MOST_BYTES = 1 << 29  # of one encoded image
PIECE = 1 << 20  # that is unpacked at a time
GREY, COLOUR = 2, 3  # dimensions of an array
CHANNELS = (1, 3, 4)


class Content(Protocol):
    """One image, wherever it lies."""

    def read(self) -> bytes | Image.Image:
        """Its encoded bytes, or its pixels where it was never encoded; Undecodable where it cannot be had."""
        ...


class FileState(NamedTuple):
    """What is another once a file has changed."""

    size: int
    modified: int  # ns since 1970
    changed: int  # the same, of what no program can set back
    inode: int


@dataclass(frozen=True, slots=True, eq=False)
class OnDisk:
    """A file."""

    place: str | Path  # as a text it takes a third of the memory

    __match_args__ = ("path",)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OnDisk) and self.path == other.path

    def __hash__(self) -> int:
        return hash(self.path)

    @property
    def path(self) -> Path:
        """Where it lies."""
        return Path(self.place)

    def state(self) -> FileState:
        """Its state, without opening it; OSError where that cannot be had."""
        found = os.stat(self.place)  # noqa: PTH116 - a Path for every file would take longer
        return FileState(found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)

    def read(self) -> bytes:
        """All of it."""
        try:
            state = os.stat(self.place)  # noqa: PTH116 - before it is opened: that alone may do something to a device
            if fault := unfit(state):
                raise Undecodable(*fault)
            if not state.st_size:  # the system's own (/proc) say so too, and reading some of them takes for ever
                return b""
            with open(self.place, "rb", buffering=0, opener=at_once) as file:
                if fault := unfit(os.fstat(file.fileno())):  # another one by now
                    raise Undecodable(*fault)
                data, most = file.read(state.st_size + 1), state.st_size + 1
                while len(data) < state.st_size and (more := file.read(most - len(data))):  # some systems give parts
                    data += more
                return data
        except OSError as error:
            raise Undecodable("unreadable", error.strerror or str(error)) from None


def at_once(path: str, flags: int) -> int:
    """Open a file; a pipe without waiting for someone who writes into it."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def unfit(state: os.stat_result) -> tuple[str, str] | None:
    """Kind and reason why a file is not to be opened."""
    if not stat.S_ISREG(state.st_mode):
        return "not a file", "it is a folder, a pipe or a device"
    if state.st_size > MOST_BYTES:
        return "too large", f"it holds {state.st_size:,} bytes; {MOST_BYTES:,} are read"
    return None


@dataclass(frozen=True, slots=True)
class InZip:
    """A member of a zip archive."""

    archive: ZipFile = field(repr=False)
    info: ZipInfo

    def read(self) -> bytes:
        """All of it, unpacked; what unpacks to more than it says is refused by zipfile."""
        if self.info.flag_bits & 1:
            raise Undecodable("encrypted", "it has a password; unpack the archive and give the folder")
        if self.info.file_size > MOST_BYTES:
            raise Undecodable("too large", f"it unpacks to {self.info.file_size:,} bytes; {MOST_BYTES:,} are read")
        try:
            if self.info.file_size <= PIECE:
                return self.archive.read(self.info)
            data = io.BytesIO()  # zipfile's own reading of all of it takes three times the memory
            with self.archive.open(self.info) as member:
                shutil.copyfileobj(member, data, PIECE)
            return data.getvalue()
        except DataError:  # of an archive at an address
            raise
        except Exception as error:  # zipfile and zlib raise many kinds
            raise Undecodable("unreadable", str(error).split("\n")[0] or type(error).__name__) from None


class Readable(Protocol):
    """A file of which parts are read, wherever it lies."""

    def read_at(self, offset: int, size: int) -> bytes:
        """A part of it, shorter at its end; threads don't disturb each other."""
        ...


class OpenFile:
    """A file that stays open as long as something of it may be read."""

    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        weakref.finalize(self, file.close)  # not __del__: in a cycle of garbage the file might be finalised first

    def read_at(self, offset: int, size: int) -> bytes:
        """A part of it; threads don't disturb each other."""
        return os.pread(self.file.fileno(), size, offset)


@dataclass(frozen=True, slots=True)
class InTar:
    """A member of an uncompressed tar archive, by its place in the open file."""

    file: Readable = field(repr=False)
    offset: int
    size: int

    def read(self) -> bytes:
        """All of it."""
        if self.size > MOST_BYTES:
            raise Undecodable("too large", f"it holds {self.size:,} bytes; {MOST_BYTES:,} are read")
        try:
            data = self.file.read_at(self.offset, self.size)
        except OSError as error:
            raise Undecodable("unreadable", error.strerror or str(error)) from None
        if len(data) < self.size:
            raise Undecodable("truncated", "the archive ends inside it")
        return data


@dataclass(frozen=True, slots=True)
class Indexed(InTar):
    """A member whose bytes were hashed when its archive was listed."""

    hash: bytes = b""


@dataclass(frozen=True, slots=True)
class Given:
    """Bytes or pixels that something else hands out: an array, a data set's item."""

    hand_out: Callable[[], Any]

    def read(self) -> bytes | Image.Image:
        """What is handed out, as bytes or as an image."""
        try:
            value = self.hand_out()
            return value if isinstance(value, bytes) else as_image(value)
        except Undecodable:
            raise
        except Exception as error:  # the user's own data set runs here, and NumPy and torch on what it gives
            raise Undecodable("unreadable", f"{type(error).__name__}: {error}".split("\n")[0]) from None


@dataclass(frozen=True, slots=True)
class Known:
    """An image that was looked at before, and is to be the same one; pixels may be drawn anew."""

    content: Content
    hash: str  # hash_of its bytes

    def read(self) -> bytes | Image.Image:
        """As the content does; Undecodable where its bytes are others now."""
        data = self.content.read()
        if isinstance(data, bytes) and hash_of(data) != self.hash:
            raise Undecodable("changed", "it is another image now")
        return data


def as_image(value: Any) -> Image.Image:
    """Pixels in memory as an image.

    ``value``: a Pillow image; an array (height, width) or (height, width, 1, 3 or 4); a tensor (1, 3 or 4, height,
    width); integers of 8 or 16 bits, bool, or floats in 0..1. Raises Undecodable for anything else.
    """
    if isinstance(value, Image.Image):
        check_given(value)
        return value
    if value is None:
        raise Undecodable("no image", "there is None in its place")
    array = from_tensor(value) if hasattr(value, "detach") else np.asarray(value)
    if array.ndim == COLOUR and array.shape[2] == 1:
        array = array[:, :, 0]
    if array.size == 0 or not (array.ndim == GREY or (array.ndim == COLOUR and array.shape[2] in CHANNELS)):
        raise Undecodable("not an image", f"its shape is {np.shape(value)}; give height x width x 1, 3 or 4")
    return Image.fromarray(np.ascontiguousarray(as_pillow_holds(array)))


def as_pillow_holds(array: np.ndarray) -> np.ndarray:
    """Numbers (height, width) stay as deep as they are, for the range of their set; colours become uint8."""
    grey = array.ndim == GREY
    if array.dtype == np.uint16:
        return array if grey else (array / 257).astype(np.uint8)
    if array.dtype == np.bool_:
        return array.astype(np.uint8) * 255
    if array.dtype.kind == "f":
        if not (np.isfinite(array).all() and array.min() >= 0 and array.max() <= 1):
            raise Undecodable("not an image", "floats must lie in 0..1; rescale them, or give integers of 8 bits")
        return array.astype(np.float32) if grey else (array * 255).round().astype(np.uint8)
    if array.dtype != np.uint8:
        raise Undecodable("not an image", f"its numbers are {array.dtype}; give uint8, uint16, or floats in 0..1")
    return array


def from_tensor(tensor: Any) -> np.ndarray:
    """A tensor (channels, height, width) or (height, width) -> an array with the channels last."""
    plain = tensor.detach().cpu()
    array: np.ndarray = (plain.float() if plain.is_floating_point() else plain).numpy()
    return np.moveaxis(array, 0, -1) if array.ndim == COLOUR else array


def hash_of(data: bytes | Image.Image) -> str:
    """A hash of encoded bytes; of pixels in memory, one of size and pixels as RGB, or of the numbers of deep ones."""
    if not isinstance(data, Image.Image):
        return hashlib.blake2b(data, digest_size=16).hexdigest()
    deep = data.mode in DEEP_MODES
    image = data if deep else decode(data, None)
    digest = hashlib.blake2b(repr((image.mode, image.size) if deep else image.size).encode(), digest_size=16)
    for _, part in parts_of(image):
        digest.update(part.tobytes())
    return digest.hexdigest()
