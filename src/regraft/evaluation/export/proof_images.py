"""The images that an export is proved with: those that validated the run, as files."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import TypeVar

import numpy as np

from regraft.data.address import is_address, not_opened
from regraft.data.content import Content, OnDisk
from regraft.data.find import find_images
from regraft.data.images import EVALUATED, ImageFile
from regraft.data.readers.paths import Named, contents_at
from regraft.errors import DataError, RegraftError, RunError
from regraft.evaluation.classifier import Classifier
from regraft.progress import Progress, silent
from regraft.recipe import Reading
from regraft.recipe.recipe import read_recipe
from regraft.runs.seen import Seen, images_of
from regraft.strict_json import Malformed

MOST = 1000  # images; of more a sample is taken, spread over all
Item = TypeVar("Item")
PARTS = ("val", "test", "train")  # the first that has a file


@dataclass(frozen=True)
class Example:
    """An image file, and what the run makes of it."""

    name: str
    data: bytes
    probabilities: np.ndarray  # (classes,) float64


@dataclass(frozen=True)
class Own:
    """One of a run's own images that is still there."""

    path: str  # in the data
    content: Content
    part: str
    label: str | None


@dataclass(frozen=True)
class Source:
    """Where the images come from."""

    part: str  # of the run's data, or "given"
    images: Sequence[Named]


def source_of(run: Path, given: str | PathLike[str] | None) -> Source:
    """The images ``given``, or the run's own; RunError where none of those is there any more."""
    if given is not None:
        return Source("given", some(contents_at(Path(given), Reading())))
    own = own_images(run)
    for part in PARTS:
        if there := [(image.path, image.content) for image in own if image.part == part]:
            return Source(part, some(there))
    seen = seen_by(run)
    root = Path(seen.root) if seen and seen.root else None
    if root and root.is_file() and (listed := listed_in(root)):  # a table with names of its own for them
        return Source("given", some(listed))
    if seen and seen.root and is_address(seen.root):
        raise RunError(not_opened(run, seen.root))
    where = f" in {root}" if root else ""
    raise RunError(f"none of the images of {run} is there any more{where}; name some to prove the export with, --data")


def own_images(run: Path) -> list[Own]:
    """The images of a run that are where they lay, in a folder or in an archive; not those that came as arrays."""
    seen = seen_by(run)
    root = Path(seen.root) if seen and seen.root else None
    if not seen or not root:
        return []
    there: dict[str, Content] = {}
    if root.is_dir():
        there = {file.path: OnDisk(root / file.path) for file in seen.files if (root / file.path).is_file()}
    elif root.is_file():
        there = {name.removeprefix(f"{root}/"): content for name, content in listed_in(root)}
    if not there:
        there = {file.name: file.content for file in read_again(run, seen.root)}
    return [Own(file.path, there[file.path], file.split, file.label) for file in seen.files if file.path in there]


def read_again(run: Path, root: str | None) -> Sequence[ImageFile]:
    """The images of a run that lie in shards; none where they cannot be had."""
    if not root or is_address(root):  # a run may come from anyone, so its word alone reaches no network
        return ()
    try:
        return find_images(root, read_recipe(run / "recipe.json").reading, EVALUATED).files
    except (RegraftError, OSError):
        return ()


def listed_in(root: Path) -> list[Named]:
    """What lies in an archive or a table; nothing where it cannot be read."""
    try:
        return contents_at(root, Reading()) if root.is_file() else []
    except DataError:
        return []


def seen_by(run: Path) -> Seen | None:
    """What data.json says, where it can be read."""
    try:
        return images_of(run)
    except (OSError, Malformed):
        return None


def some(images: Sequence[Item], most: int = MOST) -> Sequence[Item]:
    """All, or ``most`` of them, spread."""
    if len(images) <= most:
        return images
    return [images[int(row)] for row in np.linspace(0, len(images) - 1, most)]


def examples_of(classifier: Classifier, source: Source, progress: Progress = silent) -> list[Example]:
    """The encoded images that the run can predict, with its probabilities; RunError where there is none."""
    answers = classifier.predict_contents(source.images, progress)
    examples = []
    for (name, content), answer in zip(source.images, answers, strict=True):
        if answer.probabilities is not None and isinstance(data := content.read(), bytes):
            examples.append(Example(name, data, answer.probabilities))
    if not examples:
        raise RunError("none of the images can be predicted, so the export cannot be proved; name others with --data")
    return examples
