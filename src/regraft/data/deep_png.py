"""Colour PNGs of 16 bits, of which Pillow keeps the upper byte: decoded once more for the lower one."""

import io

import numpy as np
from PIL.PngImagePlugin import PngImageFile

from regraft.data.bands import Bands
from regraft.data.memory import take
from regraft.data.rendering import Rendering
from regraft.data.undecodable import check_size

MAGIC = b"\x89PNG\r\n\x1a\n"
DEPTH, COLOUR_TYPE = 24, 25  # where the first chunk has them
SIXTEEN, WITH_ALPHA = 16, 6
COLOURED = (2, WITH_ALPHA)
KIND = "16-bit colour"
BYTES = 48  # a pixel: both images, their numbers, and what is made of these
LOWER = ";16L"  # Pillow's name for numbers whose upper byte comes second, as the lower one does in a PNG


def is_deep(data: bytes) -> bool:
    """Whether it is a colour PNG of 16 bits."""
    head = data[: COLOUR_TYPE + 1]
    return (
        head.startswith(MAGIC) and len(head) > COLOUR_TYPE and head[DEPTH] == SIXTEEN and head[COLOUR_TYPE] in COLOURED
    )


def read_deep_png(data: bytes, rendering: Rendering, max_pixels: int | None) -> Bands | None:
    """Its numbers; None where the range is the usual one, for which the upper bytes do."""
    if not is_deep(data) or not rendering.range_of(KIND):
        return None
    upper, lower = (PngImageFile(io.BytesIO(data)) for _ in range(2))
    check_size(*upper.size, max_pixels)
    take(upper.width * upper.height * BYTES, max_pixels, upper.size)
    lower.tile = [tile._replace(args=str(tile.args).split(";")[0] + LOWER) for tile in lower.tile]
    values = np.asarray(upper).astype(np.uint16) << 8 | np.asarray(lower)
    return Bands(values, alpha=data[COLOUR_TYPE] == WITH_ALPHA, orientation=upper.getexif().get(0x0112, 1))
