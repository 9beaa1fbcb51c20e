"""The user's images as data: which there are, which class and split each belongs to, what is wrong with them."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from regraft.data.gathered import Gathered
from regraft.data.gathered import Labelled as Labelled  # noqa: PLC0414 - and this
from regraft.data.group_sizes import GroupSizes, group_sizes
from regraft.data.image_files import Files
from regraft.data.image_files import ImageFile as ImageFile  # noqa: PLC0414 - most import it from here
from regraft.data.rendering import PLAIN, Rendering
from regraft.data.spelling import alike, composed
from regraft.errors import DataError
from regraft.visible import Shown

SUFFIXES = frozenset((
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".bmp", ".dib", ".gif", ".webp", ".tif", ".tiff", ".ppm", ".pgm",
    ".pbm", ".pnm", ".tga", ".jp2", ".j2k", ".avif", ".heic", ".heif", ".ico", ".pcx",
))  # fmt: skip
NUMBERS = frozenset((".npy", ".dcm", ".dicom"))  # suffixes of files of numbers that may be images
SPLIT_NAMES = {
    "train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "dev": "val",
    "test": "test", "testing": "test",
}  # fmt: skip
SPLITS = ("train", "val", "test")
FEWEST_CLASSES = 2
EVALUATED = 1  # the fewest classes of images that train nothing: then a class need not be in train
LEFT_OUT, KEPT, IGNORED = "left out", "kept", "ignored"  # what is done about a fault


@dataclass(frozen=True)
class Corrected:
    """What a person's corrections did to a set of images."""

    file: str  # the table, as an absolute path
    relabelled: int
    kept: int  # that were looked at and left as they are
    removed: tuple[ImageFile, ...]  # that are left out, as they were
    classes: tuple[str, ...]  # as they were
    run: str | None  # that was reviewed, where it is still there
    max_pixels: int

    @property
    def in_words(self) -> str:
        """How many images it is about."""
        labels = f"{self.relabelled:,} label{'' if self.relabelled == 1 else 's'}"
        out = f"{len(self.removed):,} image{'' if len(self.removed) == 1 else 's'}"
        kept = f"; {self.kept:,} looked at and kept" if self.kept else ""
        return f"{labels} corrected, {out} left out, as {self.file} says{kept}"

    def as_dict(self) -> dict[str, Any]:
        """Plain data; the images that stay say themselves what they were."""
        gone = [{"path": file.name, "was": file.was} for file in self.removed]
        return {"file": self.file, "relabelled": self.relabelled, "kept": self.kept, "left_out": gone, "run": self.run}


@dataclass(frozen=True)
class Fault:
    """Something odd or wrong with one path, and what was done about it."""

    path: str
    kind: str
    reason: str
    action: str = LEFT_OUT
    images: int = 1  # that it is about


@dataclass(frozen=True, repr=False)
class ImageSet(Shown):
    """Labelled images. ``classes[label]`` is a class's name; ids follow sorted names."""

    root: Path  # what the user gave
    classes: tuple[str, ...]
    files: Files  # any sequence of ImageFile is turned into it
    faults: tuple[Fault, ...] = ()
    rendering: Rendering = PLAIN  # how all of them become 8-bit RGB
    notes: tuple[str, ...] = ()  # how the source was read
    corrected: Corrected | None = None  # by a person, if so

    def __post_init__(self) -> None:
        object.__setattr__(self, "files", Files.of(self.files))

    def in_lines(self) -> Iterator[str]:
        """How many images, of which classes."""
        parts = Counter(self.files.splits)
        split = f" ({', '.join(f'{parts[name]:,} {name}' for name in self.splits)})" if self.splits else ""
        shown = ", ".join(self.classes[:5]) + (" ..." if len(self.classes) > 5 else "")  # noqa: PLR2004
        yield f"{len(self.files):,} images{split} of {len(self.classes):,} classes: {shown}"
        yield f"From {self.root}; {self.left_out:,} files were left out"

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that are given, in the order train, val, test; empty where none is."""
        present = set(self.files.splits.present())
        return tuple(name for name in SPLITS if name in present)

    @property
    def labels(self) -> np.ndarray:
        """The class ids: (files,), int64."""
        return self.files.labels

    @property
    def left_out(self) -> int:
        """How many files were left out."""
        return sum(fault.images for fault in self.faults if fault.action == LEFT_OUT)

    def counts(self) -> dict[str, dict[str, int]]:
        """Images by split ("all" where none is given), then by class."""
        counted: Counter[tuple[str, int]] = Counter()
        for split, labels in self.labels_by_split():
            counted.update({(split or "all", label): count for label, count in enumerate(np.bincount(labels).tolist())})
        return {
            split: {name: counted[split, label] for label, name in enumerate(self.classes)}
            for split in self.splits or ("all",)
        }

    def labels_by_split(self) -> Iterator[tuple[str | None, np.ndarray]]:
        """The class ids of each given split's images."""
        for code, split in enumerate(self.files.splits.values):
            yield split, self.labels[self.files.splits.codes == code]

    def of(self, rows: Iterable[int]) -> "ImageSet":
        """The images of some rows alone, without faults."""
        return replace(self, files=self.files.take(np.fromiter(rows, np.int64)), faults=())

    @property
    def group_sizes(self) -> GroupSizes | None:
        """How many groups there are, and the largest; None where there is none."""
        return group_sizes(self.files.groups)

    def as_dict(self) -> dict[str, Any]:
        """What ``scan --json`` prints."""
        groups = self.group_sizes
        return {
            "root": str(self.root),
            "classes": list(self.classes),
            "images": len(self.files),
            "left_out": self.left_out,
            "counts": self.counts(),
            "rendering": self.rendering.as_dict() | {"said": list(self.rendering.in_words())},
            "groups": groups.as_dict() | {"said": groups.in_words} if groups else None,
            "faults": [asdict(fault) for fault in self.faults],
            "notes": list(self.notes),
            "corrected": self.corrected.as_dict() if self.corrected else None,
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
        readable = self.files.take(np.flatnonzero([name not in bad for name in self.files.names]))
        if not readable:
            what = f"none of the {len(self.files)} images below {self.root} can be read"
            if all(fault.kind == "too large" for fault in faults):
                raise DataError(f"{what}: all are too large, as {faults[0].path}: {faults[0].reason}")
            raise DataError(
                f"{what} (the first: {faults[0].path}: {faults[0].reason}); bring image files that open in a viewer"
            )
        left = set(np.unique(readable.labels).tolist())
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


def images_by_kind(faults: Iterable[Fault]) -> dict[str, int]:
    """How many images have faults of each kind."""
    counts: Counter[str] = Counter()
    for fault in faults:
        counts[fault.kind] += fault.images
    return dict(counts)


def split_named(word: object, where: str) -> str | None:
    """The split that a word stands for: train, val or test; None for no word. DataError for any other."""
    text = "" if word is None else str(word).strip()
    if not text:
        return None
    if text.lower() not in SPLIT_NAMES:
        raise DataError(f"{where} has the split '{text[:80]}'; write one of {', '.join(SPLIT_NAMES)}")
    return SPLIT_NAMES[text.lower()]


def collect(
    root: Path,
    labelled: Iterable[Labelled] | Gathered,
    faults: Iterable[Fault] = (),
    fewest_classes: int = FEWEST_CLASSES,
    order: Callable[[str], Any] = str,
) -> ImageSet:
    """Give the classes ids, in the order of their names, or of what ``order`` makes of these.

    Names are taken in Unicode's composed form. Images of a class that train has none of count as the one class of
    train that is spelt alike, or are left out, unless they are only EVALUATED; both are listed. So are images without a
    split where others have one. Raises DataError where no image or fewer than ``fewest_classes`` are left.
    """
    gathered = labelled if isinstance(labelled, Gathered) else Gathered(labelled)
    files, names = gathered.files(), [composed(name) for name in gathered.labels]
    listed = [*faults, *spelt_in_forms(gathered.labels)]
    if any(files.splits.present()):
        none = np.isin(files.splits.codes, [code for code, split in enumerate(files.splits.values) if not split])
        without = files.names.take(np.flatnonzero(none))
        listed += [Fault(name, "no split", "others are in train, val or test") for name in without]
        files = files.take(np.flatnonzero(~none))
    if not len(files):
        raise DataError(f"there is no labelled image in {root}; {expected(root)}")
    counts = Counter[tuple[str | None, str]]()
    for split in files.splits.present():
        rows = files.splits.rows_of(split)
        for code, count in enumerate(np.bincount(files.labels[rows]).tolist()):
            if count:
                counts[split, names[code]] += count
    training = {name for split, name in counts if split in {None, "train"} or fewest_classes == EVALUATED}
    training = training or {name for _, name in counts}
    taken, spelt = as_in_train(counts, training)
    listed += spelt
    classes = tuple(sorted(training, key=order))
    if len(classes) < fewest_classes:
        raise DataError(
            f"a classifier needs two classes or more; in {root} there is only '{classes[0]}'; add images of another"
        )
    ids = {name: label for label, name in enumerate(classes)}
    files = files.labelled(np.array([ids[taken[name]] if name in taken else -1 for name in names])[files.labels])
    stay = files.labels >= 0
    return ImageSet(root, classes, files if stay.all() else files.take(np.flatnonzero(stay)), tuple(listed))


def spelt_in_forms(labels: Mapping[str, int]) -> Iterator[Fault]:
    """The names of classes that come in several forms of Unicode, of images by name."""
    forms: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for label, count in labels.items():
        forms[composed(label)][label] += count
    for name, ways in forms.items():
        if len(ways) > 1:
            why = f"in {len(ways)} forms of Unicode; they count as one class"
            yield Fault(name, "class spelt twice", why, KEPT, ways.total())


def as_in_train(
    counts: Mapping[tuple[str | None, str], int], training: Iterable[str]
) -> tuple[dict[str, str], list[Fault]]:
    """Which of the classes in ``training`` each name stands for: itself, or the one spelt alike; the rest is left out.

    ``counts``: images by split and name.
    """
    spelt: defaultdict[str, list[str]] = defaultdict(list)
    for name in training:
        spelt[alike(name)].append(name)
    names = {name: name for name in training}
    strangers = {pair: count for pair, count in counts.items() if pair[1] not in names}
    faults = []
    for (part, name), count in sorted(strangers.items()):
        same = spelt[alike(name)]
        if len(same) == 1:
            names[name] = same[0]
            why = f"spelt differently in train; its {count} images count as '{same[0]}'"
            faults.append(Fault(f"{part}/{name}", "class spelt twice", why, KEPT, count))
        else:
            why = f"{count} images of '{name}', none in train"
            faults.append(Fault(f"{part}/{name}", "class not in train", why, images=count))
    return names, faults


def expected(root: Path) -> str:
    """What an error asks for."""
    return f"expected {root}/CLASS/image.jpg or {root}/train/CLASS/image.jpg, or a table with image and label columns"
