"""Whether the likeliest class is right as often as its probability says."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

BINS, AN_BIN = 15, 20  # bins at most, and images, or groups of images, for each
DRAWS, NUMBERS, AT_ONCE = 1_000, 100_000_000, 1_000_000  # sets of labels, random numbers in all, and in memory
FEWEST_DRAWS = 200  # where images are many
MOST_BY_CHANCE = 0.2  # that a calibrated model may show, for the images to say anything


@dataclass(frozen=True)
class Bin:
    """Images whose likeliest class has about the same probability."""

    images: int
    confidence: float  # mean probability of the likeliest class
    accuracy: float
    calibrated: tuple[float, float]  # accuracy that a calibrated model would show here in 95 of 100 sets


@dataclass(frozen=True)
class CalibrationError:
    """The root of the mean squared difference of probability and accuracy, over bins with as many images each."""

    error: float  # debiased; 0 where chance alone explains the differences
    calibrated_mean: float  # what a perfectly calibrated model shows on as many images: the mean
    calibrated_most: float  # and what it stays under in 95 of 100 sets
    overconfidence: float  # mean probability of the likeliest class less the accuracy
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class Layout:
    """Images ordered by bin, and in a bin by group; an image without a group is one of its own."""

    order: np.ndarray  # (images,)
    bins: np.ndarray  # where each bin starts in that order
    groups: np.ndarray  # and each group of each bin
    first: np.ndarray  # the first of these of each bin
    counts: np.ndarray  # (bins,) images
    pairs: np.ndarray  # (bins,) ordered pairs of images of different groups

    def squared_errors(self, differences: np.ndarray) -> np.ndarray:
        """The mean over images of their bin's squared error, without bias, of ``differences`` (..., images) in order.

        A bin whose images are all of one group says nothing.
        """
        each = differences
        if len(self.groups) < len(self.order):
            each = np.add.reduceat(differences, self.groups, axis=-1, dtype=np.float64)
        sums, squares = (np.add.reduceat(one, self.first, axis=-1, dtype=np.float64) for one in (each, np.square(each)))
        products = np.square(sums) - squares
        telling = self.counts * (self.pairs > 0)
        return np.asarray(products / np.maximum(self.pairs, 1) @ telling / max(1, telling.sum()))


def calibration_error(
    confidence: np.ndarray, right: np.ndarray, group_of: np.ndarray | None, seed: int
) -> CalibrationError | None:
    """Of the likeliest class's probability and whether it is right, both (images,); None for a single image.

    Pairs of two images of one bin, and of different groups, estimate each bin's squared error without bias, where the
    square of the mean counts chance as error (Kumar et al., 2019; Ferro and Fricker, 2012). Labels drawn from the
    probabilities themselves, as alike in a group as the true ones, say what a calibrated model would show.
    """
    if len(confidence) < 2:  # noqa: PLR2004
        return None
    layout = layout_of(confidence, group_of)
    said, right = confidence[layout.order].astype(np.float64), right[layout.order]
    groups = None if group_of is None else np.unique(group_of[layout.order], return_inverse=True)[1]
    squared = float(layout.squared_errors(right - said))
    squares, accuracies = simulated(said, layout, groups, likeness(right - said, said, layout, groups), seed)
    errors = np.sqrt(np.maximum(squares, 0))
    columns = (
        layout.counts,
        np.add.reduceat(said, layout.bins) / layout.counts,
        np.add.reduceat(right, layout.bins, dtype=float) / layout.counts,
        np.percentile(accuracies, [2.5, 97.5], axis=0).T,
    )
    bins = (
        Bin(int(images), float(mean), float(share), (float(low), float(high)))
        for images, mean, share, (low, high) in zip(*columns, strict=True)
    )
    return CalibrationError(
        error=float(np.sqrt(max(squared, 0.0))),
        calibrated_mean=float(errors.mean()),
        calibrated_most=float(np.percentile(errors, 95)),
        overconfidence=float(said.mean() - right.mean()),
        bins=tuple(bins),
    )


def too_few_to_judge(figures: Mapping[str, Any]) -> bool:
    """Whether chance alone does so much on so few images that they cannot tell; ``figures``: as plain data."""
    return float(figures["calibrated_most"]) > MOST_BY_CHANCE


def layout_of(confidence: np.ndarray, group_of: np.ndarray | None = None) -> Layout:
    """The bins of probabilities (images,), with as many images each; ``group_of``: group ids (images,)."""
    images = len(confidence)
    ascending = np.argsort(confidence, kind="stable")
    units = images if group_of is None else len(np.unique(group_of))
    starts = bin_starts(confidence[ascending], units)
    counts = np.diff([*starts, images])
    bin_of = np.empty(images, dtype=int)
    bin_of[ascending] = np.repeat(np.arange(len(starts)), counts)
    ids = np.arange(images) if group_of is None else group_of
    order = np.lexsort((ids, bin_of))
    own, others = np.stack([bin_of, ids])[:, order], np.stack([bin_of, ids])[:, np.roll(order, 1)]
    groups = np.unique([0, *np.flatnonzero((own != others).any(axis=0))])
    first = np.searchsorted(own[0][groups], np.arange(len(starts)))
    pairs = np.square(counts) - np.add.reduceat(np.square(np.diff([*groups, images])), first)
    return Layout(order, starts, groups, first, counts, pairs)


def bin_starts(confidence: np.ndarray, units: int) -> np.ndarray:
    """Where each bin begins in probabilities (images,) that ascend; equal ones share a bin.

    ``units``: how many images, or groups of images, are independent.
    """
    images = len(confidence)
    wanted = max(1, min(BINS, units // AN_BIN))
    edges = confidence[[place * images // wanted for place in range(wanted)]]
    return np.unique(np.searchsorted(confidence, edges, side="left"))


def likeness(differences: np.ndarray, said: np.ndarray, layout: Layout, groups: np.ndarray | None) -> float:
    """How alike images of one group are: the correlation of what their bin's mean leaves of ``differences``, 0 to 1."""
    if groups is None:
        return 0.0
    means = np.add.reduceat(differences, layout.bins) / layout.counts
    left, usual = differences - np.repeat(means, layout.counts), np.sqrt(said * (1 - said).clip(0))
    together, most = (
        np.square(np.bincount(groups, values)).sum() - np.square(values).sum() for values in (left, usual)
    )
    return float(np.clip(together / most, 0, 1)) if most > 0 else 0.0


def simulated(
    said: np.ndarray, layout: Layout, groups: np.ndarray | None, alike: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Squared error (draws,) and accuracy of each bin (draws, bins), where labels follow the probabilities ``said``.

    ``alike``: correlation of images of one of ``groups``; such a share of their pairs is drawn by one number.
    """
    draw, images = np.random.default_rng(seed), len(said)
    draws = int(np.clip(NUMBERS // images, FEWEST_DRAWS, DRAWS))
    below, squares, accuracies = said.astype(np.float32), [], []
    for first in range(0, draws, step := max(1, AT_ONCE // images)):
        numbers = draw.random((min(step, draws - first), images), dtype=np.float32)
        if groups is not None and alike > 0:
            shared = draw.random((len(numbers), int(groups.max()) + 1), dtype=np.float32)[:, groups]
            numbers = np.where(draw.random(numbers.shape, dtype=np.float32) < np.sqrt(alike), shared, numbers)
        right = numbers < below
        squares.append(layout.squared_errors(right - below))
        accuracies.append(np.add.reduceat(right, layout.bins, axis=1, dtype=np.float64) / layout.counts)
    return np.concatenate(squares), np.concatenate(accuracies)
