"""A run's labels under review: what to look at, and where what a person says is kept."""

import csv
import os
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from regraft.data.address import is_address, not_opened, without_secrets
from regraft.data.corrections import FILE
from regraft.data.find import Data
from regraft.data.readers.table import TABLES
from regraft.data.spreadsheet import from_cell
from regraft.errors import DataError, RunError, reason_not_written
from regraft.evaluation.review.decisions import Decisions
from regraft.evaluation.review.items import COLUMNS as ITEM_COLUMNS
from regraft.evaluation.review.items import Item, items_of
from regraft.features.features import Features
from regraft.features.scale import scale_of
from regraft.planning.prepare import look
from regraft.progress.shown import ShowProgress, shown
from regraft.recipe import Recipe, read_recipe
from regraft.runs.command import quoted
from regraft.runs.rows import ENCODING, Lines
from regraft.runs.seen import images_of
from regraft.strict_json import Malformed
from regraft.visible import Shown

PREDICTIONS = "predictions.csv"
NEAREST, COMPARED = 3, 20_000  # images like one that are shown, and images that they are chosen from at most


@dataclass(frozen=True, eq=False, repr=False)
class Review(Shown):
    """What to look at, in order, and the table of decisions."""

    run: Path
    data: str  # as the command line names it
    items: tuple[Item, ...]
    decisions: Decisions
    features: Features
    reviewed: int  # images that the table knew before
    quick: bool = True  # whether training again takes seconds, since the network stays frozen

    def in_lines(self) -> Iterator[str]:
        """How much there is to look at."""
        before = f"; {self.reviewed:,} were looked at before" if self.reviewed else ""
        yield f"{len(self.items):,} images to look at{before}"
        yield f"Decisions are kept in {self.decisions.path}"

    @property
    def command(self) -> str:
        """What trains with the decisions, as it is typed."""
        return quoted("regraft", *self.words)

    @property
    def words(self) -> tuple[str, ...]:
        """The same, word by word."""
        table, recipe = self.decisions.path.absolute(), (self.run / "recipe.json").absolute()
        return ("train", self.data, "--corrections", str(table), "--recipe", str(recipe))

    def nearest(self, place: int) -> list[int]:
        """The rows of images like an item's, the one that it contradicts first."""
        item = self.items[place]
        x, rows = self.directions
        at = np.flatnonzero(rows == item.row)
        own = x[at[0]] if len(at) else self.seen(np.array([item.row]))[0]
        order = [int(row) for row in rows[np.argsort(-(x @ own), kind="stable")[: NEAREST + 2]]]
        first = [] if item.other_row is None else [item.other_row]
        others = [row for row in order if row not in {item.row, *first}]
        return [*first, *others][: NEAREST + len(first)]

    @cached_property
    def directions(self) -> tuple[np.ndarray, np.ndarray]:
        """Standardised features of length one (images, channels), and the rows that they are of."""
        rows = np.arange(len(self.features.labels))
        rows = rows[:: max(1, -(-len(rows) // COMPARED))]
        return self.seen(rows), rows

    @cached_property
    def seen(self) -> Callable[[np.ndarray], np.ndarray]:
        """Rows -> directions at the last cut."""
        features, cut = self.features, self.features.cuts[-1]
        rows = np.arange(len(features.labels))
        scale = scale_of(features.pooled([cut], rows[:: max(1, len(rows) // 4_000)]))

        def directions(chosen: np.ndarray) -> np.ndarray:
            x = scale.apply(features.pooled([cut], chosen))
            return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12))

        return directions

    def write(self, path: Path) -> None:
        """Write the list as CSV; RunError where that cannot be."""
        lines = Lines(ITEM_COLUMNS)
        rows = (item.as_dict() | {"kinds": ", ".join(item.kinds)} for item in self.items)
        try:
            path.write_bytes(b"".join([lines.header(), *map(lines.row, rows)]))
        except OSError as error:
            raise RunError(f"{path} cannot be written: {reason_not_written(error)}; name another file") from None

    def as_dict(self) -> dict[str, Any]:
        """What ``review --list --json`` prints."""
        return {
            "run": str(self.run),
            "data": self.data,
            "corrections": str(self.decisions.path),
            "reviewed": self.reviewed,
            "items": [item.as_dict() for item in self.items],
            "train": self.command,
        }


def review(
    run: str | os.PathLike[str],
    data: Data | None = None,
    corrections: str | os.PathLike[str] | None = None,
    most: int | None = None,
    progress: ShowProgress = True,
) -> Review:
    """What a person should look at in the images of ``run``.

    ``data``: where they lie now, if elsewhere. ``corrections``: the table of decisions, which is read where it is there
    already; by default beside the data, or beside the run. ``most``: images to look at, at most.
    """
    folder = Path(run)
    recipe, root = recipe_of(folder), data if data is not None else root_of(folder)
    table = Path(corrections) if corrections is not None else table_for(folder, root, recipe)
    reading = replace(recipe.reading, corrections=str(table) if table.exists() else None)
    recipe = recipe.but(reading=reading)
    with shown(progress) as shows:
        looked = look(root, recipe, shows, may_go_on=True)
        features, split = looked.features, looked.split()
        shows("Looking for wrong labels", 0, 1)
        seed, workers = recipe.planning.split_seed, recipe.network.workers
        items = items_of(features, split, seed, answers_of(folder, features), workers)[:most]
        shows("Looking for wrong labels", 1, 1)
    corrected = features.images.corrected
    reviewed = 0 if corrected is None else corrected.relabelled + corrected.kept + len(corrected.removed)
    decisions = Decisions(table, folder, features.images.classes)
    named = without_secrets(str(root)) if not hasattr(root, "files") else "DATA"
    return Review(folder, named, tuple(items), decisions, features, reviewed, recipe.frozen)


def recipe_of(run: Path) -> Recipe:
    """The recipe of a run; RunError where there is none."""
    if not (run / "recipe.json").is_file() or not (run / "model").is_dir():
        raise RunError(f"{run} is no finished run; give a folder that `regraft train` made")
    return read_recipe(run / "recipe.json")


def root_of(run: Path) -> str:
    """Where the images of a run lay; DataError where they are there no more."""
    try:
        root = images_of(run).root
    except (OSError, Malformed) as error:
        raise RunError(f"{run} does not say where its images are ({error}); name their place with --data") from None
    if root is not None and is_address(root):
        raise DataError(not_opened(run, root))
    if root is None or not Path(root).exists():
        raise DataError(f"the images of {run} are not in {root} any more; name their place with --data")
    return root


def table_for(run: Path, data: Data, recipe: Recipe) -> Path:
    """Where decisions are kept: the table that the run was trained with; else beside the images, or beside the run."""
    if recipe.reading.corrections:
        return Path(recipe.reading.corrections)
    if isinstance(data, (str, os.PathLike)):
        root = Path(data)
        folder = root.parent if root.is_file() and root.suffix.lower() in TABLES else root
        if folder.is_dir() and os.access(folder, os.W_OK | os.X_OK):
            return folder / FILE
    own = run.resolve()
    return own.with_name(f"{own.name}.{FILE}")


def answers_of(run: Path, features: Features) -> dict[int, np.ndarray]:
    """The run's probabilities of the images that it reports on, by row; of those that are the same still."""
    with suppress(OSError, ValueError, KeyError, Malformed, csv.Error):
        pixels = {file.path: file.pixels for file in images_of(run).files}
        with (run / PREDICTIONS).open(newline="", encoding=ENCODING) as file:
            answers = {from_cell(row["path"]): row for row in csv.DictReader(file)}
        columns = [f"p({name})" for name in features.images.classes]
        return {
            row: np.array([float(answers[file.name].get(column) or 0) for column in columns])
            for row, file in enumerate(features.images.files)
            if file.name in answers and pixels.get(file.name) == features.pixels[row]
        }
    return {}
