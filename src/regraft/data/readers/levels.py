"""The folders of images as levels of names, without those that only hold everything else."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from regraft.data.folder_words import is_fold, is_plain, splits_among

Folder = tuple[str, ...]  # the names of the folders from the root to one


def folder_of(name: str) -> Folder:
    """The folder that a file lies in."""
    return tuple(name.split("/")[:-1])


@dataclass(frozen=True)
class Levels:
    """How many images lie in each folder; ``wrappers``: folders that hold all their parent does, and mean nothing."""

    images: Mapping[Folder, int]
    wrappers: frozenset[Folder] = frozenset()

    @cached_property
    def names(self) -> set[str]:
        """What folders are called."""
        return {name for folder in self.images for name in folder}

    @cached_property
    def splits(self) -> dict[str, str]:
        """Which names of folders stand for splits."""
        return splits_among(self.names)

    @cached_property
    def folds(self) -> set[str]:
        """Which names of folders stand for folds."""
        return set(filter(is_fold, self.names))

    def of(self, folder: Folder) -> Folder:
        """The names of a folder's levels."""
        if not self.wrappers:
            return folder
        return tuple(name for place, name in enumerate(folder) if folder[: place + 1] not in self.wrappers)

    @cached_property
    def counted(self) -> dict[Folder, int]:
        """Images by the names of their levels."""
        counted: defaultdict[Folder, int] = defaultdict(int)
        for folder, count in self.images.items():
            counted[self.of(folder)] += count
        return dict(counted)

    @cached_property
    def top(self) -> Folder:
        """The folder that all levels lie in."""
        folder: Folder = ()
        while inner := [one for one in self.wrappers if len(one) == len(folder) + 1 and one[:-1] == folder]:
            folder = inner[0]
        return folder


def levels_of(images: Mapping[Folder, int]) -> Levels:
    """The levels of folders that hold so many images, with the wrappers that there are."""
    children: defaultdict[Folder, set[str]] = defaultdict(set)
    for folder in images:
        for depth in range(len(folder)):
            children[folder[:depth]].add(folder[depth])
    among_others: defaultdict[Folder, set[str]] = defaultdict(set)  # by the parent's parent
    for parent, names in children.items():
        if parent and len(names) > 1:
            among_others[parent[:-1]] |= names
    splits, wrappers = Levels(images).splits, set[Folder]()
    for parent, (name, *others) in children.items():
        if others or images.get(parent) or (parent and name in among_others[parent[:-1]]):
            continue  # the last: the one class that a split has
        split = splits.get(name)
        repeats = split is not None and any(splits.get(above) == split for above in parent)
        if repeats or (split is None and ((*parent, name) in children or is_plain(name))):
            wrappers.add((*parent, name))
    return Levels(images, frozenset(wrappers))


def inside(levels: Levels) -> Levels:
    """The same folders with no wrappers but those around everything."""
    top = levels.top
    return Levels(levels.images, frozenset(top[: depth + 1] for depth in range(len(top))))
