"""Two small grey pictures laid over each other, shifted, resized and mirrored, until they agree best."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from PIL import Image

SIDE = 64  # pixels of a picture
REACH = 18  # pixels that one may lie beyond the other at each side
PADDED = 84  # pixels of which a shift by REACH does not come round again; a quick size to transform
FIRST, THEN = (1.0, 0.93, 0.86), (0.965, 0.895, 0.825, 0.79)  # sizes of one on the other, which it may be a part of
HOPELESS = 0.45  # correlation under which the other sizes are not tried
FINE, COARSE = 0.75, 3.0  # pixels: what is finer is noise of JPEG, what is coarser is light and layout
FAINT = 2.0  # grey levels of local contrast under which structure counts less
NOISE = 0.1  # of structure, where there is none
PARTLY = 0.25  # power of the overlapping share, with which a partial agreement counts less


@dataclass(frozen=True)
class Alignment:
    """How two pictures agree where they lie over each other best."""

    correlation: float  # of their structure where they overlap, a little less where they overlap in part; at most 1
    within: bool  # whether one lies within the other


@dataclass(frozen=True)
class Shifts:
    """The shifts of a smaller picture on one of SIDE pixels, and which pixels of both then overlap."""

    by: np.ndarray  # (shifts,) pixels
    on: np.ndarray  # (shifts, SIDE) 1 where a pixel of the larger one is covered
    of: np.ndarray  # (shifts, side) 1 where one of the smaller one covers it
    share: np.ndarray  # (shifts, shifts) of the smaller one's pixels


class Outline:
    """What a picture shows but for light and contrast, made ready to be laid on others and others on it."""

    def __init__(self, picture: np.ndarray) -> None:
        """``picture``: (SIDE, SIDE) uint8."""
        self.picture = picture
        self.structure = structure_of(picture)
        self.spectrum = np.fft.rfft2(self.structure, (PADDED, PADDED))
        self.parts: dict[float, tuple[np.ndarray, np.ndarray]] = {}
        self.under: dict[float, np.ndarray] = {}

    def part(self, size: float) -> tuple[np.ndarray, np.ndarray]:
        """At a smaller size, as it is and mirrored: the spectra, and the strength of what overlaps at each shift."""
        if size not in self.parts:
            side = side_of(size)
            image = Image.fromarray(self.picture).resize((side, side), Image.Resampling.BICUBIC)
            structure = self.structure if side == SIDE else structure_of(np.asarray(image))
            both = np.stack([structure, structure[:, ::-1]])
            covering = shifts_of(side).of
            spectra = np.conj(np.fft.rfft2(both, (PADDED, PADDED)))
            self.parts[size] = spectra, covering @ both**2 @ covering.T
        return self.parts[size]

    def covered(self, size: float) -> np.ndarray:
        """The strength of what a smaller one overlaps at each shift."""
        if size not in self.under:
            covers = shifts_of(side_of(size)).on
            self.under[size] = covers @ self.structure**2 @ covers.T
        return self.under[size]


def align(one: Outline, other: Outline) -> Alignment:
    """The best of all sizes, shifts and mirrorings."""
    best = align_at(FIRST, one, other)
    return max(best, align_at(THEN, one, other), key=strength) if best.correlation > HOPELESS else best


def strength(alignment: Alignment) -> float:
    """What the better of two alignments has more of."""
    return alignment.correlation


def align_at(sizes: Sequence[float], one: Outline, other: Outline) -> Alignment:
    """The best with either of the two shrunk to one of ``sizes``."""
    both = [(on, part, size) for on, part in ((one, other), (other, one)) for size in sizes]
    return max((slide(*pair) for pair in both if pair[2] < 1 or pair[0] is one), key=strength)


def slide(on: Outline, part: Outline, size: float) -> Alignment:
    """The best of all shifts of ``part``, shrunk to ``size``, as it is and mirrored."""
    shifts = shifts_of(side_of(size))
    spectra, theirs = part.part(size)
    places = shifts.by % PADDED
    cross = np.fft.irfft2(on.spectrum * spectra, (PADDED, PADDED))[:, places[:, None], places]
    noise, mine = NOISE**2 * side_of(size) ** 2 * shifts.share, on.covered(size)
    correlation = cross / np.sqrt((mine + noise) * (theirs + noise)) * shifts.share**PARTLY
    _, *place = np.unravel_index(correlation.argmax(), correlation.shape)
    slack = int(size < 1)  # a part's size is found to a pixel or two
    within = all(-slack <= shifts.by[at] <= SIDE - side_of(size) + slack for at in place)
    return Alignment(float(correlation.max()), within)


def side_of(size: float) -> int:
    """Pixels a side."""
    return round(size * SIDE)


@lru_cache
def shifts_of(side: int) -> Shifts:
    """The shifts of a picture of ``side`` pixels a side."""
    by = np.arange(-REACH, SIDE - side + REACH + 1)
    at = np.arange(SIDE) - by[:, None]  # the smaller one's pixel at each of the larger one's
    back = np.arange(side) + by[:, None]
    on, of = (at >= 0) & (at < side), (back >= 0) & (back < SIDE)
    covered = on.sum(axis=1) / side
    return Shifts(by, on.astype(np.float32), of.astype(np.float32), np.outer(covered, covered).astype(np.float32))


def structure_of(picture: np.ndarray) -> np.ndarray:
    """A band of a picture's frequencies, divided by its local strength: (side, side) float32."""
    levels = picture.astype(np.float32)
    fine, coarse = blur_of(len(levels), FINE), blur_of(len(levels), COARSE)
    band = fine @ levels @ fine.T - coarse @ levels @ coarse.T
    return np.asarray(band / (np.sqrt(coarse @ band**2 @ coarse.T) + FAINT))


@lru_cache
def blur_of(side: int, width: float) -> np.ndarray:
    """A Gaussian blur along one side, as a matrix: (side, side)."""
    apart = np.subtract.outer(np.arange(side), np.arange(side)) / width
    weights = np.exp(-(apart**2) / 2)
    return np.asarray(weights / weights.sum(axis=1, keepdims=True), dtype=np.float32)
