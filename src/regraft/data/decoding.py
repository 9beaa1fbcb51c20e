"""Bytes of one file, or pixels in memory -> an RGB image, or the reason why not."""

import io
import struct
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from PIL import Image, UnidentifiedImageError

from regraft.errors import reason_of
from regraft.recipe import MAX_PIXELS

HEIC_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1")
DEEP_GREY = {"I;16", "I;16B", "I;16L", "I;16N"}
ORIENTATION = 0x0112  # EXIF's tag
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
SIDEWAYS = {5, 6, 7, 8}  # the orientations that change the sides
DEPTH = 257  # from 16 bits to 8: 65535 becomes 255


class Undecodable(Exception):
    """A file that is no image that can be used; ``kind`` is a word for tables, the text says why."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


def check_size(width: int, height: int, max_pixels: int | None) -> None:
    """Raise Undecodable for an image of more pixels than ``max_pixels`` (None: any number is allowed)."""
    if max_pixels and width * height > max_pixels:
        raise Undecodable("too large", f"it has more than {max_pixels:,} pixels; --max-pixels raises the limit")


@dataclass(frozen=True)
class Decoded:
    """An upright RGB image, and what it was in the file."""

    image: Image.Image
    original: tuple[int, int]  # width and height in the file, upright; the image may be 2, 4 or 8 times smaller
    orientation: int = 1  # EXIF's


def decode(data: bytes | Image.Image, max_pixels: int | None = MAX_PIXELS) -> Image.Image:
    """Decode all of ``data`` to an upright RGB image, as ``decode_for`` does, at its full size."""
    return decode_for(data, None, max_pixels).image


def decode_for(data: bytes | Image.Image, side: int | None, max_pixels: int | None = MAX_PIXELS) -> Decoded:
    """Decode all of ``data``; raise Undecodable with the reason.

    A JPEG is shrunk while it is decoded, as far as both its sides keep ``side`` pixels (None: not at all).
    Images of more than ``max_pixels`` are refused before their pixels are decoded; None sets no limit.

    The EXIF orientation is applied, transparency is laid over white, deep grey is scaled to 8 bits
    and of an animation the first frame is taken.
    """
    if data == b"":
        raise Undecodable("empty", "the file holds no bytes")
    try:
        image = data if isinstance(data, Image.Image) else opened(data)
        width, height = image.size
        check_size(width, height, max_pixels)
        if side and isinstance(data, bytes):  # an image in memory is its owner's
            image.draft(None, (side, side))  # does nothing where the format cannot
        shrunk = image.size != (width, height)
        image.load()
        orientation = image.getexif().get(ORIENTATION, 1)  # after loading: of a TIFF that has turned it already
        turned = to_rgb(upright(image, orientation))
        original = (height, width) if orientation in SIDEWAYS else (width, height)
        return Decoded(turned, original if shrunk else turned.size, orientation)
    except Undecodable:
        raise
    except UnidentifiedImageError:
        raise Undecodable("not an image", "its bytes are in no image format that Pillow reads") from None
    except Image.DecompressionBombError:  # a frame inside the file is larger than the file says
        raise Undecodable("too large", "a frame of it has more pixels than Pillow decodes") from None
    except Exception as error:  # Pillow's decoders raise many kinds: OSError, SyntaxError, struct.error, ...
        reason = reason_of(error)
        kind = "truncated" if "truncated" in reason.lower() else "unreadable"
        raise Undecodable(kind, reason) from None


def sides_of(data: bytes | Image.Image) -> tuple[int, int]:
    """Width and height as the file says, its pixels not decoded; Undecodable where it is no image."""
    try:
        return (data if isinstance(data, Image.Image) else opened(data)).size
    except Undecodable:
        raise
    except Exception as error:  # as in decode_for
        raise Undecodable("unreadable", reason_of(error)) from None


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turned and mirrored as its EXIF orientation says."""
    turn = TURNS.get(orientation)
    if turn is None:
        return image
    turned = image.transpose(turn)
    turned.info = {name: turned.info[name] for name in ("transparency",) if name in turned.info}  # not to turn again
    return turned


def opened(data: bytes) -> Image.Image:
    """The image with its pixels not yet decoded; HEIC through pillow-heif, where that is installed."""
    if data[4:8] == b"ftyp" and data[8:12] in HEIC_BRANDS:
        with suppress(ImportError):
            import pillow_heif

            pillow_heif.register_heif_opener()
        if "HEIF" not in Image.OPEN:
            raise Undecodable("needs an extra", "a HEIC image; install regraft[heif] to read it, or save it as JPEG")
    return from_plugins(data)


def from_plugins(data: bytes) -> Image.Image:
    """What Image.open does, without its limit on pixels, which holds for the whole process: ours is an argument."""
    for load_plugins in (Image.preinit, Image.init):  # the common formats first
        load_plugins()
        for name in Image.ID:
            factory, accepts = Image.OPEN[name]
            with suppress(SyntaxError, IndexError, TypeError, struct.error):  # as Pillow does: another format's bytes
                accepted = accepts(data[:16]) if accepts else True
                if accepted and not isinstance(accepted, str):  # a text says why not
                    return factory(io.BytesIO(data), "")
    raise UnidentifiedImageError


def to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode -> RGB; transparency over white, deep grey scaled to 8 bits."""
    if image.mode in DEEP_GREY:
        image = image.convert("I").point(lambda value: value / DEPTH).convert("L")
    elif image.mode in {"I", "F"}:
        image = from_numbers(np.asarray(image))
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        over = image.convert("RGBA")
        white = Image.new("RGBA", over.size, "white")
        return Image.alpha_composite(white, over).convert("RGB")
    return image.convert("RGB")


def from_numbers(values: np.ndarray) -> Image.Image:
    """32-bit grey (height, width) -> 8-bit grey.

    Files do not say their range, so it is told from the values: 0..1 where floats fit in it, else 0..255, else
    0..65535, else from the least value to the largest. Raises Undecodable where a value is no number.
    """
    if not np.isfinite(values).all():
        raise Undecodable("not a number", "some of its pixels are infinite or no numbers; write finite ones")
    low, high = float(values.min()), float(values.max())
    if low < 0 or high > DEPTH * 255:
        values = (values.astype(np.float64) - low) * (255 / max(high - low, 1e-12))
    elif high > 255:  # noqa: PLR2004
        values = values / DEPTH
    elif values.dtype.kind == "f" and high <= 1:
        values = values * 255
    return Image.fromarray(np.asarray(values).round().clip(0, 255).astype(np.uint8))
