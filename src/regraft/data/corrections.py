"""A table of corrections: what a person says of images' labels, a row an image. ``regraft review`` writes it.

Columns: ``path`` as the scan names the image, ``was`` (its label in the data), ``label``, ``action``; and where they
are known ``hash`` (of the image's bytes, or of pixels in memory), ``run`` (that was reviewed), ``time``, ``note``.
"""

import csv
import io
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from regraft.data.readers.table_text import SEPARATOR_LINE, delimiter_of, text_of_file
from regraft.data.spelling import composed
from regraft.data.spreadsheet import from_cell
from regraft.errors import DataError

FILE = "corrections.csv"  # its usual name
KEEP, RELABEL, LEAVE_OUT, NEW_CLASS = "keep", "relabel", "leave out", "new class"
ACTIONS = (KEEP, RELABEL, LEAVE_OUT, NEW_CLASS)
COLUMNS = ("path", "was", "label", "action", "hash", "run", "time", "note")
NEEDED = ("path", "label", "action")
SHOWN = 80  # letters of a cell


@dataclass(frozen=True)
class Correction:
    """What a person says of one image."""

    path: str
    was: str  # the label that the data gives; "": not said
    label: str  # the right one; "" where the image is left out
    action: str  # one of ACTIONS
    hash: str = ""  # of what was looked at; "": not said
    run: str = ""  # that was reviewed, seen from the table's folder; "": none
    line: int = 0  # of the table

    @property
    def changes(self) -> bool:
        """Whether it changes anything."""
        return self.action != KEEP


def read_corrections(path: Path) -> tuple[Correction, ...]:
    """The rows of a table; DataError where it is none, or a row says nothing that can be done."""
    rows = list(rows_in(path))
    corrections = [correction_of(row, line, path) for line, row in rows]
    check_once(corrections, path)
    return tuple(corrections)


def rows_in(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Line numbers and cells by column; DataError where the file is no table of corrections."""
    if not path.is_file():
        what = "is no file" if path.exists() else "is not there"
        raise DataError(f"the corrections {path}: it {what}; give the table that `regraft review` wrote")
    text = text_of_file(path, [])
    line = SEPARATOR_LINE.match(text)
    text = text[line.end() :] if line else text
    try:
        reader = csv.DictReader(
            io.StringIO(text, newline=""), delimiter=line[1] if line else delimiter_of(text, path), strict=True
        )
        columns = [name.strip().casefold() for name in reader.fieldnames or ()]
        reader.fieldnames = columns
        if lacking := [name for name in NEEDED if name not in columns]:
            raise DataError(
                f"{path} is no table of corrections: it has no column '{lacking[0]}'; it needs {', '.join(NEEDED)}"
            )
        for row in reader:
            if None in row:
                raise DataError(f"{path}, line {reader.line_num}: more cells than columns; put such a cell in quotes")
            yield reader.line_num, {name: from_cell(cell or "") for name, cell in row.items()}
    except csv.Error as error:
        raise DataError(f"{path} is no table: {error}; save it as plain CSV") from None


def correction_of(row: Mapping[str, str], line: int, path: Path) -> Correction:
    """One row; DataError where it says nothing that can be done."""

    def cell(name: str) -> str:
        return composed(row.get(name, "").strip())

    action = " ".join(cell("action").casefold().replace("-", " ").replace("_", " ").split())
    made = Correction(row["path"], cell("was"), cell("label"), action, cell("hash"), cell("run"), line)
    where = f"{path}, line {line} ({made.path[:SHOWN]})"
    if action not in ACTIONS:
        raise DataError(f"{where}: the action is '{action[:SHOWN]}'; write {', '.join(ACTIONS[:-1])} or {NEW_CLASS}")
    if not made.path:
        raise DataError(f"{path}, line {line}: it names no image; write its path as `regraft scan` names it")
    if action in {RELABEL, NEW_CLASS} and not made.label:
        raise DataError(f"{where}: the action is '{action}', but the label is empty; write the right one")
    if action == KEEP and made.label and made.was and made.label != made.was:
        raise DataError(f"{where}: it keeps '{made.was}' but names '{made.label}'; write the action {RELABEL}")
    return made


def check_once(corrections: list[Correction], path: Path) -> None:
    """Raise DataError where an image has two rows."""
    first: dict[str, Correction] = {}
    for one in corrections:
        other = first.setdefault(one.path, one)
        if other is not one:
            agree = (one.action, one.label) == (other.action, other.label)
            what = "has two rows" if agree else f"has two rows that differ ({said(other)}; {said(one)})"
            raise DataError(f"{path}: {one.path} {what}, lines {other.line} and {one.line}; remove one of them")


def said(one: Correction) -> str:
    """What a row says, in words."""
    return f"{one.action} '{one.label}'" if one.action in {RELABEL, NEW_CLASS} else one.action


def reviewed_run(corrections: tuple[Correction, ...], path: Path) -> Path | None:
    """The run that was reviewed last, where it is still there."""
    for one in reversed(corrections):
        if one.run:
            run = Path(os.path.normpath(path.resolve().parent / one.run))
            return run if run.is_dir() else None
    return None
