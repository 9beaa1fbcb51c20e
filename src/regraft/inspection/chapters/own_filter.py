"""The chapter of a filter of the user's own, step by step."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from regraft.errors import BackboneError
from regraft.inspection.chapter import Chapter, Figure
from regraft.inspection.drawing import coloured, grid, labelled, resized, scaled, signed
from regraft.inspection.filters import first_filters
from regraft.inspection.own_filter import Filtered, Step, filtered, kernel_of, nearest
from regraft.inspection.subject import Subject

KEY, TITLE = "own-filter", "A filter of your own"
SIDE, CELL, LARGEST = 224, 56, 11  # pixels of an image, of a number's cell; numbers in a row that can be read
FULL = 99.5  # per cent of the values have less than the full colour
DARK, LIGHT = (30, 30, 30), (255, 255, 255)
LEAD = (
    "A filter is laid over every place of an image. The pixels below it are multiplied by its numbers and added up."
    " ReLU then turns negative sums to zero, and pooling keeps one value of each square."
)


def chapter_of(
    subject: Subject,
    text: str,
    pixels: np.ndarray,
    stride: int = 1,
    padding: int | None = None,
    pooling: int = 2,
    pool: str = "max",
) -> Chapter:
    """A filter by name or as numbers on an image (height, width, 3) uint8, and the network's nearest to it."""
    kernel = kernel_of(text)
    shown = filtered(kernel, pixels, stride, padding, pooling, pool)
    figures = [
        Figure("own-filter-kernel", caption_of_kernel(text, kernel), numbers_in_cells(kernel)),
        Figure("own-filter-steps", caption_of_steps(shown, pool), pictures_of(shown, pooling)),
    ]
    nearest_ones, note = figure_of_nearest(subject, kernel)
    return Chapter(KEY, TITLE, LEAD, (*figures, *nearest_ones), (*notes_of(shown), *note))


def numbers_in_cells(kernel: np.ndarray) -> Image.Image:
    """A kernel's numbers, each in a cell of its colour; without the numbers where the kernel is large."""
    few = max(kernel.shape) <= LARGEST
    side = CELL if few else max(4, CELL * LARGEST // max(kernel.shape))
    picture = Image.fromarray(signed(kernel)).resize(
        (side * kernel.shape[1], side * kernel.shape[0]), Image.Resampling.NEAREST
    )
    draw, font, most = ImageDraw.Draw(picture), ImageFont.load_default(16), np.abs(kernel).max()
    for (row, column), weight in np.ndenumerate(kernel) if few else ():
        place = side * (column + 0.5), side * (row + 0.5)
        strong = abs(weight) > most * 0.7  # of both colours; text on it must be light
        draw.text(place, f"{weight:.3g}", LIGHT if strong else DARK, font, "mm")
    return picture


def caption_of_kernel(text: str, kernel: np.ndarray) -> str:
    """What the filter is."""
    name = text.strip() if text.strip()[:1].isalpha() else "The filter"
    return (
        f"{name}: {kernel.shape[0]} rows of {kernel.shape[1]} numbers, sum {kernel.sum():.3g}."
        " Red adds what lies below, blue takes it away."
    )


def pictures_of(shown: Filtered, pooling: int) -> Image.Image:
    """The image after each step, all at one size."""
    most = float(np.percentile(np.abs(shown.convolved), FULL))
    pictures = [
        ("image in grey", coloured(shown.grey, np.array([[0, 0, 0], [255, 255, 255]])), shown.grey),
        ("convolution", signed(shown.convolved, most), shown.convolved),
        ("ReLU", coloured(scaled(shown.rectified, 0, most)), shown.rectified),
    ]
    if pooling > 1:
        pictures.append(("pooling", coloured(scaled(shown.pooled, 0, most)), shown.pooled))
    return grid(
        [
            labelled(resized(pixels, SIDE, smooth=False), f"{name}, {values.shape[1]} x {values.shape[0]}", 13)
            for name, pixels, values in pictures
        ],
        4,
        10,
    )


def caption_of_steps(shown: Filtered, pool: str) -> str:
    """What becomes of the image."""
    low, high = shown.convolved.min(), shown.convolved.max()
    kept = float((shown.convolved > 0).mean())
    takes = "the largest value" if pool == "max" else "the mean"
    return (
        f"The convolution gives values from {low:.2f} (blue) to {high:.2f} (red). ReLU keeps the {kept:.0%} that are"
        f" positive: brighter is larger. Pooling takes {takes} of each square."
    )


def notes_of(shown: Filtered) -> list[str]:
    """The size arithmetic, and one place worked out."""
    convolution, pooling = shown.steps
    notes = ["Size: (side + 2 x padding - filter) / stride + 1.", sizes(convolution)]
    if pooling.width != convolution.width or pooling.height != convolution.height:
        notes.append(sizes(pooling))
    if any(side % 2 == 0 for side in shown.kernel.shape):
        notes.append("A filter with an even side has no middle, so the result lies half a pixel aside.")
    row, column = shown.strongest
    notes.append(f"Strongest at row {row}, column {column} (from 0): {shown.worked_out}.")
    return notes


def sizes(step: Step) -> str:
    """The sums of one step."""
    if step.sum_of_width == step.sum_of_height:
        return f"{step.name.capitalize()}, width and height: {step.sum_of_width}."
    return f"{step.name.capitalize()}: width {step.sum_of_width}; height {step.sum_of_height}."


def figure_of_nearest(subject: Subject, kernel: np.ndarray) -> tuple[list[Figure], list[str]]:
    """The network's own filters that resemble the kernel; or why there are none."""
    try:
        own = first_filters(subject)
    except BackboneError:
        return [], [f"{subject.name} has no convolution, so no filter of its own to compare with."]
    near = nearest(kernel, own)
    if not near:
        return [], ["All numbers of the filter are the same, so no filter of the network is like it in shape."]
    tiles = [labelled(resized(signed(kernel), CELL * 2, smooth=False), "yours", 13)]
    tiles += [
        labelled(resized(signed(one.kernel), CELL * 2, smooth=False), f"{one.number}: {one.similarity:.2f}", 13)
        for one in near
    ]
    caption = (
        f"The filters of {own.layer}, the network's first layer, that are most like yours. Number and likeness:"
        " 1 is the same pattern, 0 has nothing in common (cosine; colours summed, means taken off)."
    )
    return [Figure("own-filter-nearest", caption, grid(tiles, 7, 8))], []
