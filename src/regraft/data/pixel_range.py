"""The range of a set's deep images, measured once for all of them; and its bands."""

import math
from array import array
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from regraft.data.decoding import Undecodable, kinds_in, numbers_in
from regraft.data.image_files import Files
from regraft.data.images import ImageFile, ImageSet
from regraft.data.prefetch import map_ahead
from regraft.data.range_faults import Seen, depth_faults
from regraft.data.rendering import FOUR_BANDS, PLAIN, USUAL, Depth, Range, Rendering, depth_of
from regraft.recipe import Reading

LOOKED_AT = 16  # files that are opened to see whether there are deep ones
MEASURED = 64  # files whose values are measured where there are
EIGHT_BITS = frozenset(("jpg", "jpeg", "jpe", "jfif", "gif", "webp", "bmp", "dib", "pcx", "ico"))  # suffixes
PERCENTILES = (0.1, 99.9)  # of the values of all files together
VALUES = 65_536  # of one file, spread over it
BITS = (8, 10, 12, 14, 16, 20, 24, 32)
FULL = 0.5  # share of a range of whole bits from which that is taken
STEPS = 20.0  # to which a measured range is rounded, so that no few files change it: of a power of ten


class Unmeasured(Exception):
    """Images were met that are deeper than those that were measured."""

    def __init__(self, files: Sequence[ImageFile]) -> None:
        super().__init__(f"{len(files)} images")
        self.files = tuple(files)


@dataclass(frozen=True)
class Sampled:
    """Some values of one image."""

    file: ImageFile
    kinds: tuple[str, ...]
    values: np.ndarray | None  # (values,); None where there is nothing to scale


def measured(images: ImageSet, reading: Reading, workers: int = 0, found: Sequence[ImageFile] = ()) -> ImageSet:
    """The set with how its images are rendered, and what is odd about those that were looked at.

    ``found``: images that are known to be deep, and are looked at too. Sets of 8 bits are rendered as ever.
    """
    plain = Rendering(bands=reading.band_numbers, background=reading.background)
    candidates = by_suffix(images.files, without=EIGHT_BITS)
    first = [*spread(images.files, candidates, LOOKED_AT), *found[:MEASURED]]
    kinds = {kind for file in first for kind in kinds_of_file(file, plain)}
    if not kinds:
        return replace(images, rendering=plain)
    probing = replace(plain, ranges=tuple(Range(kind, 0, 1) for kind in kinds), three_of_four=FOUR_BANDS in kinds)

    def look(file: ImageFile) -> Sampled:
        return sampled(file, probing, reading.max_pixels)

    chosen = {file.name: file for file in [*spread(images.files, candidates, MEASURED), *found[:MEASURED]]}
    looks = [seen for _, seen in map_ahead(look, chosen.values(), workers)]
    kinds |= {kind for seen in looks for kind in seen.kinds}
    deep = sorted(kinds - {FOUR_BANDS})
    ranges = [range_of(kind, [seen.values for seen in looks if kind in seen.kinds], reading) for kind in deep]
    rendering = replace(plain, ranges=tuple(one for one in ranges if one), three_of_four=FOUR_BANDS in kinds)
    seen = Seen()
    for one in looks:
        seen.add(one.file.name, depth_in(one, rendering))
    return replace(images, rendering=rendering).noting(depth_faults(seen, rendering))


def asked_for(images: ImageSet, reading: Reading, own: Rendering | None) -> Rendering | None:
    """How a run's ``own`` rendering is changed by what ``reading`` asks for; None where it asks for nothing."""
    if not reading.renders:
        return None
    new, kept = measured(images, reading).rendering, own or PLAIN
    return Rendering(
        kept.ranges if reading.pixel_range == "auto" and own else new.ranges,
        reading.band_numbers or kept.bands,
        kept.three_of_four or new.three_of_four,
        new.background if new.background != PLAIN.background else kept.background,
    )


def depth_in(seen: Sampled, rendering: Rendering) -> Depth | None:
    """The depth of a sampled image in the range of its set."""
    if seen.values is None:
        return None
    kind = next(kind for kind in seen.kinds if kind != FOUR_BANDS)
    scale = rendering.range_of(kind) or Range(kind, 0, USUAL.get(kind, 255.0))
    return depth_of(kind, seen.values, scale.apply(seen.values), True)


def by_suffix(files: Files, without: Collection[str] = ()) -> dict[str, Sequence[int]]:
    """The rows of the files with each suffix, in small letters and without its dot, but those ``without`` some."""
    groups: defaultdict[str, array[int]] = defaultdict(lambda: array("q"))
    for row, name in enumerate(files.names):
        suffix = name.rpartition(".")[2].lower()
        if (suffix := "" if "/" in suffix else suffix) not in without:  # a folder's dot is none of the file's
            groups[suffix].append(row)
    return dict(groups)


def spread(files: Files, groups: Mapping[str, Sequence[int]], count: int) -> list[ImageFile]:
    """About so many files, of every group of rows in proportion, spread over it."""
    total, chosen = sum(map(len, groups.values())), list[ImageFile]()
    for rows in groups.values():
        share = min(len(rows), math.ceil(count * len(rows) / total))
        chosen += [files[rows[place]] for place in np.linspace(0, len(rows) - 1, share).round().astype(int)]
    return chosen


def kinds_of_file(file: ImageFile, rendering: Rendering) -> tuple[str, ...]:
    """What it is called where it has more than 8 bits; nothing where it has not, or cannot be read."""
    try:
        return kinds_in(file.content.read(), rendering)
    except Undecodable:
        return ()


def sampled(file: ImageFile, rendering: Rendering, max_pixels: int) -> Sampled:
    """Some values of an image, if it is deep."""
    try:
        data = file.content.read()
        kinds = kinds_in(data, rendering)
        bands = numbers_in(data, rendering, max_pixels) if kinds else None
        values = None if bands is None else bands.shown().reshape(-1)
    except Undecodable:
        return Sampled(file, (), None)
    return Sampled(file, kinds, None if values is None else values[:: max(1, values.size // VALUES)])


def range_of(kind: str, samples: Sequence[np.ndarray | None], reading: Reading) -> Range | None:
    """The range of the images of one kind; None where none of them could be read."""
    values = [sample for sample in samples if sample is not None]
    if reading.limits:
        return Range(kind, *reading.limits)
    if not values:
        return None
    low, high = (float(value) for value in np.percentile(np.concatenate(values), PERCENTILES))
    whole = whole_bits(low, high, values[0].dtype.kind == "f")
    if reading.pixel_range == "bits" or (reading.pixel_range == "auto" and high - low >= FULL * (whole[1] - whole[0])):
        return Range(kind, *whole)
    return Range(kind, *rounded(low, high))


def whole_bits(low: float, high: float, floats: bool) -> tuple[float, float]:
    """The least usual range that holds the values: 0 to 1 of floats, or of so many bits, with a sign where needed."""
    if floats and max(-low, high) <= 1:
        return (0.0 if low >= 0 else -1.0), 1.0
    most = max(-low, high)
    top = next((2.0**bits - 1 for bits in BITS if most <= 2.0**bits - 1), most)
    return (0.0 if low >= 0 else -top), top


def rounded(low: float, high: float) -> tuple[float, float]:
    """A little wider, to round numbers."""
    span = high - low if high > low else max(abs(low), 1.0)
    step = 10.0 ** np.floor(np.log10(span)) / STEPS
    return float(np.floor(low / step) * step), float(np.ceil(max(high, low + step) / step) * step)
