"""Copies of test images among those that train or choose: candidates by their features, judged by small pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice

import numpy as np
from PIL import Image

from regraft.data.content import Content
from regraft.data.decoding import Undecodable, decode_for
from regraft.data.images import KEPT, Fault
from regraft.data.prefetch import map_ahead
from regraft.data.rendering import PLAIN, Rendering
from regraft.data.split import Split
from regraft.features.alignment import SIDE, Alignment, Outline, align
from regraft.features.features import Features
from regraft.features.neighbours import nearest_of
from regraft.network.cuts import Cut

SAME_PICTURE, SAME_SCENE = "near-duplicate", "same scene"  # kinds of fault
FAR, FAR_HALFWAY = 0.65, 0.5  # cosine distances (of unrelated images: 1) from which two images are not compared
ALIKE = 0.77  # correlation of two pictures' structure from which they are copies (docs/decisions/018-copies.md)
ALIKE_IF_SMALL = 0.65  # the same where images are no larger than the pictures: resizing and JPEG cost more then
BEYOND = 6.0  # and standard deviations over pairs of one class, which are very like each other in some sets
MOST_ALIKE = 0.95  # correlation that is enough in any set
PAIRS = 64  # pairs of one class that say what is usual
ROUND, FRUITFUL = 1_000, 0.01  # test images judged at a time, the nearest first, as long as such a share are copies
ENOUGH = 80  # pixels a side that a JPEG is decoded to at least
REMEMBERED = 100  # pictures, of up to 700 KB


@dataclass(frozen=True)
class NearDuplicate:
    """A test image (its row) that shows the same as one of those that train or choose, or a part of it."""

    row: int
    other: int
    distance: float  # cosine distance of standardised features; 0: the same
    kind: str = SAME_PICTURE  # or SAME_SCENE: each shows something that the other does not


def find_near_duplicates(features: Features, split: Split, workers: int = 0) -> tuple[NearDuplicate, ...]:
    """For each test image the one among the others that it shows the same picture or scene as, if there is one.

    Candidates are the nearest in standardised features, of the last cut and of one halfway. How near decides nothing,
    since that hangs on the network and on how much is copied; small grey pictures of the two must agree.
    """
    others = np.concatenate([split.train, split.val]).astype(np.int64)
    if not len(others) or not len(split.test):
        return ()
    different = others[np.sort(features.pixels.take(others).first_rows()[0])]
    same = features.pixels.take(different).rows_of(features.pixels.take(split.test))
    pairs = zip(split.test[same >= 0].tolist(), different[same[same >= 0]].tolist(), strict=True)
    duplicates = [NearDuplicate(row, other, 0.0) for row, other in pairs]
    rows = split.test[same < 0]
    if not len(rows):
        return tuple(duplicates)
    pictures = Pictures(features.files.contents, features.images.rendering)
    least = ALIKE if features.short_side(others) > SIDE else ALIKE_IF_SMALL
    needed = correlation_needed(pictures, features.labels, others, least)

    def judged(candidates: Sequence[NearDuplicate]) -> NearDuplicate | None:
        return best_of(candidates, pictures, needed)

    nearest_first = candidates_of(features, rows, np.sort(different))
    while part := list(islice(nearest_first, ROUND)):
        copies = [copy for _, copy in map_ahead(judged, part, workers) if copy]
        duplicates += copies
        if len(copies) < FRUITFUL * len(part):
            break
    return tuple(duplicates)


def find_contradictions(
    features: Features, split: Split, doubted: np.ndarray, workers: int = 0
) -> tuple[NearDuplicate, ...]:
    """Pairs of images that show the same and have different labels, copies of one file first.

    The others are found where one of the pair is a test image, or its label is among the ``doubted`` (rows): a probe
    that knows the one image doubts the label of the other.
    """
    labels, rows = features.labels, np.arange(len(features.pixels))
    first, which = features.pixels.first_rows()
    others = first[which]
    pairs = [NearDuplicate(row, int(others[row]), 0.0) for row in np.flatnonzero(labels != labels[others]).tolist()]
    none = np.array([], np.int64)
    apart = Split(np.setdiff1d(rows, doubted), none, np.sort(doubted), "test", none, none)
    known = {frozenset((pair.row, pair.other)) for pair in pairs}
    for pair in (*find_near_duplicates(features, split, workers), *find_near_duplicates(features, apart, workers)):
        key = frozenset((pair.row, pair.other))
        if labels[pair.row] != labels[pair.other] and key not in known:
            known.add(key)
            pairs.append(pair)
    return tuple(pairs)


def candidates_of(features: Features, rows: np.ndarray, others: np.ndarray) -> Iterator[list[NearDuplicate]]:
    """For each of ``rows`` those of ``others`` that it may be a copy of, the rows with the nearest neighbour first.

    The last cut knows mirrored and re-encoded copies best, the one halfway crops and frames.
    """
    cuts = (features.cuts[-1], FAR), (halfway(features.network_cuts), FAR_HALFWAY)
    found = [nearest_of(features, cut, rows, others) for cut, _ in cuts]
    nearest, distances = (np.stack([one[which] for one in found]) for which in (0, 1))
    near = distances < np.array([[far] for _, far in cuts])
    near[1] &= ~near[0] | (nearest[0] != nearest[1])
    least = np.where(near, distances, np.inf).min(axis=0)
    for place in np.argsort(least, kind="stable")[: np.isfinite(least).sum()].tolist():
        both = zip(near[:, place], nearest[:, place].tolist(), distances[:, place].tolist(), strict=True)
        yield [NearDuplicate(int(rows[place]), other, distance) for is_near, other, distance in both if is_near]


def halfway(cuts: Sequence[Cut]) -> Cut:
    """The cut in the middle of a network's."""
    return cuts[len(cuts) // 2]


def best_of(candidates: Sequence[NearDuplicate], pictures: "Pictures", needed: float) -> NearDuplicate | None:
    """The first candidate that is the same picture, else one of the same scene, else None."""
    scene = None
    for pair in candidates:
        alignment = pictures.align(pair.row, pair.other)
        if alignment and alignment.correlation >= needed:
            if alignment.within:
                return pair
            scene = scene or NearDuplicate(pair.row, pair.other, pair.distance, SAME_SCENE)
    return scene


def correlation_needed(pictures: "Pictures", labels: np.ndarray, rows: np.ndarray, least: float) -> float:
    """How well two pictures must agree to count as copies: from how pairs of one class do, most of which are none.

    Fisher's transform makes correlations normal; the spread is that of the lower half, where no copies are.
    """
    draw = np.random.default_rng(0)
    pairs = ((row, draw.choice(rows[labels[rows] == labels[row]])) for row in draw.choice(rows, PAIRS))
    aligned = [pictures.align(int(row), int(other)) for row, other in pairs if row != other]
    usual = np.arctanh([min(one.correlation, 0.999) for one in aligned if one])
    if not len(usual):
        return least
    low, middle = np.quantile(usual, [0.16, 0.5])
    return float(np.clip(np.tanh(middle + BEYOND * (middle - low)), least, MOST_ALIKE))


class Pictures:
    """Small grey pictures of the images, made when they are asked for."""

    def __init__(self, contents: Sequence[Content], rendering: Rendering = PLAIN) -> None:
        self.outline = lru_cache(REMEMBERED)(lambda row: outline_of(contents[row], rendering))

    def align(self, row: int, other: int) -> Alignment | None:
        """How the pictures of two images agree; None where one cannot be read any more."""
        one, two = self.outline(row), self.outline(other)
        return None if one is None or two is None else align(one, two)


def outline_of(content: Content, rendering: Rendering = PLAIN) -> Outline | None:
    """A small grey picture, whatever the image's shape; None where it cannot be read."""
    try:
        image = decode_for(content.read(), ENOUGH, None, rendering).image.convert("L")
    except Undecodable:
        return None
    return Outline(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR, reducing_gap=2.0)))


def near_duplicate_faults(features: Features, split: Split, duplicates: Sequence[NearDuplicate]) -> Iterator[Fault]:
    """The duplicates that are not the same pixels, which are listed anyway."""
    files, part = features.images.files, split.part_of()
    for duplicate in duplicates:
        if features.pixels[duplicate.row] != features.pixels[duplicate.other]:
            what = "the same picture as" if duplicate.kind == SAME_PICTURE else "overlaps with"
            reason = f"in {part[duplicate.row]}, {what} {files[duplicate.other].name} in {part[duplicate.other]}"
            yield Fault(
                files[duplicate.row].name, duplicate.kind, f"{reason} (distance {duplicate.distance:.2f})", KEPT
            )
