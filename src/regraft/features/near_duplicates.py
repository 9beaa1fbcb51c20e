"""Copies of test images among those that train or choose: candidates by their features, judged by small pictures."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

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
    first = {features.pixels[row]: int(row) for row in reversed(others)}
    identical = {int(row): first[features.pixels[row]] for row in split.test if features.pixels[row] in first}
    duplicates = [NearDuplicate(row, other, 0.0) for row, other in identical.items()]
    rows = np.array([row for row in split.test if int(row) not in identical], np.int64)
    if not len(rows):
        return tuple(duplicates)
    pictures = Pictures([file.content for file in features.files], features.images.rendering)
    least = ALIKE if features.short_side(others) > SIDE else ALIKE_IF_SMALL
    needed = correlation_needed(pictures, features.labels, others, least)

    def judged(candidates: Sequence[NearDuplicate]) -> NearDuplicate | None:
        return best_of(candidates, pictures, needed)

    nearest_first = candidates_of(features, rows, np.sort(list(first.values())))
    for start in range(0, len(nearest_first), ROUND):
        part = nearest_first[start : start + ROUND]
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
    first: dict[str, int] = {}
    same = [(int(row), first.setdefault(features.pixels[row], int(row))) for row in rows]
    pairs = [NearDuplicate(row, other, 0.0) for row, other in same if labels[row] != labels[other]]
    none = np.array([], np.int64)
    apart = Split(np.setdiff1d(rows, doubted), none, np.sort(doubted), "test", none, none)
    known = {frozenset((pair.row, pair.other)) for pair in pairs}
    for pair in (*find_near_duplicates(features, split, workers), *find_near_duplicates(features, apart, workers)):
        key = frozenset((pair.row, pair.other))
        if labels[pair.row] != labels[pair.other] and key not in known:
            known.add(key)
            pairs.append(pair)
    return tuple(pairs)


def candidates_of(features: Features, rows: np.ndarray, others: np.ndarray) -> list[list[NearDuplicate]]:
    """For each of ``rows`` those of ``others`` that it may be a copy of, the rows with the nearest neighbour first.

    The last cut knows mirrored and re-encoded copies best, the one halfway crops and frames.
    """
    candidates: dict[int, list[NearDuplicate]] = {int(row): [] for row in rows}
    for cut, far in ((features.cuts[-1], FAR), (halfway(features.network_cuts), FAR_HALFWAY)):
        nearest, distances = nearest_of(features, cut, rows, others)
        for row, other, distance in zip(rows.tolist(), nearest.tolist(), distances.tolist(), strict=True):
            if distance < far and all(pair.other != other for pair in candidates[row]):
                candidates[row].append(NearDuplicate(row, other, distance))
    return sorted(filter(None, candidates.values()), key=lambda pairs: min(pair.distance for pair in pairs))


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
