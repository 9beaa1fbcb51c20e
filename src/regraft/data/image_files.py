"""The images of a set as columns: names, labels, parts, groups, and where their contents lie."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, starmap
from typing import overload

import numpy as np

from regraft.data.content import Content, InTar, Known, OnDisk, Readable
from regraft.data.texts import (
    Coded,
    GrowingCoded,
    GrowingTexts,
    Hashes,
    Texts,
    numbers_in,
    parts_of,
    place_of,
    same_items,
)

ON_DISK, OTHER = -1, -2  # in place of a tar's number


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One labelled image: its name, its class's id, its given split and group (None: not given), its content."""

    name: str  # its path below the root, with forward slashes
    label: int
    split: str | None
    content: Content = field(compare=False, repr=False)
    group: str | None = None
    was: str | None = None  # the class's name in the data, where a person has looked at the label


class Contents(Sequence[Content]):
    """Where images lie: members of tars by their places, files by their paths, all else as it is."""

    def __init__(
        self,
        tars: Sequence[Readable],
        paths: Texts,
        others: Sequence[Content],
        places: np.ndarray,
        hashes: Hashes | None = None,
    ) -> None:
        self.tars, self.paths, self.others = tars, paths, others
        self.hashes = hashes  # what those of their bytes are to be, where that is looked at
        self.places = places  # (images, 3) int64: the tar's number, its offset and size; or the kind, and which of it

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, at: int) -> Content: ...

    @overload
    def __getitem__(self, at: slice) -> "Contents": ...

    def __getitem__(self, at: int | slice) -> "Content | Contents":
        if isinstance(at, slice):
            return self.take(np.arange(len(self))[at])
        content = self.at(*self.places[place_of(at, len(self))].tolist())
        return content if self.hashes is None else Known(content, self.hashes[at])

    def at(self, which: int, start: int, size: int) -> Content:
        """What lies at a place."""
        if which >= 0:
            return InTar(self.tars[which], start, size)
        return OnDisk(self.paths[start]) if which == ON_DISK else self.others[start]

    def __iter__(self) -> Iterator[Content]:
        places = chain.from_iterable(self.places[part].tolist() for part in parts_of(len(self)))
        contents = starmap(self.at, places)
        return contents if self.hashes is None else map(Known, contents, self.hashes)

    def take(self, rows: np.ndarray) -> "Contents":
        """Those at some places."""
        hashes = self.hashes and self.hashes.take(rows)
        return Contents(self.tars, self.paths, self.others, self.places[rows], hashes)

    def pinned(self, hashes: Hashes) -> "Contents":
        """The same, none of which is read where its bytes have another hash."""
        return Contents(self.tars, self.paths, self.others, self.places, hashes)


class Files(Sequence[ImageFile]):
    """An ImageFile for each image, made when it is asked for."""

    def __init__(
        self,
        names: Texts,
        labels: np.ndarray,
        splits: Coded[str | None],
        contents: Contents,
        groups: Coded[str | None],
        were: Coded[str | None],
    ) -> None:
        self.names, self.contents = names, contents
        self.labels = labels  # (images,) int64
        self.splits, self.groups, self.were = splits, groups, were

    @classmethod
    def of(cls, files: Iterable[ImageFile]) -> "Files":
        """The files, in order."""
        if isinstance(files, Files):
            return files
        growing = GrowingFiles()
        for file in files:
            growing.add(file)
        return growing.files()

    def __len__(self) -> int:
        return len(self.labels)

    @overload
    def __getitem__(self, at: int) -> ImageFile: ...

    @overload
    def __getitem__(self, at: slice) -> "Files": ...

    def __getitem__(self, at: int | slice) -> "ImageFile | Files":
        if isinstance(at, slice):
            return self.take(np.arange(len(self))[at])
        at = place_of(at, len(self))
        own = self.names[at], int(self.labels[at]), self.splits[at], self.contents[at], self.groups[at], self.were[at]
        return ImageFile(*own)

    def __iter__(self) -> Iterator[ImageFile]:
        labels = chain.from_iterable(self.labels[part].tolist() for part in parts_of(len(self)))
        return map(ImageFile, self.names, labels, self.splits, self.contents, self.groups, self.were)

    def __eq__(self, other: object) -> bool:
        return same_items(self, other)

    def __hash__(self) -> int:
        return hash((len(self), self.names.letters))

    def take(self, rows: np.ndarray) -> "Files":
        """Those at some places."""
        return Files(
            self.names.take(rows),
            self.labels[rows],
            self.splits.take(rows),
            self.contents.take(rows),
            self.groups.take(rows),
            self.were.take(rows),
        )

    def labelled(self, labels: np.ndarray) -> "Files":
        """The same with other class ids."""
        return Files(self.names, labels, self.splits, self.contents, self.groups, self.were)

    def pinned(self, hashes: Hashes) -> "Files":
        """The same, none of which is read where its bytes have another hash."""
        contents = self.contents.pinned(hashes)
        return Files(self.names, self.labels, self.splits, contents, self.groups, self.were)


class GrowingFiles:
    """Files that come one by one."""

    def __init__(self) -> None:
        self.names, self.labels, self.places = GrowingTexts(), array("q"), array("q")
        self.splits, self.groups, self.were = (GrowingCoded[str | None]() for _ in range(3))
        self.tars: dict[Readable, int] = {}
        self.paths, self.others = GrowingTexts(), list[Content]()

    def add(self, file: ImageFile) -> None:
        """One more."""
        self.names.add(file.name)
        self.labels.append(file.label)
        self.splits.add(file.split)
        self.groups.add(file.group)
        self.were.add(file.was)
        content = file.content
        if type(content) is InTar:
            self.places.extend((self.tars.setdefault(content.file, len(self.tars)), content.offset, content.size))
        elif type(content) is OnDisk:
            self.places.extend((ON_DISK, len(self.paths.ends), 0))
            self.paths.add(str(content.place))
        else:
            self.places.extend((OTHER, len(self.others), 0))
            self.others.append(content)

    def files(self) -> Files:
        """All of them."""
        places = numbers_in(self.places, np.int64).reshape(-1, 3)
        contents = Contents(tuple(self.tars), self.paths.texts(), self.others, places)
        columns = self.splits.coded(), contents, self.groups.coded(), self.were.coded()
        return Files(self.names.texts(), numbers_in(self.labels, np.int64), *columns)
