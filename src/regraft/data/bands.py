"""Images as numbers in bands: (height, width, bands), before they become 8-bit RGB."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from regraft.data.rendering import Rendering
from regraft.data.undecodable import Undecodable

COLOURS = 3
MOST_BANDS = 4  # that are taken without being named


@dataclass(frozen=True)
class Bands:
    """The numbers of an image, as its file has them."""

    values: np.ndarray  # (height, width, bands): bool, or integers or floats of any size
    alpha: bool = False  # whether the last band is transparency
    orientation: int = 1  # EXIF's
    grey: str = ""  # what grey images of this source are called, where not by their bits
    inverted: bool = False  # whether the least value is white

    @property
    def count(self) -> int:
        """How many bands there are."""
        return int(self.values.shape[2])

    def chosen(self, bands: tuple[int, ...]) -> "Bands":
        """The bands that are shown: those named, else all up to three; Undecodable where they must be named."""
        if bands:
            return Bands(named(self.values, bands), False, self.orientation, self.grey, self.inverted)
        shown = self.count - self.alpha
        if shown > MOST_BANDS:
            raise Undecodable("many bands", f"it has {shown} bands; name one or three to show, as --bands 3,2,1")
        colours = COLOURS if shown >= COLOURS else 1
        transparency = [self.count - 1] if self.alpha else []
        values = self.values[:, :, [*range(colours), *transparency]]
        return Bands(values, self.alpha, self.orientation, self.grey, self.inverted)

    @property
    def kind(self) -> str | None:
        """What such images are called, once their bands are chosen; None where they have 8 bits."""
        dtype, colours = self.values.dtype, self.count - self.alpha
        if dtype.itemsize == 1:
            return None
        if colours == 1 and self.grey:
            return self.grey
        return f"{'float' if dtype.kind == 'f' else f'{8 * dtype.itemsize}-bit'} {'grey' if colours == 1 else 'colour'}"

    def shown(self) -> np.ndarray:
        """The numbers without transparency: (height, width, 1 or 3). Undecodable where one is no number."""
        values = self.values[:, :, :-1] if self.alpha else self.values
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            raise Undecodable("not a number", "some of its pixels are infinite or no numbers; write finite ones")
        return values

    def image(self, pixels: np.ndarray) -> Image.Image:
        """The numbers of ``shown`` as 8 bits -> an image of mode L, RGB or, with the transparency, LA or RGBA."""
        pixels = 255 - pixels if self.inverted else pixels
        if self.alpha:
            last = self.values[:, :, -1:]
            most = np.iinfo(last.dtype).max if last.dtype.kind in "iu" else 1
            pixels = np.concatenate([pixels, (last * (255.0 / most)).clip(0, 255).astype(np.uint8)], axis=2)
        return Image.fromarray(np.ascontiguousarray(pixels[:, :, 0] if pixels.shape[2] == 1 else pixels))


def named(values: np.ndarray, bands: tuple[int, ...]) -> np.ndarray:
    """The bands of those numbers, from 1; Undecodable where there are not so many."""
    count = values.shape[2]
    if max(bands) > count:
        have = "1 band" if count == 1 else f"{count} bands"
        raise Undecodable("too few bands", f"it has {have}; --bands asks for number {max(bands)}")
    return values[:, :, [band - 1 for band in bands]]


def with_bands(image: Image.Image, rendering: Rendering) -> Image.Image:
    """An image of 8 bits with the bands that are named in place of its own; unchanged where none are."""
    if not rendering.bands:
        return image
    grey = image.mode in {"1", "L"}
    values = np.asarray(image.convert("L" if grey else "RGBA" if has_alpha(image) else "RGB"))
    picked = named(values[:, :, None] if grey else values, rendering.bands)
    return Bands(picked).image(picked)


def has_alpha(image: Image.Image) -> bool:
    """Whether some of it may be transparent."""
    return image.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in image.info
