"""Bytes of one file -> an RGB image, or the reason why not."""

import io
import warnings

from PIL import Image, ImageOps, UnidentifiedImageError


class Undecodable(Exception):
    """A file that is no image that can be used; ``kind`` is a word for tables, the text says why."""

    def __init__(self, kind: str, reason: str) -> None:
        super().__init__(reason)
        self.kind = kind


def decode(data: bytes) -> Image.Image:
    """Decode all of ``data`` to an upright RGB image; raise Undecodable with the reason.

    The EXIF orientation is applied, transparency is laid over white, 16-bit grey is scaled to 8 bits
    and of an animation the first frame is taken.
    """
    if not data:
        raise Undecodable("empty", "the file holds no bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = Image.open(io.BytesIO(data))
            image.load()
            return to_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError:
        raise Undecodable("not an image", "its bytes are in no image format that Pillow reads") from None
    except Image.DecompressionBombError:
        raise Undecodable("too large", f"it has more than {2 * (Image.MAX_IMAGE_PIXELS or 0):,} pixels") from None
    except Exception as error:  # Pillow's decoders raise many kinds: OSError, SyntaxError, struct.error, ...
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        kind = "truncated" if "truncated" in reason.lower() else "unreadable"
        raise Undecodable(kind, reason) from None


def to_rgb(image: Image.Image) -> Image.Image:
    """Any Pillow mode -> RGB; transparency over white, deep grey scaled by its format's range."""
    if image.mode in {"I;16", "I;16B", "I;16L", "I;16N"}:
        image = image.convert("I").point(lambda value: value / 257).convert("L")
    elif image.mode == "I":
        image = image.point(lambda value: value / 257).convert("L")
    if image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info:
        over = image.convert("RGBA")
        white = Image.new("RGBA", over.size, "white")
        return Image.alpha_composite(white, over).convert("RGB")
    return image.convert("RGB")
