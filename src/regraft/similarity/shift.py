"""Shift: how far the activations of a set of images lie from the source's, without labels.

Each channel's values over images and space are taken as a Gaussian, and the Kullback-Leibler divergence of the
target's from the source's is averaged over the channels, in nats. The source's moments come from a statistics file,
of source images about as small as the target's.

How far is far differs from network to network. So the shift in the middle of the network is taken relative to that of
the source images themselves, shrunk until nothing can be told in them.
"""

from collections.abc import Sequence

import numpy as np

from regraft.features.features import Features
from regraft.network.cuts import Cut
from regraft.similarity.groups import GROUPS, Measured, group_of
from regraft.similarity.statistics import SMALLEST, Moments, Statistics

SMALLEST_VARIANCE = 1e-4  # of a channel, as a share of its cut's mean variance
LEAST = 1e-4  # nats: less counts as so much


def relative_shift(features: Features, rows: np.ndarray, statistics: Statistics, size: int) -> Measured | None:
    """The shift of the images ``rows`` in the middle of a network with inputs of ``size`` pixels, relative as above.

    None where the statistics lack what is needed.
    """
    level = statistics.level_for(features.short_side(rows), size)
    source = [statistics.moments(cut.name, level) for cut in features.cuts]
    known = [(cut, moments) for cut, moments in zip(features.cuts, source, strict=True) if moments]
    unit = shift_of_source([cut.name for cut, _ in known], statistics)
    if not known or unit is None:
        return None
    shift = over_middle([shift_at(features, cut, rows, moments) for cut, moments in known])
    return Measured(float(shift[0] / unit), shift[1:] / unit)


def shift_of_source(cuts: Sequence[str], statistics: Statistics) -> float | None:
    """The shift in the middle of the network, in nats, of the source images at SMALLEST pixels; None if not known."""
    pairs = [(statistics.moments(cut, SMALLEST), statistics.moments(cut)) for cut in cuts]
    shifts = [divergence(small.mean, np.square(small.std), usual) for small, usual in pairs if small and usual]
    return float(over_middle([np.array([shift]) for shift in shifts])[0]) if shifts else None


def over_middle(shifts: Sequence[np.ndarray]) -> np.ndarray:
    """The geometric mean of the shifts in the middle third of the cuts, or a little more."""
    third = len(shifts) // 3
    middle = shifts[third : len(shifts) - third]
    return np.asarray(np.exp(np.log(np.maximum(middle, LEAST)).mean(0)))


def shift_at(features: Features, cut: Cut, rows: np.ndarray, source: Moments) -> np.ndarray:
    """The shift of the images ``rows`` at ``cut``, in nats, then with each group left out: (1 + GROUPS,)."""
    sums, squares, counts = group_sums(features, cut, rows)
    totals = [(sums.sum(0), squares.sum(0), counts.sum())]
    for group in range(GROUPS):
        rest = counts.sum() - counts[group]
        left = (totals[0][0] - sums[group], totals[0][1] - squares[group], rest)
        totals.append(left if rest else totals[0])
    return np.array([shift_of_sums(*total, source) for total in totals])


def group_sums(features: Features, cut: Cut, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """By group of images: sums of the channels' means and mean squares, (GROUPS, channels), and counts (GROUPS,)."""
    membership = np.eye(GROUPS)[group_of(len(rows))].T
    means = features.pooled([cut], rows).astype(np.float64)
    squares = np.square(features.root_mean_squares(cut, rows).astype(np.float64))
    return membership @ means, membership @ squares, membership.sum(1)


def shift_of_sums(sums: np.ndarray, squares: np.ndarray, count: float, source: Moments) -> float:
    """The divergence of images with these sums over ``count`` of them."""
    mean = sums / count
    return divergence(mean, np.maximum(squares / count - np.square(mean), 0), source)


def divergence(mean: np.ndarray, variance: np.ndarray, source: Moments) -> float:
    """Mean over channels of the Kullback-Leibler divergence of Gaussians from the source's; both (channels,)."""
    floor = SMALLEST_VARIANCE * float(np.square(source.std).mean())
    here, there = variance + floor, np.square(source.std) + floor
    kl = 0.5 * (np.log(there / here) + (here + np.square(mean - source.mean)) / there - 1)
    return float(kl.mean())


def moments_at(features: Features, cut: Cut, rows: np.ndarray) -> Moments:
    """Of each channel over images and space."""
    sums, squares, counts = group_sums(features, cut, rows)
    mean = sums.sum(0) / counts.sum()
    return Moments(mean, np.sqrt(np.maximum(squares.sum(0) / counts.sum() - np.square(mean), 0)))
