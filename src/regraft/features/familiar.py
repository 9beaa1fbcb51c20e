"""Whether an image is like those that a network was trained on: how near its neighbours are, and how strong its logits.

The distance is that to a near neighbour among training images, in features of length one (Sun et al., 2022); made to
one scale channel by channel, they tell less. The energy is that of the logits (Liu et al., 2020). Each counts in its
own spread over images held out of the training, and 95% of these are within the threshold.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

MOST, JUDGING = 5_000, 1_000  # training images that are kept, and held-out ones that set the threshold, at most
NEAR = 3  # the neighbour whose distance counts (benchmarks/familiar.py)
FEWEST = 10  # held-out images that can set a threshold
WITHIN = 0.95  # of them
SHARE = 0.5  # what the energy counts for a distance's one
BLOCK = 256  # images compared at a time
TINY = 1e-12


@dataclass(frozen=True)
class Spread:
    """Where a figure lies over held-out images, and how far it spreads."""

    middle: float  # the median
    deviation: float

    def of(self, values: np.ndarray) -> np.ndarray:
        """Values (images,) in deviations from the middle."""
        return np.asarray((values - self.middle) / self.deviation)


@dataclass(frozen=True)
class Measure:
    """How familiarity is read off a distance and an energy."""

    near: int  # the neighbour whose distance counts, from 1
    distance: Spread
    energy: Spread
    threshold: float = 0.0  # up to which score an image is known

    def scores(self, distances: np.ndarray, logits: np.ndarray) -> np.ndarray:
        """How unlike the training images are: (images,)."""
        return self.distance.of(distances) + SHARE * self.energy.of(energies(logits))


@dataclass(frozen=True, eq=False)
class Familiar:
    """Training images as a network sees them, and from which score on an image is unlike them."""

    features: np.ndarray  # (images, channels) float16, of length one
    rows: np.ndarray  # (images,) int64: which they are, by the caller's numbers
    measure: Measure

    @cached_property
    def turned(self) -> np.ndarray:
        """The features (channels, images) float32, as they are multiplied with."""
        return np.ascontiguousarray(self.features.T, dtype=np.float32)

    def cosines(self, features: np.ndarray) -> np.ndarray:
        """Of features (images, channels) and each training image: (images, training images)."""
        return np.asarray(of_length_one(features) @ self.turned)

    def judged(self, features: np.ndarray, logits: np.ndarray) -> "Judgement":
        """What is known of images by their features and logits, each (images, ...)."""
        cosines = self.cosines(features)
        nearest = nearest_columns(cosines, max(self.measure.near, NEAR))
        far = distances_of(np.take_along_axis(cosines, nearest[:, self.measure.near - 1 : self.measure.near], 1)[:, 0])
        return Judgement(self.measure.scores(far, logits) <= self.measure.threshold, self.rows[nearest[:, :NEAR]])


@dataclass(frozen=True, eq=False)
class Judgement:
    """What is known of some images."""

    known: np.ndarray  # (images,) bool
    nearest: np.ndarray  # (images, NEAR or fewer) int64: rows of training images, the nearest first


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Images that did not train, with their logits, and which training images may not be their neighbours."""

    features: np.ndarray  # (images, channels)
    logits: np.ndarray  # (images, classes)
    units: np.ndarray  # (images,) the unit (itself, copies, group) of each; -1 where it is in none


def familiar_of(features: np.ndarray, rows: np.ndarray, units: np.ndarray, held_out: HeldOut) -> Familiar | None:
    """What to keep of training images ``rows``, whose ``features`` (images, channels) are float32.

    ``units``: numbers of what must not judge itself. None where too few images can set a threshold.
    """
    unset = Spread(0.0, 1.0)
    measure = Measure(min(NEAR, len(rows)), unset, unset)
    found = Familiar(of_length_one(features).astype(np.float16), rows, measure)
    images = np.arange(len(held_out.units))
    parts = [images[start : start + BLOCK] for start in range(0, len(images), BLOCK)]
    far = np.concatenate([np.empty(0), *(distances_to_others(found, held_out, part, units) for part in parts)])
    some = np.isfinite(far)
    if some.sum() < FEWEST:
        return None
    far, logits = far[some], held_out.logits[some]
    measure = replace(measure, distance=spread_of(far), energy=spread_of(energies(logits)))
    return replace(found, measure=replace(measure, threshold=threshold_within(measure.scores(far, logits))))


def distances_to_others(found: Familiar, held_out: HeldOut, part: np.ndarray, units: np.ndarray) -> np.ndarray:
    """The distance to the neighbour that counts, none of which is of the image's own unit; inf where there is none."""
    cosines = found.cosines(held_out.features[part])
    cosines[held_out.units[part][:, None] == units] = -np.inf
    place = nearest_columns(cosines, found.measure.near)[:, -1:]
    return distances_of(np.take_along_axis(cosines, place, 1)[:, 0])


def evenly(labels: np.ndarray, most: int) -> np.ndarray:
    """Places of at most ``most`` images, as many of each class as there are."""
    order = np.argsort(labels, kind="stable")
    sizes = np.unique(labels, return_counts=True)[1]
    rank = np.empty(len(labels), np.int64)
    rank[order] = np.concatenate([np.arange(size) for size in sizes])
    return np.sort(np.argsort(rank, kind="stable")[:most])


def nearest_columns(cosines: np.ndarray, most: int) -> np.ndarray:
    """The columns of each row's highest values, the highest first: (rows, ``most`` or all)."""
    most = min(most, cosines.shape[1])
    some = np.argpartition(-cosines, most - 1, axis=1)[:, :most]
    order = np.argsort(-np.take_along_axis(cosines, some, 1), axis=1, kind="stable")
    return np.take_along_axis(some, order, 1)


def of_length_one(features: np.ndarray) -> np.ndarray:
    """The directions of features (images, channels), float32."""
    values = features.astype(np.float32, copy=False)
    return np.asarray(values / np.maximum(np.linalg.norm(values, axis=1, keepdims=True), TINY))


def distances_of(cosines: np.ndarray) -> np.ndarray:
    """Euclidean distances between directions, inf where they are none."""
    return np.sqrt(np.maximum(2 - 2 * cosines.astype(np.float64), 0))


def energies(logits: np.ndarray) -> np.ndarray:
    """Minus the log of the sum of the exponentials: (images,); the lower, the stronger some class speaks."""
    values = logits.astype(np.float64)
    most = values.max(axis=1)
    return np.asarray(-most - np.log(np.exp(values - most[:, None]).sum(axis=1)))


def spread_of(values: np.ndarray) -> Spread:
    """The spread of values (images,)."""
    return Spread(float(np.median(values)), max(float(values.std()), TINY))


def threshold_within(scores: Sequence[float] | np.ndarray) -> float:
    """The score that WITHIN of new images stay within, as far as so few can say."""
    ordered = np.sort(np.asarray(scores, dtype=np.float64))
    place = int(np.ceil(WITHIN * (len(ordered) + 1))) - 1
    return float(ordered[min(place, len(ordered) - 1)])
