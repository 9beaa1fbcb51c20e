"""Why a file is no image that can be used."""

import re

from PIL import Image, UnidentifiedImageError

from regraft.errors import reason_of

CODES = re.compile(r"(?:(?:de|en)coder error )?-?\d+(?: when reading image file)?")  # of a C library, without a word
NOT_CLEAR = "its compressed pixels are damaged, or of a kind that is not read; save it anew"


class Undecodable(Exception):
    """A file that is no image that can be used; ``kind`` is a word for tables, the text says why."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


def undecodable(error: Exception) -> Undecodable:
    """What a decoder's error means; they have many kinds."""
    reason = reason_of(error)
    if isinstance(error, UnidentifiedImageError):
        return Undecodable("not an image", "its bytes are in no image format that is read")
    if isinstance(error, Image.DecompressionBombError):  # a frame inside the file is larger than the file says
        return Undecodable("too large", "a frame of it has more pixels than Pillow decodes")
    if isinstance(error, MemoryError):
        return Undecodable("too large", "it does not fit into memory; save it smaller")
    if CODES.fullmatch(reason) or reason == type(error).__name__:
        reason = NOT_CLEAR
    return Undecodable("truncated" if "truncated" in reason.lower() else "unreadable", reason)


def check_size(width: int, height: int, max_pixels: int | None) -> None:
    """Raise Undecodable for an image of more pixels than ``max_pixels`` (None: any number is allowed)."""
    if max_pixels and width * height > max_pixels:
        raise Undecodable(
            "too large",
            f"its {width:,} x {height:,} are more than {max_pixels:,} pixels; --max-pixels raises the limit",
        )
