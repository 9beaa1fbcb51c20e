"""Shift, the label-free witness of a whole set: how far the target's activations lie from the source's at a cut.

Each channel's values over images and space are taken as a Gaussian, and the Kullback-Leibler divergence of the
target's from the source's is averaged over the channels, in nats. The source's moments come from a statistics file,
of source images about as small as the target's, else from the batch norm just before the cut.

How far is far differs from network to network. So the score takes the shift in the middle of the network as a multiple
of that of the source images themselves, shrunk until nothing can be told in them, which the statistics file knows
(yardstick.py has the same for networks without a file).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch

from regraft.features.features import Features
from regraft.network import source
from regraft.network.cuts import Cut

T = TypeVar("T")

SMALLEST_VARIANCE = 1e-4  # of a channel, as a share of its cut's mean variance
LEAST = 1e-4  # nats: less counts as so much
GROUPS = 20  # of images, left out in turn to see how much the figures hang on the sample


@dataclass(frozen=True)
class Measured:
    """A figure of a set of images: the shift at one cut or over several, in nats a channel, or another witness."""

    value: float
    left_out: np.ndarray  # (GROUPS,): the same with each group of images left out


def relative_shift(shifts: Sequence[Measured | None], unit: float | None) -> Measured | None:
    """The shift in the middle of the network as a multiple of ``unit``, in nats; None where either is not known."""
    measured = over_middle(shifts)
    return Measured(measured.value / unit, measured.left_out / unit) if measured and unit else None


def unit_of(cuts: Sequence[Cut], statistics: Mapping[str, torch.Tensor] | None) -> float | None:
    """How far the source images shrunk to source.SMALLEST pixels lie from themselves in the middle of the network.

    In nats; None without a statistics file that has them at that size.
    """
    found = over_middle([shift_of_source(cut, statistics) for cut in cuts]) if statistics else None
    return found.value if found else None


def shift_of_source(cut: Cut, statistics: Mapping[str, torch.Tensor]) -> Measured | None:
    """The shift at ``cut`` of the source images at source.SMALLEST pixels from the same images as they are."""
    keys = [source.name_of(cut.name, part, level) for level in (source.SMALLEST, None) for part in ("mean", "std")]
    if not all(key in statistics for key in keys):
        return None
    mean, std, source_mean, source_std = (statistics[key].double().numpy() for key in keys)
    value = between_gaussians(mean, np.square(std), source_mean, source_std)
    return Measured(value, np.full(GROUPS, value))


def over_middle(shifts: Sequence[Measured | None]) -> Measured | None:
    """The geometric mean of the shifts in the middle third of the cuts that have one; None where none has."""
    known = [shift for shift in shifts if shift]
    if not known:
        return None
    values = np.array([[shift.value, *shift.left_out] for shift in middle(known)])
    value, *left_out = np.exp(np.log(np.maximum(values, LEAST)).mean(0))
    return Measured(float(value), np.array(left_out))


def middle(items: Sequence[T]) -> Sequence[T]:
    """The middle third of them, or a little more."""
    third = len(items) // 3
    return items[third : len(items) - third]


def over_groups(values: np.ndarray, statistic: Callable[[np.ndarray], Any]) -> Measured:
    """A statistic of the images' ``values`` (images,), and with each group of them left out."""
    groups = group_of(len(values))
    kept = [values[groups != group] for group in range(GROUPS)]
    return Measured(float(statistic(values)), np.array([statistic(part if len(part) else values) for part in kept]))


def group_of(images: int) -> np.ndarray:
    """A group 0..GROUPS-1 for each image, in turn, so that every class is spread over them."""
    return np.arange(images) % GROUPS


def shift_at(
    features: Features, cut: Cut, rows: np.ndarray, statistics: Mapping[str, torch.Tensor] | None, level: int | None
) -> Measured | None:
    """The shift of the images ``rows`` at ``cut`` from the source images at ``level``.

    None where nothing is known of the source there.
    """
    if statistics and source.name_of(cut.name, "mean") in statistics:
        place, known = cut, [statistics[source.name_of(cut.name, part, level)] for part in ("mean", "std")]
    elif norm := features.norms.get(cut.name):
        place, known = norm.place, [norm.mean, norm.std]
    else:
        return None
    mean, std = (value.double().numpy() for value in known)
    sums, squares, counts = group_sums(features, place, rows)
    whole = divergence(sums.sum(0), squares.sum(0), counts.sum(), mean, std)
    left = [
        divergence(sums.sum(0) - sums[g], squares.sum(0) - squares[g], counts.sum() - counts[g], mean, std)
        if counts.sum() > counts[g]
        else whole
        for g in range(GROUPS)
    ]
    return Measured(whole, np.array(left))


def short_side(features: Features, rows: np.ndarray) -> int:
    """The median short side of the images ``rows``, in pixels."""
    return int(np.median([min(features.looks[row].width, features.looks[row].height) for row in rows]))


def group_sums(features: Features, place: Cut, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By group of images: sums of the channels' means and mean squares, (GROUPS, channels), and counts (GROUPS,)."""
    membership = np.eye(GROUPS)[group_of(len(rows))].T
    means = features.pooled([place], rows).astype(np.float64)
    squares = np.square(features.spread(place, rows).astype(np.float64))
    return membership @ means, membership @ squares, membership.sum(1)


def divergence(
    sums: np.ndarray, squares: np.ndarray, count: float, source_mean: np.ndarray, source_std: np.ndarray
) -> float:
    """Mean over channels of the divergence of the Gaussian with these sums over ``count`` images from the source's."""
    mean, square = sums / count, squares / count
    return between_gaussians(mean, np.maximum(square - np.square(mean), 0), source_mean, source_std)


def between_gaussians(mean: np.ndarray, variance: np.ndarray, source_mean: np.ndarray, source_std: np.ndarray) -> float:
    """Mean over channels of the Kullback-Leibler divergence of Gaussians from the source's; all (channels,)."""
    floor = SMALLEST_VARIANCE * float(np.square(source_std).mean())
    here, there = variance + floor, np.square(source_std) + floor
    kl = 0.5 * (np.log(there / here) + (here + np.square(mean - source_mean)) / there - 1)
    return float(kl.mean())


def moments_at(features: Features, cut: Cut, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of each channel over images and space: two (channels,) float64."""
    sums, squares, counts = group_sums(features, cut, rows)
    mean, square = sums.sum(0) / counts.sum(), squares.sum(0) / counts.sum()
    return mean, np.sqrt(np.maximum(square - np.square(mean), 0))
