"""The labelled images that a network is looked at with: those of its run, or others."""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regraft.data.find import Data, find_images
from regraft.data.images import EVALUATED, ImageSet
from regraft.errors import DataError, RunError, reason_of
from regraft.inspection.subject import Subject
from regraft.recipe import Reading, read_recipe

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
    if subject.folder:
        root, parts = images_of_run(subject.folder)
        if data is None:
            data, reading = root, read_recipe(subject.folder / "recipe.json").reading
            if not root.exists():
                raise DataError(f"the images of {subject.folder} are not in {root} any more; name their place: --data")
    if data is None:
        return None
    images = find_images(data, reading, fewest_classes=EVALUATED)
    rows, notes = sampled(images.labels, most, seed), tuple[str, ...]()
    if len(rows) < len(images.files):
        notes = (
            f"Looked at {len(rows):,} of {len(images.files):,} images, drawn at random, of every class its share.",
        )
    images = images.of(rows)
    return Shown(images, unseen_of(images, parts), str(images.root), notes)


def unseen_of(images: ImageSet, parts: dict[str, str]) -> np.ndarray:
    """Rows that trained nothing by a run's ``parts``, file name to part: its test part, else its val part; else all."""
    own = [parts.get(file.name, "test") for file in images.files]
    rows = next((rows for part in ("test", "val") if (rows := [row for row, one in enumerate(own) if one == part])), [])
    return np.array(rows or range(len(own)), dtype=np.int64)


def images_of_run(folder: Path) -> tuple[Path, dict[str, str]]:
    """Where a run's images lie, and which part of its split each is in; RunError where its data.json is damaged."""
    try:
        values = json.loads((folder / "data.json").read_text())
        return Path(values["root"]), {str(file["path"]): str(file["split"]) for file in values["files"]}
    except Exception as error:  # missing, or no JSON, or another form of it
        raise RunError(
            f"{folder / 'data.json'} cannot be read: {reason_of(error)[:100]}; train the run again"
        ) from None


def sampled(labels: np.ndarray, most: int, seed: int) -> np.ndarray:
    """Rows in order, ``most`` of them at most, of every class its share: (n,) int64."""
    if len(labels) <= most:
        return np.arange(len(labels))
    order = np.random.default_rng(seed).permutation(len(labels))
    by_class = [order[labels[order] == label] for label in np.unique(labels)]
    taken = [rows[: max(1, round(most * len(rows) / len(labels)))] for rows in by_class]
    return np.sort(np.concatenate(taken))
