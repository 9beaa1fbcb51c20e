"""Pictures of blobs of many sizes, no two alike."""

import numpy as np
from PIL import Image


def scene(seed: int, width: int = 240, height: int = 180) -> Image.Image:
    """A grey picture that shows structure everywhere, so that parts of it can be told apart."""
    draw = np.random.default_rng(seed)
    pixels = np.zeros((height, width), np.float32)
    for size in (6, 12, 24, 48):
        noise = Image.fromarray(draw.normal(0, 40, (height // size + 2, width // size + 2)).astype(np.float32))
        pixels += np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC))
    return Image.fromarray((128 + pixels).clip(0, 255).astype(np.uint8))
