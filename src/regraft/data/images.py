"""The user's images as data: which there are, which class and split each belongs to, what is wrong with them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from regraft.data.content import Content
from regraft.errors import DataError

SUFFIXES = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm",
    ".pbm", ".pnm", ".tga", ".jp2", ".j2k", ".avif", ".heic", ".heif", ".ico", ".pcx",
))  # fmt: skip
SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
SPLITS = ("train", "val", "test")
FEWEST_CLASSES = 2
LEFT_OUT, KEPT, IGNORED = "left out", "kept", "ignored"  # what is done about a fault


@dataclass(frozen=True)
class ImageFile:
    """One labelled image: its name, its class's id, its given split and group (None: not given), its content."""

    name: str  # its path below the root, with forward slashes
    label: int
    split: str | None
    content: Content = field(compare=False, repr=False)
    group: str | None = None


@dataclass(frozen=True)
class Fault:
    """Something odd or wrong with one path, and what was done about it."""

    path: str
    kind: str
    reason: str
    action: str = LEFT_OUT
    images: int = 1  # that it is about


@dataclass(frozen=True)
class ImageSet:
    """Labelled images. ``classes[label]`` is a class's name; ids follow sorted names."""

    root: Path  # what the user gave
    classes: tuple[str, ...]
    files: tuple[ImageFile, ...]
    faults: tuple[Fault, ...] = ()
    notes: tuple[str, ...] = ()  # how the source was read

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that are given, in the order train, val, test; empty where none is."""
        present = {file.split for file in self.files}
        return tuple(name for name in SPLITS if name in present)

    @cached_property
    def labels(self) -> np.ndarray:
        """The class ids: (files,), int64."""
        return np.array([file.label for file in self.files], dtype=np.int64)

    @property
    def left_out(self) -> int:
        """How many faults led to a file being left out."""
        return sum(fault.action == LEFT_OUT for fault in self.faults)

    def counts(self) -> dict[str, dict[str, int]]:
        """Images by split ("all" where none is given), then by class."""
        counted = Counter((file.split or "all", file.label) for file in self.files)
        return {
            split: {name: counted[split, label] for label, name in enumerate(self.classes)}
            for split in self.splits or ("all",)
        }

    def of(self, rows: Iterable[int]) -> "ImageSet":
        """The images of some rows alone, without faults."""
        return replace(self, files=tuple(self.files[row] for row in rows), faults=())

    def as_dict(self) -> dict[str, Any]:
        """What ``scan --json`` prints."""
        return {
            "root": str(self.root),
            "classes": list(self.classes),
            "images": len(self.files),
            "left_out": self.left_out,
            "counts": self.counts(),
            "faults": [asdict(fault) for fault in self.faults],
            "notes": list(self.notes),
        }

    def noting(self, faults: Iterable[Fault]) -> "ImageSet":
        """The same images with more faults listed."""
        return replace(self, faults=(*self.faults, *faults))

    def saying(self, notes: Iterable[str]) -> "ImageSet":
        """The same images with more notes."""
        return replace(self, notes=(*self.notes, *notes))

    def without(self, faults: tuple[Fault, ...]) -> "ImageSet":
        """Leave out the files that ``faults`` names; refuse when a whole class is gone (DataError)."""
        bad = {fault.path: fault for fault in faults}
        readable = tuple(file for file in self.files if file.name not in bad)
        if not readable:
            raise DataError(
                f"none of the {len(self.files)} images below {self.root} can be read"
                f" (the first: {faults[0].path}: {faults[0].reason}); bring image files that open in a viewer"
            )
        left = {file.label for file in readable}
        for label, name in enumerate(self.classes):
            if label not in left:
                worst = next((bad[file.name] for file in self.files if file.label == label), None)
                if worst is None:
                    raise DataError(f"class '{name}' has no image; leave it out of the classes or bring some")
                raise DataError(
                    f"class '{name}' has no readable image (for one, {worst.path}: {worst.reason});"
                    " mend its files or remove the class"
                )
        return replace(self.noting(faults), files=readable)


def split_named(word: object, where: str) -> str | None:
    """The split that a word stands for: train, val or test; None for no word. DataError for any other."""
    text = "" if word is None else str(word).strip()
    if not text:
        return None
    if text.lower() not in SPLIT_NAMES:
        raise DataError(f"{where} has the split '{text[:80]}'; write one of {', '.join(SPLIT_NAMES)}")
    return SPLIT_NAMES[text.lower()]


@dataclass(frozen=True)
class Labelled:
    """One image as a source names it, before classes have ids."""

    name: str
    label: str
    content: Content
    split: str | None = None
    group: str | None = None


def collect(
    root: Path, labelled: Iterable[Labelled], faults: Iterable[Fault] = (), fewest_classes: int = FEWEST_CLASSES
) -> ImageSet:
    """Give the classes ids, in the order of their names.

    Images of a class that train has none of are left out and listed, and so are those without a split where others
    have one. Raises DataError where no image or fewer than ``fewest_classes`` are left.
    """
    items, listed = list(labelled), list(faults)
    if any(item.split for item in items):
        listed += [Fault(item.name, "no split", "others are in train, val or test") for item in items if not item.split]
        items = [item for item in items if item.split]
    if not items:
        raise DataError(f"there is no labelled image in {root}; {expected(root)}")
    training = {item.label for item in items if item.split in {None, "train"}} or {item.label for item in items}
    classes = tuple(sorted(training))
    if len(classes) < fewest_classes:
        raise DataError(
            f"a classifier needs two classes or more; in {root} there is only '{classes[0]}'; add images of another"
        )
    ids = {name: label for label, name in enumerate(classes)}
    strangers = {item.label for item in items} - training
    for name in sorted(strangers):
        count = sum(item.label == name for item in items)
        part = next(item.split for item in items if item.label == name)
        listed.append(Fault(f"{part}/{name}", "class not in train", f"{count} images of '{name}', none in train"))
    files = (
        ImageFile(item.name, ids[item.label], item.split, item.content, item.group)
        for item in items
        if item.label in ids
    )
    return ImageSet(root, classes, tuple(files), tuple(listed))


def expected(root: Path) -> str:
    """What an error asks for."""
    return f"expected {root}/CLASS/image.jpg or {root}/train/CLASS/image.jpg, or a table with image and label columns"
