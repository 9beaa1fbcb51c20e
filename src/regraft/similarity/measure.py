"""How far the target data lies from what the network was trained on.

Four witnesses, all from the one pass. The depth profile is labelled: the cross-validated accuracy of a
linear probe at each cut, on the same folds, so that differences between cuts have paired standard errors.
Shift, neighbour distance and likeness need no label: the first is of the whole set, the others of its images. The
verdict joins them to a score.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from regraft.data.split import subsample
from regraft.features.features import Features, Progress, silent
from regraft.features.head import Fold, HeadSettings, folds_from, try_decays
from regraft.network.source import level_for
from regraft.similarity.distance import distance_of
from regraft.similarity.domain_classifier import TENTHS, Likeness, likeness_of
from regraft.similarity.score import Score, Witnesses, gain_of, score
from regraft.similarity.shift import GROUPS, Measured, group_of, relative_shift, shift_at, short_side

PROFILE_IMAGES = 4_000  # at most so many images make the profile
PROFILE_DECAYS = (1.0, 0.1, 0.01, 0.001)
CONFUSED = 2.0  # standard errors above the largest class that some probe must reach


@dataclass(frozen=True)
class ProfilePoint:
    """One cut's probe: its accuracy and, against the last cut, the paired difference and its standard error."""

    cut: str
    stride: int  # input pixels between neighbouring positions; 0 where no space is left
    accuracy: float
    behind_last: float  # the last cut's accuracy minus this one's
    error: float  # standard error of that difference
    shift: float | None  # nats a channel; None where nothing is known of the source there


@dataclass(frozen=True)
class Confidence:
    """What the source's own classifier says of the images; for information."""

    entropy: float  # mean, in nats
    most: float  # the entropy of knowing nothing, in nats
    energy: float  # mean, in nats (Liu et al., 2020): the lower, the more familiar
    nearest: Mapping[str, tuple[str, ...]]  # for each target class the source classes it is taken for most


@dataclass(frozen=True)
class Similarity:
    """Profile, shift and the score that they give."""

    profile: tuple[ProfilePoint, ...]
    best_early_cut: str  # of the cuts before the last, the earliest within one paired standard error of their best
    shift: float | None  # mean over the cuts; None without source statistics
    unit: float | None  # nats: what the relative shift is a multiple of
    relative_shift: float | None  # in the middle of the network, as the score takes it
    distance: float | None  # distance from the nearest source images, against theirs; None where no places are known
    likeness: float | None  # the classifier's word; None where the network has none
    shrunk_to: int | None  # pixels, of the source images that the shift is measured from; None: as they are
    score: Score
    rows: np.ndarray  # of the images that made the profile
    best_hits: np.ndarray  # which of them the most accurate cut's probe got right, bool
    chance: float  # accuracy of always naming the largest class
    confidence: Confidence | None = None  # None where the source's classifier is not there

    @property
    def labels_say_nothing(self) -> bool:
        """Whether no probe does better than always naming the largest class, beyond noise."""
        error = math.sqrt(self.chance * (1 - self.chance) / len(self.rows))
        return float(self.best_hits.mean()) < self.chance + CONFUSED * error


def measure_similarity(
    features: Features,
    rows: np.ndarray,
    folds: np.ndarray,
    statistics: Mapping[str, torch.Tensor] | None,
    unit: float | None = None,
    source_classes: Sequence[str] = (),
    progress: Progress = silent,
) -> Similarity:
    """Profile, shift and score of the images ``rows`` with their ``folds``.

    ``statistics``: of the source data, as source.read gives them, or None. ``unit``: of the relative shift, in nats, as
    shift.unit_of or yardstick.unit_of_noise gives it. ``source_classes``: names for what the
    source's classifier tells apart.
    """
    chosen = subsample(features.labels[rows], PROFILE_IMAGES)
    rows, folds = rows[chosen], folds[chosen]
    right = profile(features, rows, folds, progress)
    found = label_free(features, rows, statistics, unit)
    points = tuple(
        ProfilePoint(cut.name, cut.stride, float(hit.mean()), *paired(right[-1], hit), shift.value if shift else None)
        for cut, hit, shift in zip(features.cuts, right, found.shifts, strict=True)
    )
    known = [shift.value for shift in found.shifts if shift]
    return Similarity(
        profile=points,
        best_early_cut=features.cuts[earliest_good(right[:-1] or right)].name,
        shift=float(np.mean(known)) if known else None,
        unit=unit,
        relative_shift=found.relative.value if found.relative else None,
        distance=found.distance.value if found.distance else None,
        likeness=found.likeness.value if found.likeness else None,
        shrunk_to=found.level,
        score=scored(right, found),
        rows=rows,
        best_hits=max(right, key=lambda hit: hit.mean()),
        chance=float(np.bincount(features.labels[rows]).max() / len(rows)),
        confidence=confidence_of(features, rows, source_classes),
    )


def profile(features: Features, rows: np.ndarray, folds: np.ndarray, progress: Progress = silent) -> list[np.ndarray]:
    """Which of the images ``rows`` (bool) the cross-validated probe at each cut gets right."""
    labels, classes, pairs = features.labels[rows], len(features.images.classes), folds_from(folds)
    right = []
    for done, cut in enumerate(features.cuts, 1):
        right.append(probe(features.pooled([cut], rows), labels, classes, pairs))
        progress("Probing every cut", done, len(features.cuts))
    return right


def probe(features: np.ndarray, labels: np.ndarray, classes: int, folds: Sequence[Fold]) -> np.ndarray:
    """Which images (bool) a cross-validated linear probe gets right; its weight decay is chosen on the first fold."""
    settings = HeadSettings()
    first = try_decays(features, labels, classes, folds[:1], settings, PROFILE_DECAYS)
    decay = min(first, key=lambda trial: trial.loss).decay
    (trial,) = try_decays(features, labels, classes, folds, settings, (decay,))
    return trial.right[np.argsort(trial.rows)]


def paired(better: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    """Difference in accuracy on the same images, and its standard error; both bool (images,)."""
    difference = better.astype(float) - other.astype(float)
    return float(difference.mean()), float(difference.std() / math.sqrt(len(difference)))


def earliest_good(right: Sequence[np.ndarray]) -> int:
    """The first cut whose accuracy lies within one paired standard error of the best cut's."""
    best = max(right, key=lambda hit: hit.mean())
    for index, hit in enumerate(right):
        difference, error = paired(best, hit)
        if difference <= error:
            return index
    raise AssertionError("the best cut lies within its own error")


@dataclass(frozen=True)
class LabelFree:
    """What needs no label; None where too little is known of the source."""

    level: int | None  # pixels of the source images compared with; None: as they are
    shifts: tuple[Measured | None, ...]  # at every cut
    relative: Measured | None
    distance: Measured | None
    likeness: Likeness | None


def label_free(
    features: Features, rows: np.ndarray, statistics: Mapping[str, torch.Tensor] | None, unit: float | None
) -> LabelFree:
    """Shift, distance and likeness of the images ``rows``; the other arguments are those of measure_similarity."""
    level = level_for(statistics, short_side(features, rows)) if statistics else None
    shifts = tuple(shift_at(features, cut, rows, statistics, level) for cut in features.cuts)
    return LabelFree(
        level,
        shifts,
        relative_shift(shifts, unit),
        distance_of(features, rows, statistics, level),
        likeness_of(features, rows, statistics, level),
    )


def witnesses_of(
    right: Sequence[np.ndarray], shift: float | None, distance: float | None, likeness: float | None
) -> Witnesses:
    """The witnesses from the hits at each cut, the relative shift, the distance and the likeness."""
    log_shift, log_distance = (None if value is None else math.log(value) for value in (shift, distance))
    return Witnesses(gain_of(right), log_shift, log_distance, likeness)


def scored(right: Sequence[np.ndarray], found: LabelFree) -> Score:
    """The score from the hits at each cut and what needs no label, with its interval."""
    values = [each.value if each else None for each in (found.relative, found.distance, found.likeness)]
    witnesses = witnesses_of(right, *values)
    return score(witnesses, without_groups(right, found), without_tenths(witnesses, found.likeness), len(right[0]))


def without_groups(right: Sequence[np.ndarray], found: LabelFree) -> list[Witnesses]:
    """The witnesses with each group of images left out."""
    groups = group_of(len(right[0]))
    left_out = []
    for group in range(GROUPS):
        kept = [hit[groups != group] for hit in right] if len(right[0]) > 1 else list(right)
        values = [each.left_out[group] if each else None for each in (found.relative, found.distance, found.likeness)]
        left_out.append(witnesses_of(kept, *values))
    return left_out


def without_tenths(witnesses: Witnesses, likeness: Likeness | None) -> list[Witnesses]:
    """The witnesses with each tenth of the reference sets left out, on which only the likeness hangs."""
    if likeness is None:
        return [witnesses] * TENTHS
    return [replace(witnesses, likeness=float(word)) for word in likeness.without_sets]


def confidence_of(features: Features, rows: np.ndarray, names: Sequence[str]) -> Confidence | None:
    """The source classifier's mean entropy and energy, and what it takes each target class for."""
    found = features.confidence(rows)
    if found is None or not names:
        return None
    nearest, labels = features.nearest_source(rows), features.labels[rows]
    weights = 1 / np.arange(1, nearest.shape[1] + 1)  # the likeliest counts most
    taken: dict[str, tuple[str, ...]] = {}
    for label, target in enumerate(features.images.classes):
        ids = nearest[labels == label]
        votes = np.bincount(ids.ravel(), np.tile(weights, len(ids)), minlength=len(names))
        taken[target] = tuple(names[i] for i in np.argsort(-votes, kind="stable")[:3] if votes[i] > 0)
    entropy, energy = found.mean(axis=0)
    return Confidence(float(entropy), math.log(len(names)), float(energy), taken)
