"""The labelled images that a network is looked at with: those of its run, or others."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from regraft.data.address import is_address, not_opened
from regraft.data.find import Data, find_images
from regraft.data.images import EVALUATED, ImageSet
from regraft.data.pixel_range import asked_for, measured
from regraft.data.rendering import Rendering
from regraft.errors import DataError, RecipeError, RunError, reason_of
from regraft.inspection.subject import Subject
from regraft.recipe import Reading, read_recipe
from regraft.runs.seen import DATA, images_of
from regraft.strict_json import Malformed

MOST = 5000  # images that are looked at, unless more are asked for


@dataclass(frozen=True)
class Shown:
    """Images, and which of them the network was not trained on."""

    images: ImageSet
    unseen: np.ndarray  # (n,) int64, rows: a run's test part; all where that is not known
    name: str  # where they lie
    notes: tuple[str, ...] = ()


def images_for(
    subject: Subject, data: Data | None, reading: Reading = Reading(), most: int = MOST, seed: int = 0
) -> Shown | None:
    """The images of ``data``, else those of the run; None for a backbone without any.

    Of more than ``most`` a sample is taken, of every class its share, by ``seed``. Raises DataError where the run's
    images are not there any more.
    """
    parts: dict[str, str] = {}
    if data is None and reading != Reading():
        raise RecipeError("how images are read is asked for, but not which; name them with --data")
    if subject.folder:
        root, parts = images_of_run(subject.folder)
        if data is None:
            data, reading = root, read_recipe(subject.folder / "recipe.json").reading
            if is_address(root):
                raise DataError(not_opened(subject.folder, root))
            if not Path(root).exists():
                raise DataError(f"the images of {subject.folder} are not in {root} any more; name their place: --data")
    if data is None:
        return None
    images = find_images(data, reading, fewest_classes=EVALUATED)
    rows, notes = sampled(images.labels, most, seed), tuple[str, ...]()
    if len(rows) < len(images.files):
        notes = (
            f"Looked at {len(rows):,} of {len(images.files):,} images, drawn at random, of every class its share.",
        )
    images = replace(images.of(rows), rendering=rendering_of(subject, images, reading))
    return Shown(images, unseen_of(images, parts), str(images.root), notes)


def rendering_of(subject: Subject, images: ImageSet, reading: Reading) -> Rendering:
    """How the images become 8-bit ones: a run's own way but for what is asked for; a backbone's, measured on them."""
    if subject.folder is None:
        return measured(images, reading).rendering
    return asked_for(images, reading, subject.rendering) or subject.rendering


def unseen_of(images: ImageSet, parts: dict[str, str]) -> np.ndarray:
    """Rows that trained nothing by a run's ``parts``, file name to part: its test part, else its val part; else all."""
    own = [parts.get(file.name, "test") for file in images.files]
    rows = next((rows for part in ("test", "val") if (rows := [row for row, one in enumerate(own) if one == part])), [])
    return np.array(rows or range(len(own)), dtype=np.int64)


def images_of_run(folder: Path) -> tuple[str, dict[str, str]]:
    """Where a run's images lie, and which part of its split each is in; RunError where its data.json is damaged."""
    try:
        seen = images_of(folder)
    except (OSError, Malformed) as error:
        raise RunError(f"{folder / DATA} cannot be read: {reason_of(error)[:100]}; train the run again") from None
    return seen.root or "", {file.path: file.split for file in seen.files}


def sampled(labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Rows in order, ``most`` of them at most, of every class its share: (n,) int64."""
    if len(labels) <= most:
        return np.arange(len(labels))
    order = np.random.default_rng(seed).permutation(len(labels))
    by_class = [order[labels[order] == label] for label in np.unique(labels)]
    taken = [rows[: max(1, round(most * len(rows) / len(labels)))] for rows in by_class]
    return np.sort(np.concatenate(taken))
