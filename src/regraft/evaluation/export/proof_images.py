"""The images that an export is proved with: those that validated the run, as files."""

from collections.abc import Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

from regraft.data.content import OnDisk
from regraft.data.readers.paths import Named, contents_at
from regraft.errors import DataError, RunError
from regraft.evaluation.classifier import Classifier
from regraft.progress import Progress, silent
from regraft.recipe import Reading
from regraft.runs.seen import Seen, images_of
from regraft.strict_json import Malformed

MOST = 1000  # images; of more a sample is taken, spread over all
PARTS = ("val", "test", "train")  # the first that has a file


@dataclass(frozen=True)
class Example:
    """An image file, and what the run makes of it."""

    name: str
    data: bytes
    probabilities: np.ndarray  # (classes,) float64


@dataclass(frozen=True)
class Source:
    """Where the images come from."""

    part: str  # of the run's data, or "given"
    images: Sequence[Named]


def source_of(run: Path, given: str | PathLike[str] | None) -> Source:
    """The images ``given``, or the run's own; RunError where none of those is there any more."""
    if given is not None:
        return Source("given", some(contents_at(Path(given), Reading())))
    seen = seen_by(run)
    root = Path(seen.root) if seen and seen.root else None
    if seen and root and root.is_dir():
        for part in PARTS:
            paths = [(file.path, root / file.path) for file in seen.files if file.split == part]
            if there := [(name, path) for name, path in paths if path.is_file()]:
                return Source(part, some([(name, OnDisk(path)) for name, path in there]))
    elif root and root.is_file():  # an archive or a table
        try:
            return Source("given", some(contents_at(root, Reading())))
        except DataError:
            pass
    where = f" in {root}" if root else ""
    raise RunError(f"none of the images of {run} is there any more{where}; name some to prove the export with, --data")


def seen_by(run: Path) -> Seen | None:
    """What data.json says, where it can be read."""
    try:
        return images_of(run)
    except (OSError, Malformed):
        return None


def some(images: Sequence[Named]) -> Sequence[Named]:
    """All, or MOST of them, spread."""
    if len(images) <= MOST:
        return images
    return [images[int(row)] for row in np.linspace(0, len(images) - 1, MOST)]


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
