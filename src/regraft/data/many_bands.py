"""TIFFs that Pillow does not read, or reads as something else: any number of bands, deep colour.

Pillow and its libtiff decompress all the same: they are shown the file with a directory of our own, in which a row is
grey bytes. What the bytes mean is told from the file's own directory.
"""

import io
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from PIL.TiffImagePlugin import ImageFileDirectory_v2, TiffImageFile

from regraft.data.bands import Bands
from regraft.data.memory import PIXEL, take
from regraft.data.rendering import FOUR_BANDS, Rendering
from regraft.data.undecodable import Undecodable, check_size

HEADS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
BIG_HEADS = HEADS[2:]
WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC = 256, 257, 258, 259, 262
STRIPS, ORIENTATION, SAMPLES, ROWS, STRIP_BYTES, PLANAR = 273, 274, 277, 278, 279, 284
PREDICTOR, TILE_WIDTH, TILE_HEIGHT, TILES, TILE_BYTES, EXTRA, FORMAT = 317, 322, 323, 324, 325, 338, 339
LOSSLESS = {1, 5, 8, 32773, 32946, 34925, 50000}  # none, LZW, Deflate, PackBits, Deflate, LZMA, Zstandard
KINDS = {1: "u", 2: "i", 3: "f", 4: "u"}  # SampleFormat -> NumPy's kind
SIZES = {"u": (8, 16, 32, 64), "i": (8, 16, 32, 64), "f": (16, 32, 64)}
GREY, COLOUR = 1, 2  # of PhotometricInterpretation
DIFFERENCES, FLOAT_DIFFERENCES = 2, 3  # of Predictor
PILLOWS = 6  # bands that it reads at most
MOST_BYTES = 1 << 31  # of numbers in one image
COPIES = 6  # of its numbers at once, on their way
LONG = 4  # of the types of values, and its bytes


@dataclass(frozen=True)
class Layout:
    """What a TIFF's directory says of the first image."""

    tags: Any  # by number
    order: str  # < or >, of its bytes

    def one(self, tag: int, usual: int) -> int:
        """A number; of several alike the first."""
        value = self.tags.get(tag, usual)
        return int(value[0] if isinstance(value, tuple) else value)

    def all(self, tag: int) -> tuple[int, ...]:
        """Several numbers."""
        value = self.tags.get(tag, ())
        return tuple(map(int, value if isinstance(value, tuple) else (value,)))

    @property
    def dtype(self) -> np.dtype[Any] | None:
        """What one number is; None where they differ or are of no usual size."""
        bits, kinds = set(self.all(BITS) or (1,)), set(self.all(FORMAT) or (1,))
        kind, size = KINDS.get(min(kinds)), min(bits)
        if len(bits) > 1 or len(kinds) > 1 or kind is None or size not in SIZES[kind]:
            return None
        return np.dtype(f"{self.order}{kind}{size // 8}")

    @property
    def sides(self) -> tuple[int, int]:
        """Width and height in the file."""
        return self.one(WIDTH, 0), self.one(HEIGHT, 0)

    @property
    def samples(self) -> int:
        """How many bands there are."""
        return self.one(SAMPLES, 1)

    @property
    def alpha(self) -> bool:
        """Whether it says that the last band is transparency."""
        extra = self.all(EXTRA)
        return self.samples in {2, 4} and len(extra) == 1 and extra[0] in {1, 2, 999}

    @property
    def unsaid(self) -> bool:
        """Whether it has a fourth band beside the colours and does not say what that is."""
        plain = self.one(PHOTOMETRIC, GREY) == COLOUR and self.samples == 4  # noqa: PLR2004
        return plain and not self.all(EXTRA)


def layout_of(data: bytes) -> Layout | None:
    """The directory of a TIFF; None where the bytes are none, or it cannot be read."""
    if not data.startswith(HEADS):
        return None
    try:
        tags = ImageFileDirectory_v2(data[:16] if data.startswith(BIG_HEADS) else data[:8])
        file = io.BytesIO(data)
        file.seek(tags.next)
        tags.load(file)
        return Layout(dict(tags), "<" if data.startswith(b"II") else ">")
    except Exception:  # damaged in ways that share no kind; Pillow says what is wrong
        return None


def kinds_of_tiff(data: bytes, rendering: Rendering, fewest: int = 2) -> tuple[str, ...]:
    """What a TIFF is called that has more than 8 bits, or a fourth band; nothing for any other.

    ``fewest``: bands of those that are looked at; Pillow names those of one band, but for a few.
    """
    layout = layout_of(data)
    if layout is None or layout.samples < fewest or layout.one(PHOTOMETRIC, GREY) not in {GREY, COLOUR}:
        return ()
    kinds = [FOUR_BANDS] if layout.unsaid and not rendering.bands else []
    with suppress(Undecodable):
        if layout.dtype is not None:
            empty = Bands(np.empty((1, 1, layout.samples), layout.dtype), layout.alpha)
            kinds.append(empty.chosen(rendering.bands).kind or "")
    return tuple(kind for kind in kinds if kind)


def is_ours(data: bytes, layout: Layout, rendering: Rendering) -> bool:
    """Whether the image is to be read here; Undecodable where neither Pillow nor this can."""
    samples, dtype, photometric = layout.samples, layout.dtype, layout.one(PHOTOMETRIC, GREY)
    usual = dtype is not None and dtype.itemsize == 1 and (samples, photometric) in {(1, GREY), (3, COLOUR)}
    if photometric not in {GREY, COLOUR} or (usual and (samples == 1 or not rendering.bands)):
        return False
    possible = dtype is not None and layout.one(COMPRESSION, 1) in LOSSLESS
    if samples > PILLOWS and not possible:
        raise Undecodable("many bands", f"its {samples} bands are packed in a way that is not read; save it unpacked")
    if not possible or dtype is None:
        return False
    if samples > PILLOWS or (samples > 1 and rendering.bands) or (layout.unsaid and rendering.three_of_four):
        return True
    measured = any(rendering.range_of(kind) for kind in kinds_of_tiff(data, rendering))
    return measured or not pillow_reads(data)


def pillow_reads(data: bytes) -> bool:
    """Whether Pillow knows such a TIFF."""
    layout = layout_of(data)
    if layout and layout.samples > PILLOWS:  # it would log a line as well
        return False
    try:
        TiffImageFile(io.BytesIO(data))
    except Exception:  # of many kinds
        return False
    return True


def read_tiff(data: bytes, rendering: Rendering, max_pixels: int | None) -> Bands | None:
    """The numbers of a TIFF; None where Pillow reads it as it should."""
    layout = layout_of(data)
    if layout is None or not is_ours(data, layout, rendering):
        return None
    Bands(np.empty((1, 1, layout.samples), layout.dtype), layout.alpha).chosen(rendering.bands)  # refused unread
    return numbers_of(data, layout, max_pixels)


def numbers_of(data: bytes, layout: Layout, max_pixels: int | None) -> Bands:
    """All bands of a TIFF; Undecodable where it is too large."""
    (width, height), samples, dtype = layout.sides, layout.samples, layout.dtype
    assert dtype is not None, "it was asked whether it is ours"
    check_size(width, height, max_pixels)
    take(width * height * (COPIES * samples * dtype.itemsize + 2 * PIXEL) + len(data), max_pixels, (width, height))
    if min(width, height, samples) < 1 or width * height * samples * dtype.itemsize > MOST_BYTES:
        raise Undecodable("too large", f"its {samples} bands of {width} x {height} pixels take too much memory")
    if layout.one(PLANAR, 1) == 1:
        values = unpacked(data, layout, slice(None), samples)
    else:
        each = len(layout.all(TILES if TILES in layout.tags else STRIPS)) // samples
        planes = [unpacked(data, layout, slice(each * band, each * (band + 1)), 1) for band in range(samples)]
        values = np.concatenate(planes, axis=2)
    return Bands(values, layout.alpha, layout.one(ORIENTATION, 1))


def unpacked(data: bytes, layout: Layout, pieces: slice, samples: int) -> np.ndarray:
    """The pixels in some strips or tiles that have ``samples`` numbers each: (height, width, samples)."""
    dtype, (width, height) = layout.dtype, layout.sides
    assert dtype is not None, "as above"
    tiled = TILES in layout.tags
    piece = layout.one(TILE_WIDTH, width) if tiled else width
    across = -(-width // piece)
    row = samples * dtype.itemsize  # bytes of a pixel
    entries: dict[int, Any] = {WIDTH: across * piece * row, HEIGHT: height, BITS: 8, PHOTOMETRIC: GREY, SAMPLES: 1}
    entries[COMPRESSION] = layout.one(COMPRESSION, 1)
    offsets, counts = (TILES, TILE_BYTES) if tiled else (STRIPS, STRIP_BYTES)
    entries |= {offsets: layout.all(offsets)[pieces], counts: layout.all(counts)[pieces]}
    if tiled:
        entries |= {TILE_WIDTH: piece * row, TILE_HEIGHT: layout.one(TILE_HEIGHT, height)}
    else:
        entries[ROWS] = min(height, layout.one(ROWS, height))
    rewritten = with_directory(data, entries, "little" if layout.order == "<" else "big")
    grey = np.ascontiguousarray(np.asarray(TiffImageFile(io.BytesIO(rewritten))))
    rows = grey.reshape(height, across, piece, row)
    values = without_differences(rows, dtype, layout.one(PREDICTOR, 1))
    return values.reshape(height, across * piece, samples)[:, :width]


def with_directory(data: bytes, entries: dict[int, Any], order: Literal["little", "big"]) -> bytes:
    """The bytes of a TIFF with another directory behind them, of numbers of 32 bits, in place of its own."""
    place = len(data) + len(data) % 2
    listed, behind = bytearray(len(entries).to_bytes(2, order)), bytearray()
    after = place + 2 + 12 * len(entries) + 4
    for tag, value in sorted(entries.items()):
        values = value if isinstance(value, tuple) else (value,)
        packed = b"".join(number.to_bytes(LONG, order) for number in values)
        listed += tag.to_bytes(2, order) + LONG.to_bytes(2, order) + len(values).to_bytes(4, order)
        listed += packed if len(values) == 1 else (after + len(behind)).to_bytes(4, order)
        behind += b"" if len(values) == 1 else packed
    start = (b"II*\0" if order == "little" else b"MM\0*") + place.to_bytes(4, order)
    return start + data[len(start) :] + b"\0" * (len(data) % 2) + listed + bytes(4) + behind


def without_differences(rows: np.ndarray, dtype: np.dtype[Any], predictor: int) -> np.ndarray:
    """Bytes (height, pieces, pixels, bytes) -> numbers (height, pieces, pixels, samples), predictions undone."""
    height, across, piece, row = rows.shape
    samples, native = row // dtype.itemsize, dtype.newbyteorder("=")
    if predictor == FLOAT_DIFFERENCES:
        flat = rows.reshape(height, across, piece * dtype.itemsize, samples)
        planes = np.cumsum(flat, axis=2, dtype=np.uint8).reshape(height, across, dtype.itemsize, piece * samples)
        numbers = np.ascontiguousarray(planes.swapaxes(2, 3)).view(dtype.newbyteorder(">"))
        return numbers.reshape(height, across, piece, samples).astype(native)
    if predictor == DIFFERENCES:
        whole = rows.view(np.dtype(f"{dtype.str[0]}u{dtype.itemsize}" if dtype.itemsize > 1 else "u1"))
        sums = np.cumsum(whole, axis=2, dtype=whole.dtype.newbyteorder("="))
        return sums.view(native)
    return rows.view(dtype).astype(native)
