"""What twice as many images would bring, from what half of them give."""

import numpy as np

from regraft.data.split import subsample
from regraft.features.probe import held_out
from regraft.features.threads import one_thread

MOST_IMAGES = 1_500  # that are looked at
FEWEST_IMAGES = 40
SURE = 1.0  # standard errors that the gain of the last doubling must be above nothing


def removed_by_doubling(x: np.ndarray, labels: np.ndarray, classes: int, folds: np.ndarray) -> float | None:
    """The share of the errors that the last doubling of the images removed, by discriminants on held-out folds.

    x: (images, channels) float32; labels and folds: (images,). Errors fall about as a power of the number of images
    (Hestness et al., 2017, "Deep learning scaling is predictable, empirically"), so that the next doubling removes
    about the same share. None where the images are few, and where chance may have removed what went.
    """
    if len(labels) < FEWEST_IMAGES:
        return None
    half = np.zeros(len(labels), dtype=bool)
    for fold in np.unique(folds):
        own = np.flatnonzero(folds == fold)
        half[own[subsample(labels[own], len(own) // 2)]] = True
    with one_thread():
        wrong, wrong_by_half = (
            held_out(x, labels, classes, folds, learning).argmax(axis=1) != labels for learning in (None, half)
        )
    gain = wrong_by_half.astype(float) - wrong
    if gain.mean() <= SURE * float(gain.std() / np.sqrt(len(gain))) or not wrong.any():
        return None
    return float(1 - wrong.mean() / wrong_by_half.mean())
