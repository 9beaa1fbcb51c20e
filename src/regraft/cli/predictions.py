"""What `predict` does, and its results: in a file, as a person reads them, or as JSON, as they come."""

import json
import sys
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice
from pathlib import Path
from textwrap import indent

import typer

from regraft.cli.app import INTERRUPTED, resume_command
from regraft.cli.progress_bar import progress_bar
from regraft.cli.screen import add, complain, say, show, table
from regraft.cli.tables import MOST_ROWS
from regraft.evaluation.classifier import Classifier, load
from regraft.evaluation.deciding import Wanted
from regraft.evaluation.given import contents_of
from regraft.evaluation.predict_to import Predicted, check_predict_to, predict_to
from regraft.evaluation.predicted_file import Row, state_of
from regraft.evaluation.prediction import DECISION, NEIGHBOURS, Further, Tally
from regraft.evaluation.sorting import Sorted
from regraft.recipe import Reading, Recipe


def predict_and_show(
    run: Path,
    paths: Sequence[Path],
    out: Path | None,
    overwrite: bool,
    resume: bool,
    neighbours: bool,
    wanted: Wanted,
    sort_into: Path | None,
    copies: bool,
    as_json: bool,
    quiet: bool,
    recipe: Recipe,
) -> None:
    """Predict, write or print what was asked for; a RegraftError where nothing could be predicted."""
    out = check_predict_to(out, overwrite, resume, as_json)
    reading, classifier, tally = recipe.reading, load(run, recipe.network.device), Tally()
    rule, expected = wanted.rule(classifier.classes, run)
    further = Further(neighbours, rule)
    for warning in filter(None, (one.warning for one in expected)):
        complain(f"warning: {warning}")
    for one in expected:
        complain(f"note: {one.in_words()}")
    by_class = Sorted(sort_into, classifier.classes, copies) if sort_into else None
    if out:
        predicted = predict_into(out, classifier, paths, reading, overwrite, resume, further, by_class, quiet)
        tally, written = predicted.tally, predicted.rows(None if as_json else MOST_ROWS)
        if as_json:
            print_json(str(run), written)
        else:
            show_predictions(list(written), tally)
            say(f"Written: {out}")
    else:
        with progress_bar(quiet or (as_json and sys.stdout.isatty())) as progress:
            contents = contents_of(paths, reading)
            rendering = classifier.rendering_of(contents, reading)
            predictions = classifier.predict_contents(
                contents, progress, reading.max_pixels, rendering=rendering, judging=True
            )
            rows = tally.counting(prediction.as_dict(further) for prediction in predictions)
            rows = by_class.adding(rows, contents) if by_class else rows
            first = print_json(str(run), rows) if as_json else first_of(rows)
        if first:
            show_predictions(first, tally)
    tally.check()
    if note := classifier.familiarity.note:
        complain(f"note: {note}")


def predict_into(
    out: Path,
    classifier: Classifier,
    paths: Sequence[Path],
    reading: Reading,
    overwrite: bool,
    resume: bool,
    further: Further,
    by_class: Sorted | None,
    quiet: bool,
) -> Predicted:
    """Write a file of predictions; where that is broken off, say how to go on."""
    try:
        with progress_bar(quiet) as progress:
            predicted = predict_to(out, classifier, paths, reading, overwrite, resume, progress, further, by_class)
    except KeyboardInterrupt:
        if state_of(out) is None:
            raise
        complain(f"interrupted; go on with: {resume_command(str(out))}")
        raise typer.Exit(INTERRUPTED) from None
    if predicted.note:
        complain(f"note: {predicted.note}")
    return predicted


def first_of(rows: Iterator[Row]) -> list[Row]:
    """The rows that are shown; the others pass."""
    first = list(islice(rows, MOST_ROWS))
    deque(rows, maxlen=0)
    return first


def print_json(run: str, rows: Iterable[Row]) -> list[Row]:
    """Print rows as they come, in the end as one JSON object; none is left to show."""
    rest = iter(rows)
    first = next(rest)  # what is wrong with the images is said before anything is printed
    sys.stdout.write(f'{{\n  "run": {json.dumps(run)},\n  "predictions": [')
    for place, row in enumerate(chain([first], rest)):
        sys.stdout.write(",\n" if place else "\n")
        sys.stdout.write(indent(json.dumps(row, indent=2), " " * 4))
    sys.stdout.write("\n  ]\n}\n")
    return []


def show_predictions(first: Sequence[Row], tally: Tally) -> None:
    """Path, class and probability of the first, and how many there are of each class."""
    shown, further = len(first), further_columns(first)
    made = table("path", "class", "probability", *further)
    for row in first:
        if row["error"]:
            add(made, row["path"], row["error"], "", *("" for _ in further), style="red")
        else:
            said = [row[column] or "" for column in further]
            add(made, row["path"], row["class"] or row[DECISION], f"{row['probability']:.1%}", *said)
    if shown:
        show(made)
    if shown and tally.files > shown:
        say(f"and {tally.files - shown:,} more (--out FILE writes all, --json prints all)")
    if shown and tally.files > 1:
        say()
        totals = table("class", "files")
        for name, count in tally.classes.most_common(MOST_ROWS):
            add(totals, name, f"{count:,}")
        if others := tally.classes.most_common()[MOST_ROWS:]:
            add(totals, f"{len(others):,} other classes", f"{sum(count for _, count in others):,}", style="dim")
        for kind, count in tally.faults.most_common():
            add(totals, kind, f"{count:,}", style="red")
        show(totals)
    say_what_to_mind(tally)


def say_what_to_mind(tally: Tally) -> None:
    """How many have no class, and how many are like nothing that was trained on."""
    if tally.faults and tally.predicted:
        say(f"{tally.predicted:,} of {tally.files:,} files are predicted; the others say why not.")
    if tally.unsure:
        say(f"{tally.unsure:,} of {tally.predicted:,} images are given no class.")
    if tally.unlike:
        say(f"{tally.unlike:,} of {tally.predicted:,} images are unlike anything the run was trained on (known: no).")


def further_columns(rows: Sequence[Row]) -> list[str]:
    """What is shown beside path, class and probability: whatever some row has."""
    return [name for name in ("known", *NEIGHBOURS) if any(row.get(name) for row in rows)]
