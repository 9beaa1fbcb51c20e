"""Likeness, the witness of a classifier: whether images resemble the reference sets that are similar, or the others.

A linear classifier of domains, fitted by benchmarks/calibrate.py on images of all reference sets (ridge regression on
their kind; Ben-David et al., 2010, "A theory of learning from different domains", take such classifiers as the measure
of how far two sets lie apart). It sees the standardised roots (rooted.py) of all cuts after the first third. Images
were shown to it in grey, shrunk, smaller and larger as well, because these do not change what the images show.

Its weights belong to one network's channels, so there are some for the networks that the calibration has seen, in
their shipped statistics files; whoever makes a file of their own does without.
"""

from collections.abc import Mapping, Sequence
from typing import TypeVar

import numpy as np
import torch

from regraft import source
from regraft.features import Features
from regraft.rooted import places
from regraft.shift import Measured, over_groups

T = TypeVar("T")

WEIGHTS, OFFSET = source.name_of("likeness", "weights"), source.name_of("likeness", "offset")


def judged(items: Sequence[T]) -> Sequence[T]:
    """Of a network's cuts those that the classifier sees: all after the first third."""
    return items[len(items) // 3 :]


def marks(
    features: Features, rows: np.ndarray, statistics: Mapping[str, torch.Tensor], level: int | None
) -> np.ndarray | None:
    """What the classifier sees of the images ``rows``, against source images at ``level``: (images, channels)."""
    return places(features, judged(features.cuts), rows, statistics, level)


def likeness_of(
    features: Features, rows: np.ndarray, statistics: Mapping[str, torch.Tensor] | None, level: int | None
) -> Measured | None:
    """What the classifier says of the images ``rows`` in the mean: about 1 for similar ones, about -1 for others.

    None where the network has no such classifier.
    """
    if not statistics or WEIGHTS not in statistics:
        return None
    seen = marks(features, rows, statistics, level)
    if seen is None:
        return None
    return over_groups(seen @ statistics[WEIGHTS].double().numpy() + float(statistics[OFFSET]), np.mean)
