"""A table of images: CSV, TSV, JSON lines or Parquet with columns image and label, and split and group where wanted."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from regraft.data.content import OnDisk
from regraft.data.images import FEWEST_CLASSES, Fault, ImageSet, Labelled, collect, split_named
from regraft.data.readers.json_lines import json_rows
from regraft.errors import DataError, reason_of
from regraft.recipe import Reading

TABLES = frozenset((".csv", ".tsv", ".parquet", ".jsonl"))
GROUP = "group"  # the column that is taken for the groups where it is there
SHOWN = 200  # letters of a path
Row = Mapping[str, Any]


def read_manifest(path: Path, reading: Reading, fewest_classes: int = FEWEST_CLASSES) -> ImageSet:
    """The images that the table at ``path`` lists; paths are relative to its folder.

    Rows without a file, a label or a split (where others have one) are left out and listed. Raises DataError for a
    table that cannot be read or lacks a column.
    """
    faults: list[Fault] = []
    items = list(labelled(path, rows_of(path, reading), reading, faults))
    if not items:
        why = f" (the first row: {faults[0].reason})" if faults else ""
        raise DataError(f"{path} lists no image that can be used{why}; list files with their labels")
    return collect(path, items, faults, fewest_classes)


def rows_of(path: Path, reading: Reading) -> Iterator[Row]:
    """The rows of a table, by what its suffix says it is."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return parquet_rows(path, reading)
    return json_rows(path) if suffix == ".jsonl" else text_rows(path)


def labelled(path: Path, rows: Iterable[Row], reading: Reading, faults: list[Fault]) -> Iterator[Labelled]:
    """The rows that can be used; the others go to ``faults``."""
    seen: set[tuple[str, str]] = set()
    group = reading.group_by or GROUP
    for number, row in enumerate(rows, 1):
        if number == 1:
            check_columns(path, row, reading)
        name, label = text_of(row, reading.image_column), text_of(row, reading.label_column)
        fault = fault_of(path.parent, number, name, label, (name, label) in seen)
        if fault:
            faults.append(fault)
            continue
        seen.add((name, label))
        split = split_named(text_of(row, reading.split_column), f"row {number} of {path}")
        yield Labelled(name, label, OnDisk(path.parent / name), split, text_of(row, group) or None)


def check_columns(path: Path, row: Row, reading: Reading) -> None:
    """Raise DataError unless the table has the columns that are asked for."""
    usual = Reading()
    wanted = {"--image-column": reading.image_column, "--label-column": reading.label_column}
    if reading.split_column != usual.split_column:
        wanted["--split-column"] = reading.split_column
    for option, column in wanted.items():
        if column not in row:
            there = ", ".join(f"'{name}'" for name in row if name)
            raise DataError(f"{path} has no column '{column}' but {there}; name the right one with {option}")


def fault_of(folder: Path, number: int, name: str, label: str, again: bool) -> Fault | None:
    """Why a row cannot be used."""
    row = f"row {number}"
    faults = (
        (not name, row, "no image", "its image column is empty"),
        (not label, name or row, "no label", f"its label column is empty in {row}"),
        (again, name, "listed twice", f"{row} repeats an earlier one"),
        ("://" in name, name, "not a file", "a web address; download it and list the file"),
        (not label.isprintable(), name or row, "no label", f"its label in {row} holds a line break or the like"),
        ("\0" in name, row, "not a file", "its path holds a zero byte"),
    )
    for wrong, path, kind, reason in faults:
        if wrong:
            return Fault(path, kind, reason)
    try:
        there = (folder / name).is_file()
    except OSError:  # a name too long for the file system
        there = False
    return None if there else Fault(name[:SHOWN], "missing", f"there is no such file in {folder}")


def text_of(row: Row, column: str) -> str:
    """A cell as text, empty where it is missing."""
    value = row.get(column)
    if value is None or value != value:  # noqa: PLR0124 - a number that is not itself is NaN
        return ""
    return str(value).strip()


def text_rows(path: Path) -> Iterator[Row]:
    """Rows of a CSV or TSV; the delimiter of a CSV is the comma or semicolon that its header has more of."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; give a table that can") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{path} is not UTF-8 text (byte {error.start}); save the table as UTF-8") from None
    header = text.partition("\n")[0]
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=header.count)
    try:
        yield from csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    except csv.Error as error:
        raise DataError(f"{path} is no table: {error}; save it as plain CSV") from None


def parquet_rows(path: Path, reading: Reading) -> Iterator[Row]:
    """Rows of a Parquet file, through pyarrow; only the columns that matter."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise DataError(f"{path} needs pyarrow; install regraft[hub], or save the table as CSV") from None
    wanted = (reading.image_column, reading.label_column, reading.split_column, reading.group_by or GROUP)
    try:
        kinds = {field.name: str(field.type) for field in parquet.read_schema(path)}
    except Exception as error:  # pyarrow's errors have many kinds
        raise DataError(f"{path} is no Parquet file that can be read: {reason_of(error)}; save it anew") from None
    if not set(wanted[:2]) <= set(kinds):
        yield kinds  # the columns alone, for the error that names them
        return
    if "binary" in kinds[wanted[0]]:
        raise DataError(f"'{wanted[0]}' in {path} holds bytes; give paths, or a saved data set (docs/images.md)")
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(columns=[name for name in wanted if name in kinds]):
                yield from batch.to_pylist()
    except Exception as error:
        raise DataError(f"{path} is no Parquet file that can be read: {reason_of(error)}; save it anew") from None
