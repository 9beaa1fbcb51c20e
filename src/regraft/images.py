"""The user's images: which files there are, which class and split each belongs to, what is wrong with them."""

import os
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from regraft.decoding import Undecodable, decode
from regraft.errors import DataError
from regraft.stream import map_ahead

SUFFIXES = frozenset(
    [
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".png",
        ".bmp",
        ".gif",
        ".webp",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".tga",
        ".jp2",
        ".avif",
        ".heic",
        ".heif",
    ]
)
SPLIT_NAMES = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
FEWEST_CLASSES = 2


@dataclass(frozen=True)
class ImageFile:
    """One labelled file: its path, its class's id, and the split its folder puts it in (None: not given)."""

    path: Path
    label: int
    split: str | None


@dataclass(frozen=True)
class Fault:
    """Something wrong with one path, and what was done about it."""

    path: str
    kind: str
    reason: str
    action: str = "left out"


@dataclass(frozen=True)
class ImageSet:
    """A folder of labelled images. ``classes[label]`` is a class's name; ids follow sorted names."""

    root: Path
    classes: tuple[str, ...]
    files: tuple[ImageFile, ...]
    faults: tuple[Fault, ...] = ()

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that the folders give, in the order train, val, test; empty where they give none."""
        return tuple(name for name in ("train", "val", "test") if any(file.split == name for file in self.files))

    def counts(self) -> dict[str, dict[str, int]]:
        """Images by split ("all" where none is given), then by class."""
        counted = Counter((file.split or "all", file.label) for file in self.files)
        return {
            split: {name: counted[split, label] for label, name in enumerate(self.classes)}
            for split in self.splits or ("all",)
        }

    def without(self, faults: tuple[Fault, ...]) -> "ImageSet":
        """Leave out the files that ``faults`` names; refuse when a whole class is gone (DataError)."""
        bad = {fault.path for fault in faults}
        kept = tuple(file for file in self.files if self.name_of(file) not in bad)
        if not kept:
            raise DataError(
                f"none of the {len(self.files)} images below {self.root} can be read"
                f" (the first: {faults[0].path}: {faults[0].reason}); bring image files that open in a viewer"
            )
        left = {file.label for file in kept}
        for label, name in enumerate(self.classes):
            if label not in left:
                worst = next(
                    f for f in faults if any(i.label == label and self.name_of(i) == f.path for i in self.files)
                )
                raise DataError(
                    f"class '{name}' has no readable image (for one, {worst.path}: {worst.reason});"
                    " mend its files or remove the class"
                )
        return replace(self, files=kept, faults=self.faults + faults)

    def name_of(self, file: ImageFile) -> str:
        """The file's path below the root, with forward slashes."""
        return file.path.relative_to(self.root).as_posix()


def find_images(root: Path, fewest_classes: int = FEWEST_CLASSES) -> ImageSet:
    """List ``root/class/...`` or ``root/{train,val,test}/class/...`` without opening a file.

    Raises DataError for a folder that is missing, empty, or holds fewer than ``fewest_classes``.
    """
    check_folder(root)
    folders = [folder for folder in subfolders(root) if any(files_below(folder))]
    if not folders:
        raise DataError(
            f"no class folders with images below {root}; expected {root}/CLASS/image.jpg"
            f" or {root}/train/CLASS/image.jpg"
        )
    by_split = split_folders(folders)
    faults = [Fault(path.name, "loose file", "it lies in no class folder") for path in visible_files(root)]
    named: list[tuple[Path, str, str | None]] = []
    if by_split:
        for folder, split in by_split:
            faults += [
                Fault(p.relative_to(root).as_posix(), "loose file", "it lies in no class folder")
                for p in visible_files(folder)
            ]
            named += [(path, path.name, split) for path in subfolders(folder) if any(files_below(path))]
        chosen = {folder for folder, _ in by_split}
        faults += [
            Fault(f.name, "other folder", "it is beside train/val/test folders") for f in folders if f not in chosen
        ]
    else:
        named = [(path, path.name, None) for path in folders]
    return collect(root, named, faults, fewest_classes)


def check_folder(root: Path) -> None:
    """Raise DataError unless ``root`` is a folder that can be listed."""
    if not root.exists():
        raise DataError(f"there is no folder {root}; give the folder that holds your class folders")
    if not root.is_dir():
        raise DataError(f"{root} is a file; give the folder that holds your class folders")
    if not os.access(root, os.R_OK | os.X_OK):
        raise DataError(f"the folder {root} may not be read; grant yourself read permission")


def collect(
    root: Path, named: list[tuple[Path, str, str | None]], faults: list[Fault], fewest_classes: int
) -> ImageSet:
    """Class folders (path, class, split) -> the ImageSet, classes sorted by name."""
    training = {name for _, name, split in named if split in {None, "train"}} or {name for _, name, _ in named}
    classes = tuple(sorted(training))
    if len(classes) < fewest_classes:
        seen = f"only '{classes[0]}'" if classes else "none"
        raise DataError(f"a classifier needs two classes or more; below {root} there is {seen}; add a folder per class")
    ids = {name: label for label, name in enumerate(classes)}
    files: list[ImageFile] = []
    for folder, name, split in sorted(named, key=lambda item: item[0].as_posix()):
        if name not in ids:
            faults.append(
                Fault(folder.relative_to(root).as_posix(), "class not in train", f"no training image of '{name}'")
            )
            continue
        for path in files_below(folder):
            if path.suffix.lower() in SUFFIXES:
                files.append(ImageFile(path, ids[name], split))
            else:
                where = path.relative_to(root).as_posix()
                faults.append(Fault(where, "not an image", f"'{path.suffix or path.name}' is no image suffix"))
    found = {file.label for file in files}
    for label, name in enumerate(classes):
        if label not in found:
            raise DataError(
                f"class '{name}' holds files but no image; add images to its folder or remove it from {root}"
            )
    return ImageSet(root, classes, tuple(files), tuple(faults))


def split_folders(folders: list[Path]) -> list[tuple[Path, str]]:
    """The folders that are splits (train, val, valid, validation, test), or none when they are classes.

    They are splits when each of their images lies in a folder below them and either all folders bear
    such names, or train and another one do.
    """
    splits = [(f, SPLIT_NAMES[f.name.lower()]) for f in folders if f.name.lower() in SPLIT_NAMES]
    splits = [(folder, split) for folder, split in splits if any(any(files_below(sub)) for sub in subfolders(folder))]
    names = {split for _, split in splits}
    if len(splits) == len(folders) or ("train" in names and len(names) > 1):
        return splits
    return []


def subfolders(folder: Path) -> list[Path]:
    """Folders directly below, sorted, hidden ones aside."""
    return sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith((".", "__")))


def visible_files(folder: Path) -> list[Path]:
    """Image files directly in ``folder``."""
    return sorted(p for p in folder.iterdir() if p.is_file() and p.suffix.lower() in SUFFIXES and p.name[0] != ".")


def files_below(folder: Path) -> Iterator[Path]:
    """Every file below ``folder`` in sorted order, hidden and system files aside; links are followed once."""
    visited: set[str] = set()
    for where, below, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(where)
        if real in visited:
            below.clear()
            continue
        visited.add(real)
        below[:] = sorted(name for name in below if not name.startswith((".", "__")))
        for name in sorted(names):
            if not name.startswith(".") and name.lower() not in {"thumbs.db", "desktop.ini"}:
                yield Path(where, name)


def scan(root: Path, workers: int = 0) -> ImageSet:
    """Find the images below ``root`` and decode each in full; the broken ones are left out and listed."""
    found = find_images(root)

    def fault_of(file: ImageFile) -> Fault | None:
        try:
            decode(file.path.read_bytes())
        except Undecodable as error:
            return Fault(found.name_of(file), error.kind, str(error))
        except OSError as error:
            return Fault(found.name_of(file), "unreadable", error.strerror or str(error))
        return None

    faults = tuple(fault for _, fault in map_ahead(fault_of, found.files, workers) if fault)
    return found.without(faults) if faults else found


def images_at(paths: Sequence[Path]) -> list[Path]:
    """The files named, and the image files in the folders named; DataError where there is nothing."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            found += [file for file in files_below(path) if file.suffix.lower() in SUFFIXES]
        elif path.exists():
            found.append(path)
        else:
            raise DataError(f"there is no file or folder {path}; give images, or folders of images")
    if not found:
        raise DataError(f"no image below {', '.join(str(path) for path in paths)}; give images, or folders of images")
    return found
