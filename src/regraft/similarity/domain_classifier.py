"""The judge: a classifier of domains on the embedded network tells photographs from everything else.

Ridge regression (Ben-David et al., 2010, "A theory of learning from different domains", measure by such classifiers
how far two sets lie apart), fitted by benchmarks/calibrate.py on images of the reference sets. It sees pooled features
at all cuts after the first third: signed square roots, so that no few large values decide (Perronnin et al., 2010),
standardised by those of the source images about as small. Images were shown to it in grey, shrunk, smaller and larger
as well, because these do not change what the images show.

How far its word hangs on what reference sets there were is told by ten more classifiers, each fitted without a tenth of
them. On common photographs these agree, less so on unusual images.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files
from typing import TypeVar

import numpy as np
from safetensors.numpy import load_file

from regraft.features.features import Features
from regraft.network.cuts import Cut
from regraft.similarity.groups import Measured, over_groups
from regraft.similarity.statistics import Level, Statistics, from_tensors

T = TypeVar("T")
TENTHS = 10  # of the reference sets, each left out by one more classifier
SMALLEST_SCALE = 0.01  # of a channel, as a share of the mean over the cut's channels


@dataclass(frozen=True)
class Opinion(Measured):
    """What the classifier says of a set of images in the mean: about 1 for photographs, about -1 for others."""

    without_sets: np.ndarray  # (TENTHS,): what those say that have not seen a tenth of the reference sets


@dataclass(frozen=True)
class DomainClassifier:
    """The classifiers, and what standardises their input."""

    roots: Statistics  # of the signed roots of the source images' features
    weights: np.ndarray  # (1 + TENTHS, channels): of the one that has seen all sets, then of the others
    offset: np.ndarray  # (1 + TENTHS,)

    def opinion_of(self, features: Features, rows: np.ndarray, size: int) -> Opinion:
        """Of the images ``rows``, which the embedded network saw at ``size`` pixels."""
        words = self.inputs(features, rows, size) @ self.weights.T + self.offset
        measured = over_groups(words[:, 0], np.mean)
        return Opinion(measured.value, measured.left_out, words[:, 1:].mean(0))

    def inputs(self, features: Features, rows: np.ndarray, size: int) -> np.ndarray:
        """What the classifiers see of the images ``rows``: (images, channels) float64."""
        level = self.roots.level_for(features.short_side(rows), size)
        cuts = judged(features.cuts)
        return np.concatenate([self.standardised(cut, features.pooled([cut], rows), level) for cut in cuts], axis=1)

    def standardised(self, cut: Cut, values: np.ndarray, level: Level) -> np.ndarray:
        """Features (images, channels) at a cut; every cut weighs as much, whatever its channels."""
        moments = self.roots.moments(cut.name, level)
        assert moments, "the package's file has every judged cut at every level"
        scale = np.maximum(moments.std, SMALLEST_SCALE * moments.std.mean()) * math.sqrt(len(moments.std))
        return np.asarray((signed_root(values) - moments.mean) / scale)


def signed_root(features: np.ndarray) -> np.ndarray:
    """Signed square roots, in float64."""
    values = features.astype(np.float64)
    return np.asarray(np.sign(values) * np.sqrt(np.abs(values)))


def judged(cuts: Sequence[T]) -> Sequence[T]:
    """Of a network's cuts those that the classifier sees: all after the first third."""
    return cuts[len(cuts) // 3 :]


@cache
def shipped() -> DomainClassifier:
    """The one inside the package."""
    with as_file(files("regraft.network") / "embedded" / "domain_classifier.safetensors") as path:
        tensors = load_file(path)
    weights, offset = (tensors[name].astype(np.float64) for name in ("weights", "offset"))
    return DomainClassifier(from_tensors(tensors), weights, offset)
