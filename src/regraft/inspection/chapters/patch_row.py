"""One channel's patches in a row, with what in the strongest of them excites it."""

from collections.abc import Mapping

import numpy as np
from PIL import Image

from regraft.inspection.drawing import GAP, PAPER, grid, resized, scaled
from regraft.inspection.receptive_field import ReceptiveField

SIDE = 112  # pixels of a patch in the picture
SQUARES = 28  # pixels of a field at most whose pixels are drawn as squares
DARK = 0.35  # of its brightness that an image keeps where the channel is quiet
EMPTY = 235  # grey of what lies outside the image


def patch(pixels: np.ndarray, field: ReceptiveField, channel: int, y: int, x: int) -> Image.Image:
    """What a channel sees of an image (size, size, 3) uint8 at one position; grey outside the image."""
    wide, high = field.size(channel)
    left, top, right, bottom = field.box(channel, y, x)
    sheet = np.full((max(high, 1), max(wide, 1), 3), EMPTY, np.uint8)
    down = high - (bottom - top) if top == 0 else 0
    across = wide - (right - left) if left == 0 else 0
    sheet[down : down + bottom - top, across : across + right - left] = pixels[top:bottom, left:right]
    return resized(sheet, SIDE, smooth=max(wide, high) > SQUARES)


def lit(pixels: np.ndarray, activation: np.ndarray) -> Image.Image:
    """A whole image, bright where a channel is active: ``activation`` (height, width), of any size."""
    heat = Image.fromarray(np.float32(scaled(activation, 0.0)), "F").resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    light = DARK + (1 - DARK) * np.clip(np.asarray(heat), 0, 1)[..., None]
    return Image.fromarray((np.asarray(resized(pixels, SIDE)) * light).round().astype(np.uint8))


def drawn(gradient: np.ndarray, std: tuple[float, ...]) -> np.ndarray:
    """A reconstruction (3, size, size), of a normalised input, as colours (size, size, 3) uint8; nothing is grey."""
    change = gradient.transpose(1, 2, 0) / np.array(std)
    most = float(np.quantile(np.abs(change), 0.99)) or float(np.abs(change).max()) or 1.0
    colours: np.ndarray = (127.5 * (1 + np.clip(change / most, -1, 1))).round().astype(np.uint8)
    return colours


def row(patches: list[Image.Image], reconstructions: list[Image.Image]) -> Image.Image:
    """Patches side by side and, after a gap, the reconstructions."""
    parts = [grid(one, len(one)) for one in (patches, reconstructions) if one]
    sheet = Image.new("RGB", (sum(one.width for one in parts) + 4 * GAP * (len(parts) - 1), parts[0].height), PAPER)
    across = 0
    for part in parts:
        sheet.paste(part, (across, 0))
        across += part.width + 4 * GAP
    return sheet


def picture(
    field: ReceptiveField,
    channel: int,
    chosen: list[tuple[int, int, int]],
    pixels: Mapping[int, np.ndarray],
    maps: Mapping[tuple[int, int], np.ndarray],
    reconstructions: list[np.ndarray],
) -> Image.Image:
    """The row of a channel: ``chosen`` are (image, y, x), ``maps`` are by channel and image, where there are any."""
    whole = field.covers(channel)
    patches, others = list[Image.Image](), list[Image.Image]()
    for image, y, x in chosen:
        place = (channel, image)
        made = lit(pixels[image], maps[place]) if whole else patch(pixels[image], field, channel, y, x)
        patches.append(made)
    for one, (_, y, x) in zip(reconstructions, chosen, strict=False):
        others.append(resized(one, SIDE) if whole else patch(one, field, channel, y, x))
    return row(patches, others)
