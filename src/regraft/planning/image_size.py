"""At how many pixels a side images go through the embedded network, where nobody says."""

import os

import numpy as np

from regraft.data.decoding import Undecodable, sides_of
from regraft.data.images import ImageSet
from regraft.network.engine import device_name
from regraft.recipe import EMBEDDED, Recipe

SIZES = (224, 160)  # pixels a side that are tried before the network's own
LOOKED_AT = 32  # images whose sides are read
PASS_SECONDS = 60.0  # that the larger pass may take
PROCESSOR_RATE = 40.0  # images of 224 pixels a second that one processor passes at the least, roughly
GPU_RATE = 1_000.0  # the same of a GPU


def with_image_size(recipe: Recipe, images: ImageSet) -> Recipe:
    """The recipe with the image size settled for the embedded network; others are left to their own.

    The largest of SIZES that half of the images fill and whose pass stays within PASS_SECONDS, by the number of
    processors; else the network's own. It follows from the data and the machine's make alone, so that a second run
    takes the same.
    """
    network = recipe.network
    if network.backbone != EMBEDDED or network.image_size is not None:
        return recipe
    side = usual_side(images)
    rate = GPU_RATE if device_name(network.device) != "cpu" else PROCESSOR_RATE * (os.cpu_count() or 1)
    for size in SIZES:
        seconds = len(images.files) / rate * (size / SIZES[0]) ** 2
        if size <= side and seconds <= PASS_SECONDS:
            return recipe.but(image_size=size)
    return recipe


def usual_side(images: ImageSet) -> float:
    """The median short side, in pixels, of LOOKED_AT images spread over the set; 0 where none can be read."""
    places = np.linspace(0, len(images.files) - 1, min(LOOKED_AT, len(images.files))).astype(int)
    sides = []
    for place in places:
        try:
            sides.append(min(sides_of(images.files[place].content.read())))
        except Undecodable:
            continue
    return float(np.median(sides)) if sides else 0.0
