"""Near-copies of test images among those that train or choose, found by their features and checked by their pixels."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from regraft.data.content import Content
from regraft.data.decoding import Undecodable, decode_for
from regraft.data.images import KEPT, Fault
from regraft.data.rendering import PLAIN, Rendering
from regraft.data.split import Split
from regraft.features.axes import axes_of
from regraft.features.features import Features
from regraft.features.scale import Scale, scale_of
from regraft.network.cuts import Cut

NEAR = 0.25  # cosine distance of standardised features under which two images may be copies
OF_USUAL = 0.25  # and under so much of the distance to the nearest neighbour that USUAL of the images do not exceed
USUAL = 0.9
OF_SECOND = 0.5  # and, at the first cut, under so much of the distance to the second nearest
ALIKE = 0.85  # correlation of two thumbnails, from which they may be
OF_UNLIKE = 0.25  # and as near to 1 as this share of what is left between other images of the set
SAME = 0.998  # where nothing but these pictures says that they are
SIDE = 24  # pixels of those thumbnails
MARGINS = (0, 1, 2)  # pixels of a thumbnail cut off at each side, in case one image is a crop of the other
PAIRS = 40  # other pairs that say how alike the set's images are
BLOCK = 4_000  # images compared at a time
LARGE, SCREENING = 20_000_000, 512  # pairs of images from which so many axes screen them
MOST_CHECKED = 2_000  # pairs whose pixels are looked at


@dataclass(frozen=True)
class NearDuplicate:
    """A test image (its row) that is the same, or nearly, as one of those that train or choose."""

    row: int
    other: int
    distance: float  # cosine distance of standardised features; 0: the same


@dataclass(frozen=True)
class Overlap:
    """How many test images are near-duplicates, and the accuracy with them and without."""

    images: int
    of: int
    accuracy_with: float
    accuracy_without: float | None  # None where all are


def find_near_duplicates(features: Features, split: Split) -> tuple[NearDuplicate, ...]:
    """For each test image its nearest neighbour among the others, where that is a copy or nearly one.

    Candidates are near in the features of the last cut, each channel standardised; they count where small grey
    pictures of the two agree too, far more than those of other pairs in the set do. The first cut bears what JPEG does
    to flat colours but tells few images apart: its candidates must be much nearer than the second nearest (the ratio
    test of Lowe, 2004), and count where their pictures are the same.
    """
    others = np.concatenate([split.train, split.val]).astype(np.int64)
    if not len(others) or not len(split.test):
        return ()
    first = {features.pixels[row]: int(row) for row in reversed(others)}
    same = {int(row): first[features.pixels[row]] for row in split.test if features.pixels[row] in first}
    duplicates = [NearDuplicate(row, other, 0.0) for row, other in same.items()]
    rows = np.array([row for row in split.test if int(row) not in same], np.int64)
    distinct = np.sort(list(first.values()))
    late = near(features, features.cuts[-1], rows, distinct)
    early = near(features, features.cuts[0], rows, distinct, OF_SECOND)
    if not late and not early:
        return tuple(duplicates)
    thumbnails = Thumbnails([file.content for file in features.images.files], features.images.rendering)
    needed = correlation_needed(thumbnails, others)
    duplicates += [pair for pair in late if thumbnails.correlation(pair.row, pair.other) >= needed]
    known = {pair.row for pair in duplicates}
    unknown = [pair for pair in early if pair.row not in known]
    return (
        *duplicates,
        *(pair for pair in unknown if thumbnails.correlation(pair.row, pair.other) >= max(needed, SAME)),
    )


def near(
    features: Features, cut: Cut, rows: np.ndarray, others: np.ndarray, of_second: float | None = None
) -> list[NearDuplicate]:
    """Those of ``rows`` whose nearest of ``others`` may be a copy by the features of ``cut``, the nearest first.

    It must also be nearer than ``of_second`` times the second nearest, where that is given.
    """
    if not len(rows):
        return []
    nearest, distances = nearest_of(features, cut, rows, others)
    distance = distances[:, 0]
    limit = min(NEAR, OF_USUAL * float(np.quantile(distance, USUAL)))
    close = distance < limit
    if of_second is not None:
        close &= distance < of_second * distances[:, 1]
    order = [place for place in np.argsort(distance, kind="stable") if close[place]][:MOST_CHECKED]
    return [NearDuplicate(int(rows[place]), int(nearest[place]), max(0.0, float(distance[place]))) for place in order]


def correlation_needed(thumbnails: "Thumbnails", rows: np.ndarray) -> float:
    """How alike two pictures must be to count as copies, from how alike others of the set are."""
    pairs = np.random.default_rng(0).choice(rows, (PAIRS, 2))
    usual = [thumbnails.correlation(int(a), int(b)) for a, b in pairs if a != b]
    return max(ALIKE, 1 - OF_UNLIKE * (1 - float(np.quantile(usual, 0.95)))) if usual else ALIKE


def nearest_of(features: Features, cut: Cut, rows: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The nearest of ``others`` to each of ``rows`` at ``cut``: (rows,).

    And the cosine distances of it and of the second nearest: (rows, 2), infinite where there is one only. In large
    sets the two are looked for along the SCREENING first principal axes, and their distances are exact all the same.
    """
    sample = features.pooled([cut], others[:: max(1, len(others) // BLOCK)])
    large = len(rows) * len(others) > LARGE and cut.channels > SCREENING
    scale, basis = scale_of(sample), axes_of(sample).directions[:, -SCREENING:] if large else None

    def seen(chosen: np.ndarray) -> np.ndarray:
        full = directions(features.pooled([cut], chosen), scale)
        return full if basis is None else full @ basis

    here = [seen(part) for part in blocks(rows)]
    ids, best = np.zeros((len(rows), 2), np.int64), np.full((len(rows), 2), -np.inf, np.float32)
    for part in blocks(others):
        there = seen(part)
        for block, own in enumerate(here):
            at = slice(block * BLOCK, block * BLOCK + len(own))
            place, cosine = two_highest(own @ there.T)
            ids_of_both, both = np.hstack([ids[at], part[place]]), np.hstack([best[at], cosine])
            order = np.argsort(-both, axis=1, kind="stable")[:, :2]
            ids[at], best[at] = np.take_along_axis(ids_of_both, order, 1), np.take_along_axis(both, order, 1)
    if basis is not None:
        best = exact(features, cut, scale, rows, ids)
        order = np.argsort(-best, axis=1, kind="stable")
        ids, best = np.take_along_axis(ids, order, 1), np.take_along_axis(best, order, 1)
    return ids[:, 0], 1 - best


def blocks(rows: np.ndarray) -> list[np.ndarray]:
    """BLOCK rows at a time."""
    return [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]


def two_highest(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each row the places of the two highest values, and those: (rows, 2) each; -inf where there is one only."""
    each = np.arange(len(values))
    first = values.argmax(axis=1)
    highest = values[each, first]
    values[each, first] = -np.inf
    second = values.argmax(axis=1)
    return np.stack([first, second], 1), np.stack([highest, values[each, second]], 1)


def exact(features: Features, cut: Cut, scale: Scale, rows: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The cosines of the images ``rows`` and each of their two ``ids``: (rows, 2)."""
    parts = []
    for part, pair in zip(blocks(rows), np.split(ids, range(BLOCK, len(ids), BLOCK)), strict=True):
        own = directions(features.pooled([cut], part), scale)
        theirs = (directions(features.pooled([cut], pair[:, side]), scale) for side in (0, 1))
        parts.append(np.stack([np.einsum("ij,ij->i", own, other) for other in theirs], 1))
    return np.concatenate(parts)


def directions(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Standardised features of length one: (images, channels)."""
    standard = scale.apply(values)
    standard /= np.maximum(np.linalg.norm(standard, axis=1, keepdims=True), 1e-12)
    return standard


@dataclass
class Thumbnails:
    """Small grey pictures of the images, made when they are asked for."""

    contents: Sequence[Content]
    rendering: Rendering = PLAIN

    def correlation(self, row: int, other: int) -> float:
        """The highest correlation of two images' pictures, as they are or mirrored, whole or one of them cropped."""
        try:
            one, two = (grey(self.contents[place], self.rendering) for place in (row, other))
        except Undecodable:
            return 0.0
        views = [(margin, 0) for margin in MARGINS] + [(0, margin) for margin in MARGINS[1:]]
        seconds = {margin: small(two, margin) for margin in MARGINS}
        return max(
            correlation(small(one, first), picture)
            for first, second in views
            for picture in (seconds[second], seconds[second][:, ::-1])
        )


def grey(content: Content, rendering: Rendering) -> Image.Image:
    """A grey picture, small enough to be cropped and shrunk quickly."""
    image = decode_for(content.read(), 4 * SIDE, None, rendering).image.convert("L")
    return image.resize((4 * SIDE, 4 * SIDE), Image.Resampling.BOX)


def small(image: Image.Image, margin: int) -> np.ndarray:
    """A thumbnail (SIDE, SIDE) of what is left when ``margin`` of its pixels are cut off at each side."""
    cut = 4 * margin
    box = (cut, cut, image.width - cut, image.height - cut)
    return np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BOX, box), dtype=np.float64)


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    """Pearson's, of two pictures of one size; of two flat ones whether they are equally bright."""
    a, b = one - one.mean(), other - other.mean()
    length = np.linalg.norm(a) * np.linalg.norm(b)
    return float((a * b).sum() / length) if length > 1e-9 else float(np.abs(one - other).max() < 1)  # noqa: PLR2004


def near_duplicate_faults(features: Features, split: Split, duplicates: Sequence[NearDuplicate]) -> Iterator[Fault]:
    """The duplicates that are not the same pixels, which are listed anyway."""
    files, part = features.images.files, split.part_of()
    for duplicate in duplicates:
        if features.pixels[duplicate.row] != features.pixels[duplicate.other]:
            reason = (
                f"in {part[duplicate.row]}, nearly the same as {files[duplicate.other].name} in {part[duplicate.other]}"
            )
            yield Fault(
                files[duplicate.row].name, "near-duplicate", f"{reason} (distance {duplicate.distance:.2f})", KEPT
            )


def overlap_of(duplicates: Sequence[NearDuplicate], test: np.ndarray, right: np.ndarray) -> Overlap:
    """What the near-duplicates among the rows ``test`` do to the accuracy; ``right``: (test,) bool."""
    affected = np.isin(test, [duplicate.row for duplicate in duplicates])
    without = float(right[~affected].mean()) if (~affected).any() else None
    return Overlap(int(affected.sum()), len(test), float(right.mean()), without)
