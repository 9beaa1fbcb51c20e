"""Files in folders named by class, wherever the folders are: on a disk, in an archive."""

import os
import stat
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from regraft.data.content import Content, OnDisk
from regraft.data.images import (
    FEWEST_CLASSES,
    IGNORED,
    NUMBERS,
    SPLIT_NAMES,
    SUFFIXES,
    Fault,
    ImageSet,
    Labelled,
    collect,
    expected,
)
from regraft.errors import DataError

SHOWN = 200  # letters of a path in a message
MOST_WRAPPERS = 10  # folders around the classes that are stepped into
IMAGES = SUFFIXES | NUMBERS
SYSTEM_FILES = {"thumbs.db", "desktop.ini", "icon\r"}


@dataclass
class Tree:
    """Files below a root by their path with forward slashes, folders, and what was passed over."""

    files: dict[str, Content] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)

    def below(self, folder: str) -> "Tree":
        """The part below one folder, with paths from there."""
        prefix = folder + "/"
        return Tree(
            {name.removeprefix(prefix): content for name, content in self.files.items() if name.startswith(prefix)},
            {name.removeprefix(prefix) for name in self.folders if name.startswith(prefix)},
            self.faults,
        )

    def top(self) -> list[str]:
        """Folders directly below the root, sorted."""
        return sorted({name.split("/")[0] for name in self.folders} | {n.split("/")[0] for n in self.files if "/" in n})

    def loose(self) -> list[str]:
        """Image files that lie in no folder."""
        return sorted(name for name in self.files if "/" not in name and is_image(name))


def is_image(name: str) -> bool:
    """Whether a file's suffix is an image's."""
    return os.path.splitext(name)[1].lower() in IMAGES  # noqa: PTH122 - asked of every file, and pathlib is slow


def is_picture(name: str) -> bool:
    """The same, without files of numbers, which lie beside images as often as they are some."""
    return os.path.splitext(name)[1].lower() in SUFFIXES  # noqa: PTH122 - as above


def numbers_beside(names: Iterable[str]) -> set[str]:
    """The .npy files in folders that hold pictures too: masks and features more likely than images."""
    by_place: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        by_place[name.rpartition("/")[0]].append(name)
    mixed = (alike for alike in by_place.values() if any(map(is_picture, alike)))
    return {name for alike in mixed for name in alike if name.lower().endswith(".npy")}


def is_hidden(name: str) -> bool:
    """Whether a file or folder is the system's own."""
    return name.startswith((".", "__MACOSX", "@eaDir")) or name.lower() in SYSTEM_FILES


def tree_of(root: Path) -> Tree:
    """Every file below a folder, links followed once; what is hidden or no file is passed over and listed."""
    tree, visited = Tree(), set()
    waiting, linked = deque([(root, "")]), deque[tuple[Path, str]]()  # links last: the folder itself goes first
    while waiting or linked:
        folder, prefix = (waiting or linked).popleft()
        real = os.path.realpath(folder)
        if real in visited:
            tree.faults.append(Fault(prefix.rstrip("/"), "linked twice", f"it is {real} again", IGNORED))
            continue
        visited.add(real)
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            tree.faults.append(Fault(prefix.rstrip("/") or ".", "unreadable", error.strerror or str(error)))
            continue
        for entry in entries:
            name = prefix + entry.name
            if is_hidden(entry.name):
                tree.faults.append(Fault(name, "hidden", "hidden or a system's own", IGNORED))
                continue
            try:
                is_folder, is_file, is_link = entry.is_dir(), entry.is_file(), entry.is_symlink()
            except OSError as error:
                tree.faults.append(Fault(name, "unreadable", error.strerror or str(error)))
                continue
            if is_folder:
                tree.folders.add(name)
                (linked if is_link else waiting).append((Path(entry.path), name + "/"))
            elif is_file:
                tree.files[name] = OnDisk(Path(entry.path))
            else:
                reason = "a link to nothing" if is_link else "no regular file"
                tree.faults.append(Fault(name, "not a file", reason))
    return tree


def kind_of(path: Path) -> str | None:
    """Whether ``path`` is a folder or a regular file, or neither; DataError where that cannot be told."""
    try:
        mode = path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else str(error)
        raise DataError(f"{str(path)[:SHOWN]} cannot be looked at: {why}; give a path that can") from None
    return "folder" if stat.S_ISDIR(mode) else "file" if stat.S_ISREG(mode) else None


def read_folder(root: Path, fewest_classes: int = FEWEST_CLASSES) -> ImageSet:
    """List ``root/class/...`` or ``root/{train,val,test}/class/...`` without opening a file."""
    return by_folder(root, tree_of(root), fewest_classes)


def by_folder(root: Path, tree: Tree, fewest_classes: int = FEWEST_CLASSES) -> ImageSet:
    """Label the files of ``tree`` by their folders: the class, or the split and in it the class.

    A single folder that holds all class folders is stepped into. Raises DataError where there is no class folder,
    or fewer than ``fewest_classes``.
    """
    for name in sorted(numbers_beside(tree.files)):
        del tree.files[name]
        tree.faults.append(
            Fault(name, "not an image", "numbers beside pictures in one folder; move them if they are some")
        )
    prefix, tree = unwrapped(tree)
    filled = {name.split("/")[0] for name in tree.files if "/" in name and is_image(name)}
    if not filled:
        raise DataError(f"no class folders with images in {root}; {expected(root)}")
    splits = split_folders(tree, filled)
    faults = [Fault(prefix + name, "loose file", "it lies in no class folder") for name in tree.loose()]
    items: list[Labelled] = []
    for folder, split in splits.items() if splits else [("", None)]:
        part = tree.below(folder) if folder else tree
        here = f"{prefix}{folder}/" if folder else prefix
        if folder:
            faults += [Fault(here + name, "loose file", "it lies in no class folder") for name in part.loose()]
        items += labelled(part, here, split, faults)
    if splits:
        faults += [
            Fault(prefix + name, "other folder", "beside train/val/test folders, and no such folder of class folders")
            for name in sorted(filled - splits.keys())
        ]
    return collect(root, sorted(items, key=lambda item: item.name), [*tree.faults, *faults], fewest_classes)


def labelled(tree: Tree, prefix: str, split: str | None, faults: list[Fault]) -> Iterator[Labelled]:
    """The images in class folders; other files, and class folders without an image, go to ``faults``."""
    by_class: defaultdict[str, int] = defaultdict(int)
    for name, content in tree.files.items():
        if "/" not in name:
            continue
        label = name.split("/")[0]
        if is_image(name):
            by_class[label] += 1
            yield Labelled(prefix + name, label, content, split)
        else:
            suffix = Path(name).suffix or Path(name).name
            faults.append(Fault(prefix + name, "not an image", f"'{suffix}' is no image suffix"))
    for folder in tree.top():
        if not by_class[folder]:
            faults.append(Fault(prefix + folder, "empty folder", "a class folder without an image", IGNORED))


def unwrapped(tree: Tree) -> tuple[str, Tree]:
    """Step into a folder that is alone and holds nothing but folders with files, as archives often have it."""
    prefix = ""
    for _ in range(MOST_WRAPPERS):
        top = tree.top()
        if len(top) != 1 or tree.loose() or top[0].lower() in SPLIT_NAMES:
            return prefix, tree
        inside = tree.below(top[0])
        if inside.loose() or len({name.split("/")[0] for name in inside.files if "/" in name}) == 0:
            return prefix, tree
        prefix, tree = f"{prefix}{top[0]}/", inside
    return prefix, tree


def split_folders(tree: Tree, filled: set[str]) -> dict[str, str]:
    """The folders that are splits (train, val, valid, validation, dev, test), or none when they are classes.

    They are splits when images lie in folders below them and either all folders with images bear such names, or
    train and another one do.
    """
    deep = {name.split("/")[0] for name in tree.files if name.count("/") > 1 and is_image(name)}
    named = {name: SPLIT_NAMES[name.lower()] for name in sorted(filled) if name.lower() in SPLIT_NAMES}
    splits = {name: split for name, split in named.items() if name in deep}
    names = set(splits.values())
    if names and (len(splits) == len(filled) or ("train" in names and (len(names) > 1 or len(named) == len(filled)))):
        return splits
    return {}


def images_at(paths: Sequence[Path]) -> list[Path]:
    """The files named, and the image files in the folders named; DataError where there is nothing."""
    files: list[Path] = []
    for path in paths:
        kind = kind_of(path)
        if kind == "folder":
            names = tree_of(path).files
            files += [path / name for name in sorted(names.keys() - numbers_beside(names)) if is_image(name)]
        elif kind == "file":
            files.append(path)
        else:
            raise DataError(f"there is no file or folder {path}; give images, or folders of images")
    if not files:
        raise DataError(f"no image below {', '.join(str(path) for path in paths)}; give images, or folders of images")
    return files
