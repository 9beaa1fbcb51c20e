"""Predictions into a file, in bounded memory."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from regraft.errors import RecipeError, RunError
from regraft.evaluation.classifier import Classifier
from regraft.evaluation.given import contents_of
from regraft.evaluation.predicted_file import (
    JSON_LINES,
    ROWS,
    Row,
    Wanted,
    check_out,
    is_regular,
    rows_of,
    written,
)
from regraft.evaluation.prediction import NOTHING, Further, Tally, columns_of
from regraft.evaluation.sorting import Sorted
from regraft.network.saved import CONFIG, MODEL, hash_of_file
from regraft.progress.shown import ShowProgress
from regraft.recipe import Reading
from regraft.runs.folder import unfinished_of
from regraft.runs.rows import formulas_note


@dataclass(frozen=True)
class Predicted:
    """A file of predictions."""

    wanted: Wanted
    tally: Tally = field(default_factory=Tally)

    @property
    def note(self) -> str | None:
        """What the user should know of what is written there."""
        if self.wanted.out.suffix.lower() in JSON_LINES:
            return None
        return formulas_note([*self.wanted.names, *self.wanted.classes], "the CSV")

    def rows(self, most: int | None = None) -> Iterator[Row]:
        """The first predictions, or all, as plain data; none where they went to a device or a pipe."""
        return rows_of(self.wanted, self.wanted.out, most) if self.wanted.out.is_file() else iter(())


OTHER_FORMATS = (".xlsx", ".xls", ".ods", ".json", ".parquet", ".feather", ".arrow", ".html", ".xml", ".db", ".pkl")


def check_predict_to(out: Path | None, overwrite: bool, resume: bool, as_json: bool) -> Path | None:
    """Where predictions really go; a RegraftError where they cannot go there."""
    if out is None:
        if resume:
            raise RecipeError("--resume needs the file to go on with; name it with --out")
        return None
    if out.suffix.lower() in OTHER_FORMATS:
        raise RecipeError(
            f"--out is {out}, and a {out.suffix.lower()} is neither CSV nor JSON lines; name a .csv or a .jsonl"
        )
    out = check_out(out, overwrite, resume)
    if as_json and not is_regular(out):
        raise RunError(f"{out} is a device or a pipe, and --json is printed beside it; give one of the two")
    return out


def predict_to(
    out: Path,
    classifier: Classifier,
    paths: Sequence[Path],
    reading: Reading = Reading(),
    overwrite: bool = False,
    resume: bool = False,
    progress: ShowProgress = False,
    further: Further = NOTHING,
    by_class: Sorted | None = None,
) -> Predicted:
    """Write the classes of the images at ``paths`` to ``out``: JSON lines to a .jsonl, else a CSV.

    ``resume`` goes on with a file that was broken off; ``by_class`` sorts the images too.
    RunError where the file cannot be written.
    """
    contents, rule = contents_of(paths, reading), further.rule
    predicted = Predicted(
        Wanted(
            out=out,
            columns=columns_of(classifier.classes, further),
            names=[name for name, _ in contents],
            made_by={
                "run": hash_of_run(classifier),
                "engine": classifier.engine.name,
                "options": asdict(reading) | {"neighbours": further.neighbours, "rule": rule and rule.as_dict()},
            },
        )
    )
    with written(predicted.wanted, overwrite, resume) as file:
        if file.rows:
            for before in rows_of(predicted.wanted, unfinished_of(out) / ROWS, file.rows):
                predicted.tally.add(before)
        rendering = classifier.rendering_of(contents, reading)
        left = contents[file.rows :]
        predictions = classifier.predict_contents(left, progress, reading.max_pixels, rendering=rendering, judging=True)
        for (_, content), prediction in zip(left, predictions, strict=True):
            row = prediction.as_dict(further)
            if by_class:
                by_class.add(row, content)
            file.add(row)
            predicted.tally.add(row)
    return predicted


def hash_of_run(classifier: Classifier) -> str | None:
    """What tells a run from every other one."""
    saved = classifier.saved
    return ":".join(map(hash_of_file, (saved.folder / CONFIG, saved.folder / MODEL))) if saved else None
