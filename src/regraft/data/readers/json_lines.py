"""Rows of a file of JSON objects, one a line."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from regraft.data.readers.table_rows import Row, Table
from regraft.errors import DataError
from regraft.strict_json import Malformed, parse_json


def json_table(path: Path) -> Table:
    """The table of a file's objects, with the keys that any of them has; DataError where a line is none."""
    objects = list(json_rows(path))
    columns = tuple(dict.fromkeys(str(name) for row in objects for name in row))

    def rows(_wanted: Sequence[str]) -> Iterator[Row]:
        return iter(objects)

    return Table(path, columns, rows, [])


def json_rows(path: Path) -> Iterator[dict[str, Any]]:
    """Each line's object; DataError where a line is none."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; give a table that can") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}); save it as UTF-8") from None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = parse_json(line)
        except Malformed as error:
            raise DataError(f"line {number} of {path} is no JSON object: {error}; write one object a line") from None
        if not isinstance(row, dict):
            raise DataError(f"line {number} of {path} is no JSON object; write one object a line")
        yield row
