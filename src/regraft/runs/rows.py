"""Rows of a CSV that people open: what a spreadsheet would run is written as text."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from regraft.data.spreadsheet import as_cell, is_formula

ENCODING, UNENCODABLE = "utf-8", "backslashreplace"  # names may hold what no encoding has


class Lines:
    """Rows that share their names of columns, as the bytes of a CSV's lines."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.text = io.StringIO(newline="")
        self.writer = csv.writer(self.text)
        self.columns = tuple(columns)

    def header(self) -> bytes:
        """The line that names the columns."""
        return self.line(self.columns)

    def row(self, row: Mapping[str, Any]) -> bytes:
        """A row's line."""
        return self.line([row[column] for column in self.columns])

    def line(self, values: Iterable[Any]) -> bytes:
        """The values, texts among them safe for a spreadsheet."""
        self.writer.writerow([as_cell(value) if isinstance(value, str) else value for value in values])
        line = self.text.getvalue().encode(ENCODING, UNENCODABLE)
        self.text.seek(0)
        self.text.truncate()
        return line


def lines_of(rows: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    """Rows that share their keys, as a CSV's lines."""
    lines = None
    for row in rows:
        if lines is None:
            lines = Lines(list(row))
            yield lines.header()
        yield lines.row(row)


def csv_of(rows: Iterable[Mapping[str, Any]]) -> bytes:
    """Rows that share their keys, as CSV."""
    return b"".join(lines_of(rows))


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Write rows that share their keys as CSV, as they come; half of them is not left behind."""
    try:
        with path.open("wb") as file:
            file.writelines(lines_of(rows))
    except OSError:
        path.unlink(missing_ok=True)
        raise


def formulas_note(names: Iterable[str], where: str) -> str | None:
    """What to say of names that a spreadsheet would run, if there are any."""
    count = sum(map(is_formula, names))
    if not count:
        return None
    them = "1 name begins" if count == 1 else f"{count:,} names begin"
    return f"{them} like a spreadsheet's formula; an apostrophe stands before it in {where}"


def label_of(row: Mapping[str, str]) -> str:
    """The labelled class in a row of a run's predictions.csv; runs of before have it in another column."""
    return row["label"] if "label" in row else row["class"]
