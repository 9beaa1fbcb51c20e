"""Files below a folder, wherever it is: on a disk, in an archive."""

import os
import stat
from collections import defaultdict, deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from regraft.data.content import Content, OnDisk
from regraft.data.images import IGNORED, NUMBERS, SUFFIXES, Fault
from regraft.errors import DataError

SHOWN = 200  # letters of a path in a message
MOST_FOLDERS = 8  # that a message names
IMAGES = SUFFIXES | NUMBERS
SYSTEM_FILES = {"thumbs.db", "desktop.ini", "icon\r"}


@dataclass
class Tree:
    """Files below a root by their path with forward slashes, folders, and what was passed over."""

    files: dict[str, Content] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)
    faults: list[Fault] = field(default_factory=list)

    def every_folder(self) -> set[str]:
        """The folders that are there, and those that files lie in."""
        folders = set(self.folders)
        for name in self.files:
            while (name := name.rpartition("/")[0]) and name not in folders:
                folders.add(name)
        return folders

    def without(self, root: Path, ignored: Iterable[str]) -> "Tree":
        """The tree but for the folders whose name or path ``ignored`` has, or matches; DataError where none does."""
        if not ignored:
            return self
        folders, gone = sorted(self.every_folder()), set[str]()
        for one in ignored:
            pattern = one.strip("/")
            matching = [path for path in folders if fnmatchcase(path, pattern) or fnmatchcase(Path(path).name, pattern)]
            if not matching:
                there = ", ".join(folders[:MOST_FOLDERS]) or "none"
                raise DataError(f"--ignore '{one}' is no folder in {root}; the folders are {there}; name one of them")
            gone.update(matching)
        gone = {path for path in gone if not gone.intersection(map(str, PurePosixPath(path).parents))}

        def stays(path: str) -> bool:
            return path not in gone and gone.isdisjoint(map(str, PurePosixPath(path).parents))

        faults = [Fault(path, "ignored folder", "--ignore names it", IGNORED) for path in sorted(gone)]
        files = {name: content for name, content in self.files.items() if stays(name)}
        return Tree(files, set(filter(stays, self.folders)), [*self.faults, *faults])


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


def has_suffix(name: str) -> bool:
    """Whether a file's name has a suffix, and no mere number after its last dot."""
    suffix = os.path.splitext(name)[1]  # noqa: PTH122 - asked of every file, and pathlib is slow
    return bool(suffix) and not suffix[1:].isdecimal()


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
        place = "" if str(folder) == "." else os.path.join(folder, "")  # noqa: PTH118 - with its slash
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
                tree.files[name] = OnDisk(place + entry.name)
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
