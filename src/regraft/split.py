"""Who trains, who chooses, who is the test.

What a choice is made on is never what is reported: given train, validation and test, choose on
validation and report test; given train and one other part, choose by cross-validation inside train and
report the other; given neither, a stratified fifth is set aside as test first.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regraft.errors import DataError
from regraft.images import ImageSet

TEST_SHARE = 0.2
FOLDS = 5


@dataclass(frozen=True)
class Split:
    """Row numbers of the images in each part, and the folds inside train."""

    train: np.ndarray  # rows that train
    val: np.ndarray  # rows that choose; empty: choose by cross-validation over ``folds``
    test: np.ndarray  # rows that are reported
    reported: str  # what metrics.split says of ``test``: "test" or "val"
    folds: np.ndarray  # per row of ``train``, its fold 0..FOLDS-1

    def part_of(self) -> dict[int, str]:
        """Row -> train, val or test."""
        named = {int(row): "train" for row in self.train} | {int(row): "val" for row in self.val}
        return named | {int(row): self.reported for row in self.test}


def split_images(images: ImageSet, pixels: Sequence[str], seed: int) -> Split:
    """Split by folders where they say so, else by class and the pixels' hashes.

    Images with identical pixels stay together, and who is test depends on the pixels and ``seed`` alone:
    neither names, nor order, nor the backbone matter. Raises DataError where nothing is left to train on.
    """
    labels = np.array([file.label for file in images.files])
    given = np.array([file.split or "" for file in images.files])
    ranks = ranks_within_class(labels, pixels, seed)
    if images.splits and "train" not in images.splits:
        raise DataError(f"{images.root} has {' and '.join(images.splits)} folders but no train folder; add one")
    parts = {name: np.flatnonzero(given == name) for name in ("train", "val", "test")}
    none = np.array([], dtype=np.int64)
    if len(parts["val"]) and len(parts["test"]):
        train, val, test, reported = parts["train"], parts["val"], parts["test"], "test"
    elif len(parts["val"]) or len(parts["test"]):
        reported = "val" if len(parts["val"]) else "test"
        train, val, test = parts["train"], none, parts[reported]
    else:
        held_out = ranks.rank < np.round(TEST_SHARE * ranks.size)
        train, val, test, reported = np.flatnonzero(~held_out), none, np.flatnonzero(held_out), "test"
    if not len(test):
        raise DataError(f"{len(labels)} images are too few to set a test part aside; bring three or more of each class")
    return Split(train, val, test, reported, folds_of(labels[train], [pixels[int(row)] for row in train], seed))


@dataclass(frozen=True)
class Ranks:
    """Per image: its place among its class's different images in an order drawn by seed, and how many there are."""

    rank: np.ndarray
    size: np.ndarray
    label: np.ndarray  # of the first copy


def ranks_within_class(labels: np.ndarray, pixels: Sequence[str], seed: int) -> Ranks:
    """Order each class's different images by a seeded hash of their pixels; copies share their first one's place."""
    first_label: dict[str, int] = {}
    for label, pixel in zip(labels, pixels, strict=True):
        first_label.setdefault(pixel, int(label))
    by_class: dict[int, list[str]] = {}
    for pixel, label in first_label.items():
        by_class.setdefault(label, []).append(pixel)
    place: dict[str, int] = {}
    for members in by_class.values():
        members.sort(key=lambda pixel: hashlib.blake2b(f"{seed}/{pixel}".encode(), digest_size=8).digest())
        place |= {pixel: rank for rank, pixel in enumerate(members)}
    rank = np.array([place[pixel] for pixel in pixels], dtype=np.int64)
    size = np.array([len(by_class[first_label[pixel]]) for pixel in pixels], dtype=np.int64)
    return Ranks(rank, size, np.array([first_label[pixel] for pixel in pixels], dtype=np.int64))


def folds_of(labels: np.ndarray, pixels: Sequence[str], seed: int, folds: int = FOLDS) -> np.ndarray:
    """A fold for each image: stratified, copies together, classes smaller than the folds spread as far as they go."""
    ranks = ranks_within_class(labels, pixels, seed + 1)
    return np.asarray((ranks.rank + ranks.label) % folds)
