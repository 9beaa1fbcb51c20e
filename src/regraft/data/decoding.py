"""Bytes of one file, or pixels in memory -> an RGB image, or the reason why not."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from regraft.data.bands import Bands, has_alpha, with_bands
from regraft.data.formats import SHALLOW_PNG, bands_in, kinds_of, own_kind, own_sides
from regraft.data.memory import PIXEL, Decoding, take, take_for
from regraft.data.parts import in_parts
from regraft.data.pillow_formats import opened
from regraft.data.rendering import DEEP_MODES, LEVELS, PLAIN, TRANSPARENT, Depth, Range, Rendering, depth_of
from regraft.data.undecodable import Undecodable, check_size, undecodable
from regraft.recipe import MAX_PIXELS

__all__ = [
    "Decoded",
    "Undecodable",
    "check_size",
    "decode",
    "decode_for",
    "is_transparent",
    "kinds_in",
    "numbers_in",
    "sides_of",
]

DEEP_GREY = {"I;16", "I;16B", "I;16L", "I;16N"}
ORIENTATION = 0x0112  # EXIF's tag
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_270, 7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}  # fmt: skip
SIDEWAYS = {5, 6, 7, 8}  # the orientations that change the sides
DEPTH = 257  # from 16 bits to 8: 65535 becomes 255


@dataclass(frozen=True)
class Decoded:
    """An upright RGB image, and what it was in the file."""

    image: Image.Image
    original: tuple[int, int]  # width and height in the file, upright; the image may be 2, 4 or 8 times smaller
    orientation: int = 1  # EXIF's
    depth: Depth | None = None  # of an image of more than 8 bits, or more bands, or that lies over a background


def decode(data: bytes | Image.Image, max_pixels: int | None = MAX_PIXELS, rendering: Rendering = PLAIN) -> Image.Image:
    """Decode all of ``data`` to an upright RGB image, as ``decode_for`` does, at its full size."""
    return decode_for(data, None, max_pixels, rendering).image


def decode_for(
    data: bytes | Image.Image, side: int | None, max_pixels: int | None = MAX_PIXELS, rendering: Rendering = PLAIN
) -> Decoded:
    """Decode all of ``data``; raise Undecodable with the reason.

    A JPEG is shrunk while it is decoded, as far as both its sides keep ``side`` pixels (None: not at all).
    Images of more than ``max_pixels`` are refused before their pixels are decoded; None sets no limit.

    The EXIF orientation is applied, transparency is laid over the background, deep numbers are scaled to 8 bits as
    ``rendering`` says, and of an animation the first frame is taken.
    """
    if data == b"":
        raise Undecodable("empty", "the file holds no bytes")
    with Decoding() as decoding:
        try:
            decoded = decoded_now(data, side, max_pixels, rendering)
        except Undecodable:
            raise
        except Exception as error:  # Pillow's decoders raise many kinds: OSError, SyntaxError, struct.error, ...
            raise undecodable(error) from None
        decoding.ends_with(decoded.image)
        return decoded


def decoded_now(data: bytes | Image.Image, side: int | None, max_pixels: int | None, rendering: Rendering) -> Decoded:
    """What decode_for gives; errors are the decoder's."""
    bands = bands_in(data, rendering, max_pixels) if isinstance(data, bytes) else None
    if bands is not None:
        image, depth = from_bands(bands.chosen(rendering.bands), rendering)
        turned = on_background(upright(image, bands.orientation), rendering)
        return Decoded(turned, turned.size, bands.orientation, depth)
    image = data if isinstance(data, Image.Image) else opened(data)
    width, height = image.size
    check_size(width, height, max_pixels)
    kinds = kinds_of(image, data, rendering)
    if isinstance(data, bytes):  # an image in memory is its owner's
        if side:
            image.draft(None, (side, side))  # does nothing where the format cannot
        take_for(image, data, (width, height), max_pixels, image.mode in DEEP_MODES)
    shrunk = image.size != (width, height)
    image.load()
    orientation = image.getexif().get(ORIENTATION, 1)  # after loading: of a TIFF that has turned it already
    if orientation in TURNS and isinstance(data, bytes):
        take(PIXEL * image.width * image.height, max_pixels, (width, height))
    turned, depth = rendered(upright(image, orientation), kinds, rendering)
    original = (height, width) if orientation in SIDEWAYS else (width, height)
    return Decoded(turned, original if shrunk else turned.size, orientation, depth)


def sides_of(data: bytes | Image.Image) -> tuple[int, int]:
    """Width and height as the file says, its pixels not decoded; Undecodable where it is no image."""
    try:
        if isinstance(data, bytes) and (sides := own_sides(data)):
            return sides
        return (data if isinstance(data, Image.Image) else opened(data)).size
    except Undecodable:
        raise
    except Exception as error:  # as in decode_for
        raise undecodable(error) from None


def kinds_in(data: bytes | Image.Image, rendering: Rendering) -> tuple[str, ...]:
    """What an image is called where it has more than 8 bits or a band of unknown meaning; its pixels not decoded."""
    try:
        if isinstance(data, bytes) and (kind := own_kind(data, rendering)) is not None:
            return (kind,) if kind else ()
        image = data if isinstance(data, Image.Image) else opened(data)
        return tuple(kind for kind in kinds_of(image, data, rendering) if kind != SHALLOW_PNG)
    except Undecodable:
        raise
    except Exception as error:  # as in decode_for
        raise undecodable(error) from None


def is_transparent(data: bytes | Image.Image) -> bool:
    """Whether some of an image may be transparent, as its head says."""
    try:
        return has_alpha(data if isinstance(data, Image.Image) else opened(data))
    except Undecodable:
        raise
    except Exception as error:  # as in decode_for
        raise undecodable(error) from None


def numbers_in(data: bytes | Image.Image, rendering: Rendering, max_pixels: int | None) -> Bands | None:
    """The numbers of a deep image in the bands that are shown; None of one of 8 bits."""
    try:
        with Decoding():
            bands = bands_in(data, rendering, max_pixels) if isinstance(data, bytes) else None
            if bands is None:
                image = data if isinstance(data, Image.Image) else opened(data)
                check_size(*image.size, max_pixels)
                if image.mode not in DEEP_MODES:
                    return None
                if isinstance(data, bytes):
                    take_for(image, data, image.size, max_pixels, True)
                image.load()
                bands = Bands(np.asarray(image)[:, :, None], grey=DEEP_MODES[image.mode])
            chosen = bands.chosen(rendering.bands)
    except Undecodable:
        raise
    except Exception as error:  # as in decode_for
        raise undecodable(error) from None
    return chosen if chosen.kind else None


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """Turned and mirrored as its EXIF orientation says."""
    turn = TURNS.get(orientation)
    if turn is None:
        return image
    turned = image.transpose(turn)
    turned.info = {name: turned.info[name] for name in ("transparency",) if name in turned.info}  # not to turn again
    return turned


def rendered(image: Image.Image, kinds: tuple[str, ...], rendering: Rendering) -> tuple[Image.Image, Depth | None]:
    """Any Pillow image -> RGB; ``kinds``: what it is called where it is deep. And what it has and has left."""
    if image.mode in DEEP_MODES:
        kind, numbers = DEEP_MODES[image.mode], np.asarray(image)
        bands = Bands(numbers[:, :, None], grey=kind)
        if (scale := rendering.range_of(kind)) or rendering.bands:
            chosen = bands.chosen(rendering.bands)
            image, depth = scaled(chosen, kind, scale, rendering)
            return on_background(image, rendering), depth
        plain = to_rgb(image, rendering)
        return plain, depth_of(kind, numbers, np.asarray(plain.getchannel(0)), rendering.knows(kind))
    seen = to_rgb(image, rendering)
    if kinds:
        known = all(kind == SHALLOW_PNG or rendering.knows(kind) for kind in kinds)
        pixels = np.asarray(seen)
        return seen, depth_of(kinds[0], pixels, pixels, known)
    if has_alpha(image):
        flat = all(low == high for low, high in seen.getextrema())  # type: ignore[misc]
        return seen, Depth(TRANSPARENT, 0, 255, LEVELS, 1 if flat else LEVELS, True)
    return seen, None


def from_bands(bands: Bands, rendering: Rendering) -> tuple[Image.Image, Depth | None]:
    """Numbers whose bands are chosen -> 8 bits, of mode L or RGB, or with their transparency."""
    kind = bands.kind
    return (
        (bands.image(bands.shown()), None) if kind is None else scaled(bands, kind, rendering.range_of(kind), rendering)
    )


def scaled(bands: Bands, kind: str, scale: Range | None, rendering: Rendering) -> tuple[Image.Image, Depth]:
    """Deep numbers -> 8 bits by the range of their set; where there is none, by the usual one or their own."""
    values = bands.shown()
    pixels = scale.apply(values) if scale else by_themselves(values)
    return bands.image(pixels), depth_of(kind, values, pixels, rendering.knows(kind))


def to_rgb(image: Image.Image, rendering: Rendering = PLAIN) -> Image.Image:
    """Any Pillow mode -> RGB; transparency over the background, deep grey scaled to 8 bits."""
    if image.mode in DEEP_GREY:
        image = in_parts(image, lambda part: part.convert("I").point(lambda value: value / DEPTH).convert("L"), "L")
    elif image.mode in {"I", "F"}:
        image = Image.fromarray(by_themselves(np.asarray(image)))
    return on_background(with_bands(image, rendering), rendering)


def on_background(image: Image.Image, rendering: Rendering) -> Image.Image:
    """An 8-bit image as RGB, what is transparent of it over the background; a large one part by part."""

    def opaque(part: Image.Image) -> Image.Image:
        if not has_alpha(part):
            return part.convert("RGB")
        over = part.convert("RGBA")
        behind = Image.new("RGBA", over.size, rendering.background)
        return Image.alpha_composite(behind, over).convert("RGB")

    if image.mode == "RGB" and not has_alpha(image):
        return image
    return in_parts(image, opaque, "RGB")


def by_themselves(values: np.ndarray) -> np.ndarray:
    """Numbers of an image whose set was not measured -> uint8.

    Files do not say their range, so it is told from the values: 0..1 where floats fit in it, else 0..255, else
    0..65535, else from the least value to the largest. Raises Undecodable where a value is no number.
    """
    if not np.isfinite(values).all():
        raise Undecodable("not a number", "some of its pixels are infinite or no numbers; write finite ones")
    low, high = float(values.min()), float(values.max())
    if values.dtype == np.uint16:
        values = values // DEPTH
    elif low < 0 or high > DEPTH * 255:
        values = (values.astype(np.float64) - low) * (255 / max(high - low, 1e-12))
    elif high > 255:  # noqa: PLR2004
        values = values / DEPTH
    elif values.dtype.kind == "f" and high <= 1:
        values = values * 255
    return np.asarray(values).round().clip(0, 255).astype(np.uint8)
