"""Which shard of a store has an image, by the hash of its bytes: sorted arrays, since a dictionary takes far more.

Newer shards are looked at first. The arrays of neighbours are joined where they are about as long, so that there are
never many of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from regraft.data.identity import Look
from regraft.data.looks import Looks
from regraft.data.texts import Hashes
from regraft.features.shard import Shard


class Row(NamedTuple):
    """Where an image's features lie."""

    shard: Shard
    place: int  # in the shard

    @property
    def look(self) -> Look:
        """What the look at the image left."""
        return self.shard.look(self.place)


@dataclass(frozen=True, eq=False)
class Block:
    """Shards that follow one another, and where their images lie."""

    shards: tuple[Shard, ...]

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each shard begins among the images of all: (shards + 1,)."""
        return np.cumsum([0, *(len(shard.contents) for shard in self.shards)])

    @cached_property
    def order(self) -> np.ndarray:
        """The places of the images in the order of their hashes, of the same the last one last: (images,)."""
        return np.argsort(self.unsorted(), kind="stable")

    @cached_property
    def letters(self) -> np.ndarray:
        """The hashes in that order: (images,)."""
        return np.asarray(self.unsorted()[self.order])

    def unsorted(self) -> np.ndarray:
        """The hashes as they lie in the shards."""
        return np.concatenate([shard.contents.letters for shard in self.shards])

    def places_of(self, letters: np.ndarray) -> np.ndarray:
        """Where images lie among those of all shards, by their hashes; -1 for those that do not."""
        last = self.letters.searchsorted(letters, "right") - 1
        there = (last >= 0) & (self.letters[last] == letters)
        return np.where(there, self.order[last], -1)

    def row(self, letters: np.bytes_) -> Row | None:
        """Where one image lies."""
        last = int(self.letters.searchsorted(letters, "right")) - 1
        if last < 0 or self.letters[last] != letters:
            return None
        return self.row_at(int(self.order[last]))

    def row_at(self, place: int) -> Row:
        """The row at a place among those of all shards."""
        shard = int(self.starts.searchsorted(place, "right")) - 1
        return Row(self.shards[shard], place - int(self.starts[shard]))


@dataclass(frozen=True, eq=False)
class Rows(Mapping[str, Row]):
    """Where the images of a store lie, by the hashes of their bytes."""

    blocks: tuple[Block, ...] = ()

    @classmethod
    def of(cls, shards: Sequence[Shard]) -> "Rows":
        """The images of some shards, the later ones counting where several have one."""
        return cls((Block(tuple(shards)),) if shards else ())

    def with_shard(self, shard: Shard) -> "Rows":
        """The same with one more shard."""
        blocks = [*self.blocks, Block((shard,))]
        while len(blocks) > 1 and blocks[-2].starts[-1] <= 2 * blocks[-1].starts[-1]:
            newer, older = blocks.pop(), blocks.pop()
            blocks.append(Block((*older.shards, *newer.shards)))
        return Rows(tuple(blocks))

    def without(self, shard: Shard) -> "Rows":
        """The same without one of the shards."""
        return Rows.of([one for block in self.blocks for one in block.shards if one is not shard])

    def get(self, content: str, default: None = None) -> Row | None:  # type: ignore[override]
        """Where an image lies; None where it is not known."""
        letters = np.bytes_(content.encode(errors="surrogatepass"))
        found = (block.row(letters) for block in reversed(self.blocks))
        return next((row for row in found if row is not None), default)

    def __getitem__(self, content: str) -> Row:
        row = self.get(content)
        if row is None:
            raise KeyError(content)
        return row

    def __contains__(self, content: object) -> bool:
        return isinstance(content, str) and self.get(content) is not None

    def __iter__(self) -> Iterator[str]:
        everything = np.concatenate([np.empty(0, "S1"), *(block.unsorted() for block in self.blocks)])
        first, _ = Hashes(everything).first_rows()
        return iter(Hashes(everything[np.sort(first)]))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def by_shard(self, contents: Hashes) -> Iterator[tuple[Shard, np.ndarray, np.ndarray]]:
        """Each shard that has some of the images, which of ``contents`` those are, and their places in it.

        KeyError where one is not known.
        """
        missing, letters = np.arange(len(contents)), contents.letters
        for block in reversed(self.blocks):
            places = block.places_of(letters[missing])
            there, places = missing[places >= 0], places[places >= 0]
            missing = np.setdiff1d(missing, there, assume_unique=True)
            shards = block.starts.searchsorted(places, "right") - 1
            for shard in np.unique(shards).tolist():
                own = shards == shard
                yield block.shards[shard], there[own], places[own] - block.starts[shard]
        if len(missing):
            raise KeyError(contents[int(missing[0])])

    def looks_of(self, contents: Hashes) -> Looks:
        """What the looks at images left, in the order of ``contents``."""
        pixels, sizes = np.empty(len(contents), "S1"), np.empty((2, len(contents)), np.int64)
        for shard, at, places in self.by_shard(contents):
            own = shard.index.looks
            some = own.pixels.letters[places]
            if some.dtype.itemsize > pixels.dtype.itemsize:
                pixels = pixels.astype(some.dtype)
            pixels[at], sizes[0, at], sizes[1, at] = some, own.widths[places], own.heights[places]
        return Looks(contents, Hashes(pixels), sizes[0], sizes[1])
