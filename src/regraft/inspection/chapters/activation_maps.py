"""The pictures of activation maps: the image, then each layer's strongest channels over it."""

from collections.abc import Sequence

import numpy as np
from PIL import Image

from regraft.inspection.activation_maps import ActivationMaps, activation_maps
from regraft.inspection.chapter import Chapter, Figure
from regraft.inspection.drawing import grid, over, resized
from regraft.inspection.pictures import Picture
from regraft.inspection.subject import Subject
from regraft.network.cuts import Cut

SHOWN, COLUMNS = 8, 4  # channels of a layer, and how many stand in a row
IMAGE, MAP = 224, 136  # pixels a side
LEAD = (
    "One image on its way through the network. Each picture is one channel's answer, laid over the image: the brighter,"
    " the stronger. Early layers follow edges and colours; later ones mark parts, in coarser squares. The strongest"
    " channels of each layer come first."
)


def chapter_of(subject: Subject, picture: Picture, cuts: Sequence[Cut] = (), shown: int = SHOWN) -> Chapter:
    """The ``shown`` strongest channels at each of ``cuts`` (none: all of them) for one image."""
    layers = activation_maps(subject, picture.pixels, cuts)
    spatial = [layer for layer in layers if layer.maps[0].size > 1]
    figures = [Figure("image", f"The image, as the network takes it: {picture.name}.", image_of(picture, IMAGE))]
    figures += [figure_of(layer, picture, shown) for layer in spatial]
    flat = [layer.cut.name for layer in layers if layer.maps[0].size == 1]
    notes = (f"Without space, so without a map: {', '.join(flat)}.",) if flat else ()
    return Chapter("maps", "Activation maps", LEAD, tuple(figures), notes)


def figure_of(layer: ActivationMaps, picture: Picture, shown: int) -> Figure:
    """One layer's strongest channels over the image."""
    active = min(shown, len(layer.channels) - layer.silent)
    numbers = ", ".join(str(channel) for channel in layer.channels[:active])
    high, wide = layer.maps.shape[1:]
    caption = f"{layer.cut.name}, {wide} x {high} places. Its strongest channels: {numbers or 'none'}."
    if layer.silent:
        caption += f" {layer.silent} of {len(layer.channels)} channels fire nowhere on this image."
    pictures = [over(np.asarray(image_of(picture, MAP)), values) for values in layer.maps[:active]]
    sheet = grid(pictures or [image_of(picture, MAP)], COLUMNS)
    warning = None if active else "No channel of this layer fires on this image."
    return Figure(f"maps-{layer.cut.name}", caption, sheet, layer.cut.name, warning)


def image_of(picture: Picture, side: int) -> Image.Image:
    """The image itself."""
    return resized(picture.pixels, side)
