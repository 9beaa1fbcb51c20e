"""Pictures of values: maps over images, values as colours, pictures side by side."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

GAP, PAPER = 4, (255, 255, 255)
# Anchors of matplotlib's inferno (CC0), evenly spaced from 0 to 1: brightness grows with the value.
INFERNO = np.array(
    [[0, 0, 4], [27, 12, 65], [74, 12, 107], [120, 28, 109], [165, 44, 96], [207, 68, 70], [237, 105, 37],
     [251, 155, 6], [247, 209, 61], [252, 255, 164]]
)  # fmt: skip
BLUE_RED = np.array([[33, 102, 172], [146, 197, 222], [247, 247, 247], [244, 165, 130], [178, 24, 43]])  # ColorBrewer


def scaled(values: np.ndarray, low: float | None = None, high: float | None = None) -> np.ndarray:
    """Values -> 0..1 between ``low`` and ``high`` (None: the smallest and the largest); all 0 where they are equal."""
    low, high = (float(values.min()) if low is None else low), (float(values.max()) if high is None else high)
    return np.clip((values - low) / (high - low), 0, 1) if high > low else np.zeros_like(values, dtype=float)


def coloured(values: np.ndarray, anchors: np.ndarray = INFERNO) -> np.ndarray:
    """Values in 0..1 (height, width) -> colours (height, width, 3) uint8."""
    places = np.linspace(0, 1, len(anchors))
    channels = [np.interp(values, places, anchors[:, channel]) for channel in range(3)]
    return np.stack(channels, axis=-1).round().astype(np.uint8)


def signed(values: np.ndarray, most: float | None = None) -> np.ndarray:
    """Values of both signs (height, width) -> colours (height, width, 3) uint8: blue below zero, red above.

    ``most``: the size that has the full colour (None: the largest).
    """
    most = (float(np.abs(values).max()) if most is None else most) or 1.0
    return coloured(np.clip(0.5 + values / (2 * most), 0, 1), BLUE_RED)


def resized(picture: np.ndarray | Image.Image, side: int, smooth: bool = True) -> Image.Image:
    """A picture with ``side`` pixels on its longer side; not ``smooth``: its pixels stay squares."""
    image = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    times = side / max(image.size)
    size = max(1, round(image.width * times)), max(1, round(image.height * times))
    return image.resize(size, Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST)


def over(pixels: np.ndarray, values: np.ndarray, strength: float = 0.55) -> Image.Image:
    """A map of values (height, width), of any size, laid over an image (size, size, 3) uint8 as colours."""
    image = Image.fromarray(pixels)
    heat = Image.fromarray(np.float32(scaled(values)), "F").resize(image.size, Image.Resampling.BICUBIC)
    return Image.blend(image, Image.fromarray(coloured(np.clip(np.asarray(heat), 0, 1))), strength)


def grid(pictures: Sequence[Image.Image], columns: int, gap: int = GAP) -> Image.Image:
    """Pictures in rows of ``columns``, each in a cell of the largest one's size, on white."""
    wide, high = max(one.width for one in pictures), max(one.height for one in pictures)
    rows = -(-len(pictures) // columns)
    columns = min(columns, len(pictures))
    sheet = Image.new("RGB", (columns * (wide + gap) - gap, rows * (high + gap) - gap), PAPER)
    for place, picture in enumerate(pictures):
        sheet.paste(picture.convert("RGB"), (place % columns * (wide + gap), place // columns * (high + gap)))
    return sheet


def labelled(picture: Image.Image, text: str, size: int = 11) -> Image.Image:
    """A picture with a line of text below it, in a cell as wide as the wider of the two."""
    font = ImageFont.load_default(size)
    wide = max(picture.width, math.ceil(font.getlength(text)))
    cell = Image.new("RGB", (wide, picture.height + size + 5), PAPER)
    cell.paste(picture.convert("RGB"), ((wide - picture.width) // 2, 0))
    ImageDraw.Draw(cell).text((wide / 2, picture.height + 2), text, (60, 60, 60), font, "ma")
    return cell
