"""Pictures for the judge: photographs, and what is none."""

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits, load_sample_images


def photographs(side: int = 200, count: int = 24) -> list[Image.Image]:
    """Pieces of scikit-learn's two photographs."""
    draw, found = np.random.default_rng(0), []
    for photo in load_sample_images().images:
        for _ in range(count // 2):
            y, x = (draw.integers(0, edge - side) for edge in photo.shape[:2])
            found.append(Image.fromarray(photo[y : y + side, x : x + side]))
    return found


def digits(count: int = 24) -> list[Image.Image]:
    """scikit-learn's."""
    return [Image.fromarray((image * 15.9).astype(np.uint8)) for image in load_digits().images[:count]]
