"""How far the target data lies from what the network was trained on.

Two witnesses, both from the one pass. The depth profile is labelled: the cross-validated accuracy of a
linear probe at each cut, on the same folds, so that differences between cuts have paired standard errors.
The shift is label-free: how far each channel's mean and variance lie from the source's.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from regraft.cuts import Cut
from regraft.features import Features, Progress, silent
from regraft.head import HeadSettings, best_trial, folds_from, try_decays

PROFILE_IMAGES = 4_000  # at most so many images make the profile
PROFILE_DECAYS = (1.0, 0.1, 0.01, 0.001)
PROFILE_FOLDS = 5
SHIFT_LINE = 0.35  # mean shift, in nats a channel, where a flat profile tips from similar to different
SMALLEST_VARIANCE = 1e-4  # of a channel, as a share of its cut's mean variance


@dataclass(frozen=True)
class ProfilePoint:
    """One cut's probe: its accuracy and, against the last cut, the paired difference and its standard error."""

    cut: str
    accuracy: float
    behind_last: float  # the last cut's accuracy minus this one's
    error: float  # standard error of that difference
    shift: float | None  # Gaussian KL divergence from the source, mean over channels, in nats


@dataclass(frozen=True)
class Similarity:
    """Profile, shift and the score that they give."""

    profile: tuple[ProfilePoint, ...]
    best_early_cut: str  # of the cuts before the last, the earliest within one paired standard error of their best
    shift: float | None  # mean over the cuts; None without source statistics
    score: float  # 0..1, towards 1 for data like the source's
    clear: bool  # whether the profile decided; else it was flat
    images: int  # that made the profile
    chance: float  # accuracy of always naming the largest class


def measure_similarity(
    features: Features,
    rows: np.ndarray,
    folds: np.ndarray,
    statistics: Mapping[str, torch.Tensor] | None,
    progress: Progress = silent,
) -> Similarity:
    """Profile and shift of the images ``rows`` with their ``folds``.

    ``statistics``: "CUT.mean" and "CUT.std" (channels,) over the source data, or None.
    """
    chosen = subsample(features.labels[rows], PROFILE_IMAGES)
    rows, folds = rows[chosen], folds[chosen]
    labels, classes = features.labels[rows], len(features.images.classes)
    pairs = folds_from(folds)
    settings = HeadSettings()
    right: list[np.ndarray] = []
    for done, cut in enumerate(features.cuts, 1):
        trials = try_decays(features.pooled([cut], rows), labels, classes, pairs, settings, PROFILE_DECAYS)
        right.append(best_trial(trials).right)
        progress("Probing every cut", done, len(features.cuts))
    shifts = [shift_at(features, cut, rows, statistics) for cut in features.cuts]
    points = tuple(
        ProfilePoint(cut.name, float(hit.mean()), *paired(right[-1], hit), shift)
        for cut, hit, shift in zip(features.cuts, right, shifts, strict=True)
    )
    known = [shift for shift in shifts if shift is not None]
    shift = float(np.mean(known)) if known else None
    score, clear = score_of(right, shift)
    chance = float(np.bincount(labels).max() / len(labels))
    early = features.cuts[earliest_good(right[:-1] or right)].name
    return Similarity(points, early, shift, score, clear, len(rows), chance)


def subsample(labels: np.ndarray, most: int) -> np.ndarray:
    """Positions of at most ``most`` images, every class in proportion, spread evenly over the order given."""
    if len(labels) <= most:
        return np.arange(len(labels))
    by_class = np.argsort(labels, kind="stable")
    return np.sort(by_class[np.linspace(0, len(labels) - 1, most).round().astype(int)])


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


def score_of(right: Sequence[np.ndarray], shift: float | None) -> tuple[float, bool]:
    """The score in 0..1 and whether the profile alone gave it.

    The last cut against the best earlier one, in paired standard errors, through the normal distribution.
    Within one standard error the profile is flat: then the shift moves the score across that same band,
    and without a shift flat counts as similar, for nothing is gained by cutting.
    """
    if len(right) == 1:
        return 0.5, False
    earlier = max(right[:-1], key=lambda hit: hit.mean())
    difference, error = paired(right[-1], earlier)
    z = difference / error if error > 0 else 0.0
    if abs(z) > 1:
        return normal(z), True
    if shift is None:
        return max(normal(z), 0.5), False
    return normal(math.tanh(math.log(SHIFT_LINE / max(shift, 1e-6)))), False


def normal(z: float) -> float:
    """The standard normal distribution function."""
    return 0.5 * (1 + math.erf(z / math.sqrt(2)))


def shift_at(
    features: Features, cut: Cut, rows: np.ndarray, statistics: Mapping[str, torch.Tensor] | None
) -> float | None:
    """KL divergence of the target's channels from the source's as Gaussians, mean over channels, in nats.

    The source is known from ``statistics`` at the cut itself, else from the batch norm just before it.
    """
    if statistics and f"{cut.name}.mean" in statistics:
        place, known = cut, [statistics[f"{cut.name}.{part}"] for part in ("mean", "std")]
    elif norm := features.norms.get(cut.name):
        place, known = norm.place, [norm.mean, norm.std]
    else:
        return None
    mean, std = moments_at(features, place, rows)
    source_mean, source_std = (value.double().numpy() for value in known)
    floor = SMALLEST_VARIANCE * float(np.square(source_std).mean())
    variance, source = np.square(std) + floor, np.square(source_std) + floor
    kl = 0.5 * (np.log(source / variance) + (variance + np.square(mean - source_mean)) / source - 1)
    return float(kl.mean())


def moments_at(features: Features, cut: Cut, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel over images and space: two (channels,) float64."""
    mean = features.pooled([cut], rows).mean(axis=0, dtype=np.float64)
    square = np.square(features.spread(cut, rows).astype(np.float64)).mean(axis=0)
    return mean, np.sqrt(np.maximum(square - np.square(mean), 0))
