"""Likeness, the witness of a classifier: whether images resemble the reference sets that are similar, or the others.

A linear classifier of domains, fitted by benchmarks/calibrate.py on images of all reference sets (ridge regression on
their kind; Ben-David et al., 2010, "A theory of learning from different domains", take such classifiers as the measure
of how far two sets lie apart). It sees the standardised roots (rooted.py) of all cuts after the first third. Images
were shown to it in grey, shrunk, smaller and larger as well, because these do not change what the images show.

How far its word hangs on what reference sets there were is told by ten more classifiers, each fitted without a tenth of
them. On common photographs these agree, less so on unusual images.

The weights belong to one network's channels, so there are some for the networks that the calibration has seen, in
their shipped statistics files; whoever makes a file of their own does without.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from regraft.features.features import Features
from regraft.network import source
from regraft.similarity.rooted import places
from regraft.similarity.shift import Measured, over_groups

T = TypeVar("T")

TENTHS = 10  # of the reference sets, each left out by one more classifier
# (1 + TENTHS, channels) and (1 + TENTHS,): of the classifier that has seen all sets, then of the others
WEIGHTS, OFFSET = source.name_of("likeness", "weights"), source.name_of("likeness", "offset")


@dataclass(frozen=True)
class Likeness(Measured):
    """What the classifier says of a set of images in the mean: about 1 for similar ones, about -1 for others."""

    without_sets: np.ndarray  # (TENTHS,): what those say that have not seen a tenth of the reference sets


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
) -> Likeness | None:
    """What the classifier says of the images ``rows``; None where the network has none."""
    if not statistics or WEIGHTS not in statistics:
        return None
    seen = marks(features, rows, statistics, level)
    if seen is None:
        return None
    weights, offset = (statistics[name].double().numpy() for name in (WEIGHTS, OFFSET))
    words = seen @ weights.T + offset
    found = over_groups(words[:, 0], np.mean)
    return Likeness(found.value, found.left_out, words[:, 1:].mean(0))
