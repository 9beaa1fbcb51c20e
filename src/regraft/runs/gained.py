"""What corrected labels brought: the run that was reviewed and the new one, on the same images with the same labels."""

import csv
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regraft.data.identity import IDENTITY
from regraft.data.spreadsheet import from_cell
from regraft.metrics.comparisons import on_images
from regraft.planning.prepare import Job
from regraft.runs.rows import ENCODING, label_of
from regraft.runs.seen import images_of
from regraft.strict_json import Malformed

PREDICTIONS = "predictions.csv"
PARTS = {"test": "test", "val": "validation"}  # in words


@dataclass(frozen=True)
class Gained:
    """Accuracies on the images that both runs report on."""

    run: str  # the earlier one
    part: str  # test or val
    images: int
    as_labelled: float  # of the earlier run, by the labels that it was given
    before: float  # of the earlier run, by the labels as they are now
    after: float  # of the new run, by the same
    low: float  # ends of the 95% interval of what was gained
    high: float

    @property
    def in_words(self) -> str:
        """From which accuracy to which."""
        points = [f"{100 * share:+.1f}" for share in (self.after - self.before, self.low, self.high)]
        gained = f"{points[0]} points, 95% interval {points[1]} to {points[2]}"
        said = (
            f"On the same {self.images:,} {PARTS[self.part]} images, labelled as they are now, accuracy went from"
            f" {self.before:.1%} to {self.after:.1%} ({gained})"
        )
        if self.as_labelled != self.before:
            said += f"; by the labels before it was {self.as_labelled:.1%}"
        return said


def gained_since(job: Job, right: np.ndarray) -> Gained | None:
    """What was gained on the run that was reviewed; ``right``: of the images reported on, (test,) bool.

    None where the images were not corrected, or that run is not known or reports on others.
    """
    corrected, going_on = job.images.corrected, job.going_on
    place = corrected.run or (str(going_on.run) if going_on else None) if corrected else None
    if place is None:
        return None
    before = predictions_of(Path(place))
    if not before:
        return None
    files, classes, pixels = job.images.files, job.images.classes, job.features.pixels
    rows = [
        (before[file.name, pixels[row]], classes[file.label], bool(right[i]))
        for i, row in enumerate(job.split.test.tolist())
        if ((file := files[row]).name, pixels[row]) in before
    ]
    if not rows:
        return None
    was, then, now = (
        np.array(each) for each in zip(*((given == p, p == label, ok) for (given, p), label, ok in rows), strict=True)
    )
    difference = on_images(now, then, job.recipe.seed)
    as_labelled, before_now, after = (float(each.mean()) for each in (was, then, now))
    return Gained(place, job.split.reported, len(rows), as_labelled, before_now, after, difference.low, difference.high)


def predictions_of(run: Path) -> dict[tuple[str, str], tuple[str, str]]:
    """The label and the predicted class of a run's test images, by name and by what they show; none where damaged."""
    with suppress(OSError, ValueError, KeyError, Malformed, csv.Error):
        seen = images_of(run)
        if seen.identity != IDENTITY:
            return {}
        shown = {file.path: file.pixels for file in seen.files}
        with (run / PREDICTIONS).open(newline="", encoding=ENCODING) as file:
            rows = [{name: from_cell(cell) for name, cell in row.items()} for row in csv.DictReader(file)]
        return {(row["path"], shown[row["path"]]): (label_of(row), row["predicted"]) for row in rows}
    return {}
