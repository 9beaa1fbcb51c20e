"""How much better the best of many trials looks on the images that chose it than it is.

The choice is made again on resamples of those images and judged on the images that the resample left out, as in
bootstrap bias-corrected cross-validation (Tsamardinos, Greasidou and Borboudakis, 2018). The trials stay as they are:
what the sampler and early stopping saw of these images is not counted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 1000
FEWEST_IMAGES = 10


@dataclass(frozen=True)
class Optimism:
    """What choosing among trials adds to the best one's figure."""

    trials: int  # that were chosen among
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
    draw, gaps = np.random.default_rng(seed), []
    for _ in range(RESAMPLES):
        times = np.bincount(draw.integers(0, images, images), minlength=images)
        inside, outside = weights * times, weights * (times == 0)
        if not outside.any():
            continue
        figures = right @ inside / inside.sum()
        best = int(figures.argmax())
        gaps.append(figures[best] - float(right[best] @ outside / outside.sum()))
    expected = max(0.0, float(np.mean(gaps)))
    return Optimism(len(hits), images, expected, float((right @ weights / weights.sum()).max()) - expected)
