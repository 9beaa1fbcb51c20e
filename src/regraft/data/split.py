"""Who trains, who chooses, who is the test.

What a choice is made on is never what is reported: given train, validation and test, choose on
validation and report test; given train and one other part, choose by cross-validation inside train and
report the other; given neither, a stratified fifth is set aside as test first.
"""

import hashlib
import warnings
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from regraft.data.correcting import as_it_was
from regraft.data.images import ImageSet
from regraft.data.texts import Coded, Hashes
from regraft.errors import DataError

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
    units: np.ndarray  # per row of ``train``, a number that copies and members of one group share

    def part_of(self) -> "PartOf":
        """Row -> train, val or test."""
        return PartOf((("train", self.train), ("val", self.val), (self.reported, self.test)))


class PartOf(Mapping[int, str]):
    """The name of each row's part."""

    def __init__(self, parts: Sequence[tuple[str, np.ndarray]]) -> None:
        self.names = tuple(name for name, _ in parts)
        self.places = np.full(1 + max((int(rows.max()) for _, rows in parts if len(rows)), default=-1), -1, np.int8)
        for place, (_, rows) in enumerate(parts):
            self.places[rows] = place

    def __getitem__(self, row: int) -> str:
        if not 0 <= row < len(self.places) or self.places[row] < 0:
            raise KeyError(row)
        return self.names[int(self.places[row])]

    def __iter__(self) -> Iterator[int]:
        return iter(np.flatnonzero(self.places >= 0).tolist())

    def __len__(self) -> int:
        return int((self.places >= 0).sum())


def split_images(images: ImageSet, pixels: Sequence[str], seed: int) -> Split:
    """Split by folders where they say so, else by class and the pixels' hashes.

    Images that show the same (identity.identity_of) stay together, and who is test depends on that and ``seed`` alone:
    neither names, nor order, nor the backbone matter. Where a person has corrected labels or left images out, the
    others' parts are those that they have without. Raises DataError where nothing is left to train on.
    """
    if images.corrected is None:
        return split_as_read(images, pixels, seed)
    return corrected_split(split_as_read(*as_it_was(images, pixels), seed), images)


def corrected_split(split: Split, images: ImageSet) -> Split:
    """The split of the images before they were corrected, of those that are left."""
    there = [rows < len(images.files) for rows in (split.train, split.val, split.test)]
    train, val, test = (rows[own] for rows, own in zip((split.train, split.val, split.test), there, strict=True))
    trained = set(images.labels[train].tolist())
    for label, name in enumerate(images.classes):
        if label not in trained:
            raise DataError(f"after the corrections no training image is of '{name}'; leave its other images out too")
    folds, units = split.folds[there[0]], split.units[there[0]]
    if not len(test) or len(np.unique(folds)) == 1:
        raise DataError("the corrections leave too few images to train and to test; leave fewer out")
    return replace(split, train=train, val=val, test=test, folds=folds, units=units)


def split_as_read(images: ImageSet, pixels: Sequence[str], seed: int) -> Split:
    """The split of images whose labels are as the data gives them."""
    labels = images.labels
    units = units_of(pixels, images.files.groups)
    if images.splits and "train" not in images.splits:
        raise DataError(f"{images.root} has {' and '.join(images.splits)} folders but no train folder; add one")
    parts = {name: images.files.splits.rows_of(name) for name in ("train", "val", "test")}
    none = np.array([], dtype=np.int64)
    if len(parts["val"]) and len(parts["test"]):
        train, val, test, reported = parts["train"], parts["val"], parts["test"], "test"
    elif len(parts["val"]) or len(parts["test"]):
        reported = "val" if len(parts["val"]) else "test"
        train, val, test = parts["train"], none, parts[reported]
    else:
        held_out = set_aside(labels, pixels, units, seed, images.classes)
        train, val, test, reported = np.flatnonzero(~held_out), none, np.flatnonzero(held_out), "test"
    if not len(test):
        distinct = len(Hashes.of(pixels).first_rows()[0])
        if distinct == 1 and len(labels) > 1:
            raise DataError(f"all {len(labels)} images show the same, so none can be tested on; bring others")
        what = f"{distinct} different images" if distinct < len(labels) else f"{distinct} images"
        copies = f" (the other {len(labels) - distinct} are copies)" if distinct < len(labels) else ""
        raise DataError(f"{what}{copies} are too few to set a test part aside; bring three or more of each class")
    train, val, test = (in_order(rows, pixels, labels) for rows in (train, val, test))
    return split_of(train, val, test, reported, labels, pixels, units, seed)


def split_of(
    train: np.ndarray,
    val: np.ndarray,
    test: np.ndarray,
    reported: str,
    labels: np.ndarray,
    pixels: Sequence[str],
    units: np.ndarray | None,
    seed: int,
) -> Split:
    """The parts with the folds inside train; DataError where there is nothing to learn."""
    grouped = None if units is None else units[train]
    shown = Hashes.of(pixels).take(train)
    folds = folds_of(labels[train], shown, seed, grouped)
    if len(np.unique(folds)) == 1:
        raise DataError(f"all {len(train)} training images show the same, so nothing can be learned; bring others")
    return Split(train, val, test, reported, folds, numbered_hashes(shown) if grouped is None else grouped)


def smaller(split: Split, labels: np.ndarray, pixels: Sequence[str], images: int, seed: int) -> Split:
    """The same test images, and ``images`` to train on, every class in proportion; ``labels``: of all images.

    A smaller one is part of a larger one. A validation part shrinks as the training part does.
    """
    share = images / len(split.train)
    train = first_share(split.train, share, labels, pixels, seed)
    kept = np.isin(split.train, train)
    val = first_share(split.val, share, labels, pixels, seed)
    return replace(split, train=split.train[kept], val=val, folds=split.folds[kept], units=split.units[kept])


def first_share(rows: np.ndarray, share: float, labels: np.ndarray, pixels: Sequence[str], seed: int) -> np.ndarray:
    """That share of ``rows``, the first of each class in an order drawn by ``seed``, and one of each at least."""
    ranks = ranks_within_class(labels[rows], Hashes.of(pixels).take(rows), seed)
    return np.asarray(rows[(ranks.rank + 0.5 < share * ranks.size) | (ranks.rank == 0)])


def keep_all(images: ImageSet, pixels: Sequence[str], seed: int) -> Split:
    """Every image trains, whatever its part; choices are made by cross-validation, and nothing is reported."""
    none = np.array([], dtype=np.int64)
    train = in_order(np.arange(len(images.files)), pixels, images.labels)
    units = units_of(pixels, images.files.groups)
    return split_of(train, none, none, "none", images.labels, pixels, units, seed)


def in_order(rows: np.ndarray, pixels: Sequence[str], labels: np.ndarray) -> np.ndarray:
    """Rows by what the images show, so that nothing depends on the order or the names they came with."""
    return np.asarray(rows[np.lexsort([labels[rows], Hashes.of(pixels).take(rows).letters])], dtype=np.int64)


def units_of(pixels: Sequence[str], groups: Coded[str | None]) -> np.ndarray | None:
    """A number for each image, the same for all that must stay together: one group, the same pixels, and so on.

    None where there is no group.
    """
    if not any(groups.present()):
        return None
    from networkx.utils import UnionFind

    sets = UnionFind()
    for pixel, group in zip(pixels, groups, strict=True):
        if group:
            sets.union(("pixels", pixel), ("group", group))
    return numbered([sets[("pixels", pixel)] for pixel in pixels])


def numbered(names: Sequence[Hashable]) -> np.ndarray:
    """A number for each of the names, the same for the same name."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.int64)


def numbered_hashes(hashes: Hashes) -> np.ndarray:
    """The same for hashes."""
    first, which = hashes.first_rows()
    return np.asarray(np.argsort(np.argsort(first))[which])


def set_aside(
    labels: np.ndarray, pixels: Sequence[str], units: np.ndarray | None, seed: int, classes: Sequence[str]
) -> np.ndarray:
    """Which images (bool) are test: a stratified fifth, one of each class that has two, units whole."""
    if units is None:
        ranks = ranks_within_class(labels, pixels, seed)
        wanted = np.maximum(np.round(TEST_SHARE * ranks.size), ranks.size > 1)
        return np.asarray(ranks.rank < wanted)
    if len(np.unique(units)) == 1:
        raise DataError("all images are in one group, so none can be set aside as test; give another --group-by")
    held_out = folds_of(labels, pixels, seed - 1, units) == 0
    for label in np.unique(labels):
        if held_out[labels == label].all():
            raise DataError(
                f"all images of '{classes[label]}' are in one group, or in groups that hang together; a test part needs"
                " two groups of each class or more: give another --group-by, or your own splits"
            )
    return np.asarray(held_out)


@dataclass(frozen=True)
class Ranks:
    """Per image: its place among its class's different images in an order drawn by seed, and how many there are."""

    rank: np.ndarray
    size: np.ndarray
    label: np.ndarray  # of the first copy


def ranks_within_class(labels: np.ndarray, pixels: Sequence[str], seed: int) -> Ranks:
    """Order each class's different images by a seeded hash of their pixels; copies share their first one's place."""
    hashes = Hashes.of(pixels)
    first, which = hashes.first_rows()
    own = np.asarray(labels, np.int64)[first]
    drawn = b"".join(
        hashlib.blake2b(f"{seed}/{pixel}".encode(), digest_size=8).digest() for pixel in hashes.take(first)
    )
    order = np.lexsort([first, np.frombuffer(drawn, ">u8"), own])
    sizes = np.bincount(own)
    place = np.empty(len(first), np.int64)
    place[order] = np.arange(len(first)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return Ranks(place[which], sizes[own][which], own[which])


def folds_of(
    labels: np.ndarray, pixels: Sequence[str], seed: int, units: np.ndarray | None = None, folds: int = FOLDS
) -> np.ndarray:
    """A fold for each image: stratified, copies (and ``units``, where given) together.

    Classes smaller than the folds are spread as far as they go. A single unit is parted, since it cannot be kept.
    """
    most = folds if units is None else min(folds, len(np.unique(units)), int(np.bincount(labels).max()))
    if units is None or most == 1:
        ranks = ranks_within_class(labels, pixels, seed + 1)
        return np.asarray((ranks.rank + ranks.label) % folds)
    from sklearn.model_selection import StratifiedGroupKFold

    order = in_order(np.arange(len(labels)), pixels, labels)
    made = StratifiedGroupKFold(most, shuffle=True, random_state=seed + 1)
    fold_of = np.zeros(len(labels), dtype=np.int64)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of classes with fewer images than folds
        for fold, (_, judged) in enumerate(made.split(order, labels[order], units[order])):
            fold_of[order[judged]] = fold
    return fold_of


def subsample(labels: np.ndarray, most: int) -> np.ndarray:
    """Positions of at most ``most`` images, every class in proportion, spread evenly over the order given."""
    if len(labels) <= most:
        return np.arange(len(labels))
    by_class = np.argsort(labels, kind="stable")
    return np.sort(by_class[np.linspace(0, len(labels) - 1, most).round().astype(int)])
