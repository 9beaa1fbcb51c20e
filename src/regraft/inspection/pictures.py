"""The user's images as a network's pixels, in order, read a few threads ahead."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from regraft.data.decoding import Undecodable, decode_for
from regraft.data.images import ImageFile
from regraft.data.prefetch import batched, map_ahead
from regraft.inspection.subject import Subject

BATCH = 32  # images that go through a network together


@dataclass(frozen=True)
class Picture:
    """An image as the network takes it."""

    row: int  # among the files that were asked for
    name: str
    label: int
    pixels: np.ndarray  # (size, size, 3) uint8


def pictures(subject: Subject, files: Iterable[ImageFile], workers: int = 0) -> Iterator[Picture]:
    """The images in order; those that cannot be decoded are left out."""
    preprocessing, limits = subject.preprocessing, (subject.max_pixels, subject.rendering)

    def read(item: tuple[int, ImageFile]) -> Picture | None:
        row, file = item

        def pixels() -> np.ndarray:
            decoded = decode_for(file.content.read(), preprocessing.side, *limits)
            return preprocessing.pixels(decoded.image, decoded.original)

        try:
            shown = subject.kept.get((file.content, preprocessing, *limits), pixels)
        except Undecodable:
            return None
        return Picture(row, file.name, file.label, shown)

    for _, picture in map_ahead(read, enumerate(files), workers):
        if picture is not None:
            yield picture


def in_batches(every: Iterable[Picture], size: int = BATCH) -> Iterator[tuple[Sequence[Picture], np.ndarray]]:
    """Pictures by so many, with their pixels: (n, size, size, 3) uint8."""
    for group in batched(every, size):
        yield group, np.stack([one.pixels for one in group])


def sample(of: int, most: int, seed: int) -> np.ndarray:
    """Sorted places of at most so many things, drawn by seed: (places,)."""
    return np.sort(np.random.default_rng(seed).permutation(of)[:most])
