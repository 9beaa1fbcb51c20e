"""The looks at many images as columns."""

from collections.abc import Iterable, Iterator, Sequence
from typing import overload

import numpy as np

from regraft.data.identity import Look
from regraft.data.texts import AT_ONCE, Hashes, same_items


class Looks(Sequence[Look]):
    """A Look for each image, made when it is asked for."""

    def __init__(self, contents: Hashes, pixels: Hashes, widths: np.ndarray, heights: np.ndarray) -> None:
        self.contents, self.pixels, self.widths, self.heights = contents, pixels, widths, heights

    @classmethod
    def of(cls, looks: Iterable[Look]) -> "Looks":
        """The looks, in order."""
        if isinstance(looks, Looks):
            return looks
        made = GrowingLooks()
        for look in looks:
            made.add(look)
        return made.looks()

    def __len__(self) -> int:
        return len(self.contents)

    @overload
    def __getitem__(self, at: int) -> Look: ...

    @overload
    def __getitem__(self, at: slice) -> "Looks": ...

    def __getitem__(self, at: int | slice) -> "Look | Looks":
        if isinstance(at, slice):
            return Looks(self.contents[at], self.pixels[at], self.widths[at], self.heights[at])
        return Look(self.contents[at], self.pixels[at], int(self.widths[at]), int(self.heights[at]))

    def __iter__(self) -> Iterator[Look]:
        return map(Look, self.contents, self.pixels, map(int, self.widths), map(int, self.heights))

    def __eq__(self, other: object) -> bool:
        return same_items(self, other)

    __hash__ = None  # type: ignore[assignment]

    def take(self, rows: np.ndarray) -> "Looks":
        """Those at some places."""
        return Looks(self.contents.take(rows), self.pixels.take(rows), self.widths[rows], self.heights[rows])

    @property
    def short_sides(self) -> np.ndarray:
        """In pixels: (images,)."""
        return np.asarray(np.minimum(self.widths, self.heights))


class GrowingLooks:
    """Looks that come one by one."""

    def __init__(self) -> None:
        self.parts: list[Looks] = []
        self.waiting: list[Look] = []

    def add(self, look: Look) -> None:
        """One more."""
        self.waiting.append(look)
        if len(self.waiting) == AT_ONCE:
            self.pack()

    def pack(self) -> None:
        """Turn those that wait into columns."""
        sizes = np.array([(look.width, look.height) for look in self.waiting], np.int64).reshape(-1, 2)
        contents, pixels = ([getattr(look, name) for look in self.waiting] for name in ("content", "pixels"))
        self.parts.append(Looks(Hashes.of(contents), Hashes.of(pixels), sizes[:, 0], sizes[:, 1]))
        self.waiting = []

    def looks(self) -> Looks:
        """All of them."""
        self.pack()
        columns = ("widths", "heights")
        widths, heights = (np.concatenate([getattr(part, name) for part in self.parts]) for name in columns)
        return Looks(
            Hashes(np.concatenate([part.contents.letters for part in self.parts])),
            Hashes(np.concatenate([part.pixels.letters for part in self.parts])),
            widths,
            heights,
        )
