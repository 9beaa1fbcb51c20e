"""Likeness, the witness of a classifier: whether images resemble the reference sets that are similar, or the others.

A linear classifier of domains, fitted by benchmarks/calibrate.py on images of all reference sets (ridge regression on
their kind; Ben-David et al., 2010, "A theory of learning from different domains", take such classifiers as the measure
of how far two sets lie apart). It sees the standardised roots (rooted.py) of all cuts after the first third. Images
were shown to it in grey, shrunk, smaller and larger as well, because these do not change what the images show.

Its weights belong to one network's channels, so there are some for the networks that the calibration has seen, in
their shipped statistics files; whoever makes a file of their own does without.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from regraft import source
from regraft.features import Features
from regraft.rooted import known, standardised
from regraft.shift import GROUPS, group_of

T = TypeVar("T")

WEIGHTS, OFFSET = source.name_of("likeness", "weights"), source.name_of("likeness", "offset")


@dataclass(frozen=True)
class Likeness:
    """What the classifier says of images, in the mean."""

    value: float  # about 1: similar; about -1: different
    left_out: np.ndarray  # (GROUPS,): the same with each group of images left out


def judged(items: Sequence[T]) -> Sequence[T]:
    """Of a network's cuts those that the classifier sees: all after the first third."""
    return items[len(items) // 3 :]


def marks(
    features: Features, rows: np.ndarray, statistics: Mapping[str, torch.Tensor], level: int | None
) -> np.ndarray:
    """What the classifier sees of the images ``rows``, against source images at ``level``: (images, channels)."""
    cuts = judged(features.cuts)
    parts = [features.pooled([cut], rows) for cut in cuts]
    return standardised(parts, [cut.name for cut in cuts], statistics, level)


def likeness_of(
    features: Features, rows: np.ndarray, statistics: Mapping[str, torch.Tensor] | None, level: int | None
) -> Likeness | None:
    """The likeness of the images ``rows``; None where the network has no such classifier."""
    names = [cut.name for cut in judged(features.cuts)]
    if not statistics or WEIGHTS not in statistics or not known(statistics, names, level):
        return None
    weights, offset = statistics[WEIGHTS].double().numpy(), float(statistics[OFFSET])
    return in_mean(marks(features, rows, statistics, level) @ weights + offset)


def in_mean(values: np.ndarray) -> Likeness:
    """The mean of the images' ``values`` (images,), and with each group left out."""
    groups = group_of(len(values))
    kept = [values[groups != group] for group in range(GROUPS)]
    return Likeness(float(values.mean()), np.array([part.mean() if len(part) else values.mean() for part in kept]))
