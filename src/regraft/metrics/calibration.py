"""Whether the likeliest class is right as often as its probability says."""

from dataclasses import dataclass

import numpy as np

BINS, AN_BIN = 15, 20  # bins at most, and images that each has at least
DRAWS, NUMBERS, AT_ONCE = 1_000, 100_000_000, 1_000_000  # sets of labels, random numbers in all, and in memory
FEWEST_DRAWS = 200  # where images are many


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


def calibration_error(
    confidence: np.ndarray, right: np.ndarray, group_of: np.ndarray | None, seed: int
) -> CalibrationError | None:
    """Of the likeliest class's probability and whether it is right, both (images,); None for a single image.

    Pairs of two images of one bin, and of different groups, estimate each bin's squared error without bias, where the
    square of the mean counts chance as error (Kumar et al., 2019; Ferro and Fricker, 2012). Labels drawn from the
    probabilities themselves say what a calibrated model would show.
    """
    if len(confidence) < 2:  # noqa: PLR2004
        return None
    order = np.argsort(confidence, kind="stable")
    confidence, right = confidence[order].astype(np.float64), right[order]
    starts = bin_starts(confidence)
    squared = squared_error(right - confidence, starts, None if group_of is None else group_of[order])
    squares, accuracies = simulated(confidence, starts, seed)
    errors = np.sqrt(np.maximum(squares, 0))
    counts = np.diff([*starts, len(confidence)])
    columns = (
        counts,
        np.add.reduceat(confidence, starts) / counts,
        np.add.reduceat(right, starts, dtype=float) / counts,
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
        overconfidence=float(confidence.mean() - right.mean()),
        bins=tuple(bins),
    )


def bin_starts(confidence: np.ndarray) -> np.ndarray:
    """Where each bin begins in probabilities (images,) that ascend; equal ones share a bin."""
    images = len(confidence)
    wanted = max(1, min(BINS, images // AN_BIN))
    edges = confidence[[place * images // wanted for place in range(wanted)]]
    return np.unique(np.searchsorted(confidence, edges, side="left"))


def squared_error(differences: np.ndarray, starts: np.ndarray, group_of: np.ndarray | None = None) -> float:
    """The mean over images of their bin's squared error, from ``differences`` (images,) in the order of the bins.

    A bin whose images are all of one group says nothing.
    """
    counts = np.diff([*starts, len(differences)])
    sums = np.add.reduceat(differences, starts)
    if group_of is None:
        own, pairs = np.add.reduceat(np.square(differences), starts), counts * (counts - 1)
    else:
        bins = np.repeat(np.arange(len(starts)), counts)
        cells, cell_of = np.unique(np.stack([bins, group_of]), axis=1, return_inverse=True)
        in_cell, sum_of_cell = np.bincount(cell_of), np.bincount(cell_of, differences)
        own = np.bincount(cells[0], np.square(sum_of_cell))
        pairs = np.square(counts) - np.bincount(cells[0], np.square(in_cell)).astype(int)
    errors = np.divide(np.square(sums) - own, pairs, out=np.zeros(len(starts)), where=pairs > 0)
    there = counts * (pairs > 0)
    return float(errors @ there / max(1, there.sum()))


def simulated(confidence: np.ndarray, starts: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Squared error (draws,) and accuracy of each bin (draws, bins), where the labels follow the probabilities."""
    draw, images = np.random.default_rng(seed), len(confidence)
    draws = int(np.clip(NUMBERS // images, FEWEST_DRAWS, DRAWS))
    counts = np.diff([*starts, images])
    below = confidence.astype(np.float32)
    expected = np.add.reduceat(confidence, starts)
    squares_if_wrong = np.add.reduceat(np.square(confidence), starts)
    squares, accuracies = [], []
    for first in range(0, draws, step := max(1, AT_ONCE // images)):
        right = draw.random((min(step, draws - first), images), dtype=np.float32) < below
        hits = np.add.reduceat(right, starts, axis=1, dtype=np.float64)
        # (1 - p)² where right, p² where wrong
        own = squares_if_wrong + np.add.reduceat(right * (1 - 2 * below), starts, axis=1, dtype=np.float64)
        pairs = np.maximum(counts * (counts - 1), 1)
        errors = np.where(counts > 1, (np.square(hits - expected) - own) / pairs, 0)
        there = counts * (counts > 1)
        squares.append(errors @ there / max(1, there.sum()))
        accuracies.append(hits / counts)
    return np.concatenate(squares), np.concatenate(accuracies)
