"""How far is far for a network without a statistics file: the shift of pictures in which there is nothing to tell.

Noise of source.SMALLEST pixels a side whose amplitudes fall with the frequency, as photographs' do (Field, 1987), blown
up to the network's size, lies as far from the source's as its own photographs shrunk to that size: 0.29 and 0.28 nats
for the embedded network, 1.3 and 1.4 for SqueezeNet 1.1.
"""

import numpy as np

from regraft.data.readers.memory import from_arrays
from regraft.features.features import ENOUGH, extract
from regraft.network.backbone import Backbone
from regraft.network.cuts import Traced
from regraft.network.source import SMALLEST
from regraft.recipe import Recipe
from regraft.similarity.shift import over_middle, shift_at

PICTURES = ENOUGH - 2  # too few to be taken for the network's speed
GREY, CONTRAST = 115, 60  # mean and standard deviation of their values, as photographs have them about
SHARED = 0.9  # correlation of their colours


def unit_of_noise(backbone: Backbone, traced: Traced, recipe: Recipe) -> float | None:
    """The shift of noise in the middle of the network, in nats; None where nothing is known of the source.

    A pass of PICTURES small pictures, kept in the cache like the features of images.
    """
    pictures = noise(PICTURES, SMALLEST)
    features = extract(
        from_arrays(pictures, [row % 2 for row in range(PICTURES)]), backbone, traced,
        workers=recipe.workers, device=recipe.device, pooling=recipe.pooling,
    )  # fmt: skip
    rows = np.arange(PICTURES)
    found = over_middle([shift_at(features, cut, rows, backbone.statistics, None) for cut in features.cuts])
    return found.value if found else None


def noise(count: int, side: int) -> np.ndarray:
    """Pictures (count, side, side, 3) uint8, always the same."""
    draw = np.random.default_rng(0)
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(side), np.fft.fftfreq(side)))
    frequency[0, 0] = 1 / side
    mixing = np.linalg.cholesky(np.full((3, 3), SHARED) + (1 - SHARED) * np.eye(3))
    white = draw.normal(size=(count, 3, side, side))
    pink = np.fft.ifft2(np.fft.fft2(white) / frequency).real
    pink -= pink.mean((2, 3), keepdims=True)
    pink /= pink.std((1, 2, 3), keepdims=True)
    coloured = np.einsum("cd,ndhw->nhwc", mixing, pink)
    return np.asarray(np.clip(GREY + CONTRAST * coloured, 0, 255), dtype=np.uint8)
