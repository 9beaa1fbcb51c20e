"""Where the images of a table lie, and for those that are not there the files that they probably are."""

import os
import shlex
from collections import defaultdict
from collections.abc import Callable, Iterable
from functools import cached_property
from pathlib import Path, PurePosixPath, PureWindowsPath

from regraft.data.images import KEPT, Fault
from regraft.data.readers.folder import SHOWN, is_hidden, is_image
from regraft.data.spelling import composed
from regraft.errors import DataError
from regraft.recipe import Reading

MOST_FILES = 200_000  # that are looked through for lost ones


class ImagePaths:
    """The files that a table's names stand for: below its folder or --image-folder, with --image-suffix."""

    def __init__(self, table: Path, reading: Reading) -> None:
        self.home = table.parent
        self.stem = table.stem
        self.folder = folder_of(table, reading.image_folder)
        self.chosen = reading.image_folder is not None
        self.suffix = f".{reading.image_suffix.lstrip('.')}" if reading.image_suffix else ""
        self.prefix = ""  # leading folders of the table's names that are left away
        self.direct = False  # whether a name was found as it stands
        self.respelt = 0  # names found with other capital letters
        self.shortened = 0  # names found without the prefix

    def find(self, name: str) -> tuple[str, Path] | None:
        """The name as it is found, with forward slashes, and the file; None where there is none."""
        for wanted in dict.fromkeys((self.with_suffix(name), self.with_suffix(name.replace("\\", "/")))):
            if is_file(self.folder / wanted):
                self.direct = True
                return wanted, self.folder / wanted
        wanted = self.with_suffix(name.replace("\\", "/"))
        shorter = self.without_prefix(wanted) if self.chosen else None
        if shorter:
            self.shortened += 1
            return shorter, self.folder / shorter
        twin = self.twins.get(folded(wanted), [])
        if len(twin) == 1:
            self.respelt += 1
            return twin[0], self.folder / twin[0]
        return None

    def with_suffix(self, name: str) -> str:
        """The name with --image-suffix, in place of another image's suffix where it has one."""
        if not self.suffix or name.lower().endswith(self.suffix.lower()):
            return name
        return (os.path.splitext(name)[0] if is_image(name) else name) + self.suffix  # noqa: PTH122 - names, not paths

    def without_prefix(self, name: str) -> str | None:
        """The end of a name that is there, where the folders before it are those of the first name so found."""
        if self.prefix:
            rest = name.removeprefix(self.prefix)
            return rest if rest != name and is_file(self.folder / rest) else None
        if self.direct:
            return None
        parts = name.split("/")
        for first in range(1, len(parts)):
            rest = "/".join(parts[first:])
            if rest and is_file(self.folder / rest):
                self.prefix = name.removesuffix(rest)
                return rest
        return None

    def faults(self) -> list[Fault]:
        """What was done to find files."""
        faults = []
        if self.shortened:
            why = f"{self.shortened} paths are taken from {self.folder}, without '{self.prefix}'"
            faults.append(Fault(self.prefix, "path shortened", why, KEPT, self.shortened))
        if self.respelt:
            why = f"{self.respelt} files are spelt otherwise in the table, in capital letters or accents"
            faults.append(Fault(str(self.folder), "path respelt", why, KEPT, self.respelt))
        return faults

    def missing(self, name: str) -> str:
        """Why there is no image: the file that was looked for, and the one that it probably is."""
        wanted = self.with_suffix(name.replace("\\", "/"))
        looked = str(self.folder / wanted)
        there = "; the table's path is absolute" if PurePosixPath(wanted).is_absolute() else ""
        if PureWindowsPath(wanted).drive:
            there = "; the table's path is another computer's"
        reason = f"there is no file {looked[-SHOWN:]}{there}"
        probable = self.probable(wanted)
        if not probable:
            return reason
        if self.direct:  # options for this one would lose the others
            return f"{reason}; {' or '.join(probable)} is there: mend the row"
        if len(probable) > 1:
            one, other = (self.options_for(wanted, name) for name in probable)
            there = f"{probable[0]} and {probable[1]} are there"
            return f"{reason}; {there}: write folders into the table, or add {one} or {other}"
        return f"{reason}; {probable[0]} is there: add {self.options_for(wanted, probable[0])}"

    def probable(self, wanted: str) -> list[str]:
        """The file that a missing one probably is, from the table's folder; two where it may be either."""
        base = wanted.rpartition("/")[2]
        if not base:
            return []
        found = self.index.get(folded(base), []) or self.stems.get(folded(stem_of(base)), [])
        ends = {name: same_end(wanted, name) for name in found}
        longest = max(ends.values(), default=0)
        likely = [name for name in found if ends[name] == longest]
        namesakes = [name for name in likely if folded(self.stem) in map(folded, name.split("/")[:-1])]
        return namesakes if len(namesakes) == 1 else likely[:2]  # train.csv rather means train/

    def options_for(self, wanted: str, name: str) -> str:
        """The options with which a name in the table is that file's."""
        end = same_end(wanted, name)
        folder = "/".join(name.split("/")[:-end]) or "."
        in_place = folder == "." and not self.chosen and end == len(wanted.split("/"))
        options = [] if in_place else [f"--image-folder {shlex.quote(folder)}"]
        if folded(name.rpartition("/")[2]) != folded(wanted.rpartition("/")[2]):
            options.append(f"--image-suffix {Path(name).suffix}")
        return " ".join(options)

    @cached_property
    def listed(self) -> list[str]:
        """Image files below the table's folder, by their path from there; the first MOST_FILES."""
        names: list[str] = []
        for folder, folders, files in os.walk(self.home):
            folders[:] = sorted(name for name in folders if not is_hidden(name))
            inside = Path(folder).relative_to(self.home).as_posix()
            names += [name if inside == "." else f"{inside}/{name}" for name in sorted(files) if is_image(name)]
            if len(names) >= MOST_FILES:
                break
        return names

    @cached_property
    def index(self) -> dict[str, list[str]]:
        """The files by their own name."""
        return grouped(self.listed, lambda name: folded(name.rpartition("/")[2]))

    @cached_property
    def stems(self) -> dict[str, list[str]]:
        """The files by their own name without the suffix."""
        return grouped(self.listed, lambda name: folded(stem_of(name.rpartition("/")[2])))

    def names(self, cell: str) -> bool:
        """Whether a cell is the name of an image, by its suffix or because it is there."""
        return bool(cell) and (is_image(cell) or is_file(self.folder / self.with_suffix(cell)))

    @cached_property
    def twins(self) -> dict[str, list[str]]:
        """The files by their path from the folder of images, without regard to capital letters."""
        paths = ((self.home / name, name) for name in self.listed)
        if self.folder == self.home:
            return grouped(self.listed, folded)
        below = [str(path.relative_to(self.folder)) for path, _ in paths if path.is_relative_to(self.folder)]
        return grouped(below, folded)


def folder_of(table: Path, image_folder: str | None) -> Path:
    """The folder of a table's images: its own, or the one given, from there or from where the command runs."""
    if image_folder is None:
        return table.parent
    places = (table.parent / image_folder, Path(image_folder))
    folder = next((place for place in places if place.is_dir()), None)
    if folder is None:
        raise DataError(f"there is no folder {places[0]}, nor {places[1].absolute()}; mend --image-folder")
    return folder


def is_file(path: Path) -> bool:
    """Whether there is such a file."""
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name too long for the file system, or with a zero byte
        return False


def folded(name: str) -> str:
    """The same for names that differ in capital letters or the form of accents alone."""
    return composed(composed(name).casefold())


def stem_of(base: str) -> str:
    """A file's name without an image's suffix."""
    return os.path.splitext(base)[0] if is_image(base) else base  # noqa: PTH122 - names, not paths


def same_end(wanted: str, name: str) -> int:
    """How many of the last parts of two paths are the same, whatever the suffix."""
    count = 0
    for one, other in zip(reversed(wanted.split("/")), reversed(name.split("/")), strict=False):
        if folded(stem_of(one)) != folded(stem_of(other)):
            break
        count += 1
    return count


def grouped(names: Iterable[str], key: Callable[[str], str]) -> dict[str, list[str]]:
    """Names by what ``key`` makes of them."""
    by_key: defaultdict[str, list[str]] = defaultdict(list)
    for name in names:
        by_key[key(name)].append(name)
    return dict(by_key)
