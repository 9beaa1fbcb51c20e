"""How much better the best of many trials looks on the images that chose it than it is.

The expected maximum of noisy estimates: trials that cannot be told from the best on these images are taken to be as
good as each other, and the best one's luck is then the largest of their chance errors. Those are had by resampling the
images, the same ones for every trial, since trials err on the same images. What the sampler and early stopping saw of
these images is not counted, so the truth may lie a little lower still.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 1000
FEWEST_IMAGES = 10
TOLD_APART = 2.0  # standard errors of the difference


@dataclass(frozen=True)
class Optimism:
    """What choosing among trials adds to the best one's figure."""

    trials: int  # that were chosen among
    near: int  # of those, the ones that cannot be told from the best, itself among them
    images: int  # that chose
    expected: float  # share by which the best one's figure is too high
    corrected: float  # the best figure without that


def optimism_of(hits: Sequence[np.ndarray], counts: np.ndarray | None, seed: int) -> Optimism | None:
    """``hits``: for each trial which of the same images are right, (images,) bool; None of too few to say.

    ``counts``: (images,) what each counts, where not all count the same.
    """
    if len(hits) < 2 or len(hits[0]) < FEWEST_IMAGES:  # noqa: PLR2004 - a choice is between two or more
        return None
    right = np.array(hits, dtype=np.float64)  # (trials, images)
    images = right.shape[1]
    weights = np.ones(images) if counts is None else counts
    weights = weights / weights.sum()
    figures = right @ weights
    best = int(figures.argmax())
    behind = right[best] - right
    gaps = figures[best] - figures
    errors = np.sqrt(np.square(behind - gaps[:, None]) @ np.square(weights) + 1 / images**2)
    near = right[gaps <= TOLD_APART * errors]
    draw = np.random.default_rng(seed)
    times = draw.multinomial(images, np.full(images, 1 / images), RESAMPLES) * weights  # (resamples, images)
    noise = (near @ times.T) / times.sum(axis=1) - (near @ weights)[:, None]
    expected = max(0.0, float(noise.max(axis=0).mean())) if len(near) > 1 else 0.0
    return Optimism(len(hits), len(near), images, expected, float(figures[best]) - expected)
