"""The chapter of filters: the first convolution in colour, depthwise kernels in signed colours."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from regraft.inspection.chapter import Chapter, Figure
from regraft.inspection.drawing import grid, labelled, resized, signed
from regraft.inspection.filters import COLOURS, Filters, depthwise_filters, first_filters
from regraft.inspection.subject import Subject

KEY, TITLE = "filters", "Filters"
SHOWN = 64  # kernels of one layer
SIDE, COLUMNS, PAIRS = 56, 12, 8  # pixels of a kernel; kernels and pairs in a row
LAYERS = 3  # depthwise layers
FAINT = 1e-3  # of the layer's largest weight: a kernel with no larger one adds nothing, and is drawn as zero


def chapter_of(subject: Subject, shown: int = SHOWN) -> Chapter:
    """The first layer's kernels and those of some depthwise layers, before and after training where there are both."""
    first, depthwise = first_filters(subject), depthwise_filters(subject)
    depthwise = tuple(layer for layer in depthwise if layer.layer != first.layer)
    places = np.unique(np.linspace(0, len(depthwise) - 1, min(LAYERS, len(depthwise))).round().astype(int))
    layers = [first, *(depthwise[place] for place in places)]
    lead = "A filter is a small pattern of weights that the network lays over every place of an image. "
    if first.before is None:
        lead += "It answers where the image resembles it."
    else:
        lead += "Left: as pre-trained. Right: after training. Those that moved furthest come first."
    notes = tuple(movement(layer) for layer in (first, *depthwise) if layer.moved is not None)
    return Chapter(KEY, TITLE, lead, tuple(figure_of(layer, shown) for layer in layers), notes)


def figure_of(layer: Filters, shown: int = SHOWN) -> Figure:
    """The kernels of one layer as a sheet."""
    order, grey, moved = layer.order[:shown], layer.looks_at == 1, layer.moved
    kernels, zero = without_faint(layer.kernels)
    if moved is None or layer.before is None:
        labels = [f"{i}: zero" if zero[i] else str(i) for i in order]
        pictures = [kernel_picture(kernels[i], kernels[i], grey) for i in order]
        columns, gap = COLUMNS, 4
    else:
        before, was_zero = without_faint(layer.before)
        labels = [f"{i}: zero" if zero[i] and was_zero[i] else f"{i}: {percent(float(moved[i]))}" for i in order]
        pictures = [pair(before[i], kernels[i], grey) for i in order]
        columns, gap = PAIRS, 8
    sheet = grid([labelled(*both) for both in zip(pictures, labels, strict=True)], columns, gap)
    return Figure(f"filters-{layer.layer}".replace("_", "-"), caption(layer, len(order)), sheet)


def without_faint(kernels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kernels with those that add next to nothing as zeros, and which these are: (filters,) bool."""
    largest = np.abs(kernels).max((1, 2, 3))
    zero = largest <= FAINT * largest.max()
    return np.where(zero[:, None, None, None], 0, kernels), zero


def pair(before: np.ndarray, after: np.ndarray, grey: bool) -> Image.Image:
    """A kernel before and after training, on one scale."""
    both = np.stack([before, after])
    return grid([kernel_picture(one, both, grey) for one in (before, after)], 2, 2)


def kernel_picture(kernel: np.ndarray, scale_of: np.ndarray, grey: bool) -> Image.Image:
    """A kernel (channels, height, width) as a picture; the largest weight of ``scale_of`` has the full colour.

    Of three channels in colour; of one in grey where ``grey``, else, and of more, in blue and red.
    """
    most = float(np.abs(scale_of if len(kernel) == COLOURS else scale_of.mean(-3)).max()) or 1.0
    if len(kernel) == COLOURS or grey:
        shades = np.broadcast_to(kernel.transpose(1, 2, 0), (*kernel.shape[1:], COLOURS))
        pixels = (255 * (0.5 + shades / (2 * most))).round().clip(0, 255).astype(np.uint8)
    else:
        pixels = signed(kernel.mean(0), most)
    return resized(pixels, SIDE, smooth=False)


def caption(layer: Filters, shown: int) -> str:
    """What a sheet shows, and how its colours are meant."""
    filters, channels, height, width = layer.kernels.shape
    few = f"All {filters} kernels of {layer.layer}"
    if shown < filters:
        first = f"The first {shown} of the {filters} kernels of {layer.layer}"
        furthest = f"The {shown} kernels of {layer.layer} that moved furthest, of {filters}"
        few = first if layer.before is None else furthest
    of = f"{few}: {height} x {width} weights each. "
    scale = "Each pair is" if layer.before is not None else "Each is"
    scaled = f"{scale} scaled by itself, so colours cannot be compared between kernels."
    if channels == COLOURS:
        return f"{of}A pixel's colour is what the filter wants there; grey is weight zero. {scaled}"
    if layer.looks_at == 1:
        return f"{of}The layer sees grey images: light weights add, dark ones take away, grey is zero. {scaled}"
    signs = "Red weights add, blue ones take away, white is zero."
    if channels == 1:
        return f"{of}Each looks at one channel. {signs} {scaled}"
    return f"{of}Each looks at {channels} channels, of which the mean is drawn. {signs} {scaled}"


def percent(share: float) -> str:
    """A share in words."""
    return f"{share:.1%}" if np.isfinite(share) else "was zero"


def movement(layer: Filters) -> str:
    """How far a layer's kernels moved, in a sentence."""
    moved = layer.moved
    assert moved is not None
    if not moved.any():
        return f"{layer.layer}: no kernel moved."
    return (
        f"{layer.layer}: the median kernel moved by {percent(middle(moved))}, the furthest by {percent(moved.max())}."
    )


def middle(values: Sequence[float] | np.ndarray) -> float:
    """The median, that of an even number being the lower one of the two."""
    return float(np.sort(np.asarray(values))[(len(values) - 1) // 2])
