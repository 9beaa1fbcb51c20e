"""A table as rows by column, wherever they come from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from regraft.data.images import Fault

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Table:
    """The columns of a table, its rows with (at least) some of them, and what was odd about the text."""

    path: Path
    columns: tuple[str, ...]  # numbers, as "1", where the table has no header
    rows: Callable[[Sequence[str]], Iterator[Row]]  # a row that cannot be used is empty
    faults: list[Fault]
    first: tuple[str, ...] = ()  # the first row, where that is no header
    spare: frozenset[str] = frozenset()  # cells beyond the last column


def text_of(row: Row, column: str | None) -> str:
    """A cell as text, empty where it is missing."""
    value = row.get(column) if column is not None else None
    if value is None or value != value:  # noqa: PLR0124 - a number that is not itself is NaN
        return ""
    return str(value).strip()
