"""A table of images: CSV, TSV, JSON lines or Parquet with columns image and label, and split and group where wanted."""

import os
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from regraft.data.content import OnDisk
from regraft.data.images import FEWEST_CLASSES, KEPT, Fault, ImageSet, Labelled, collect
from regraft.data.labels import MISSING_AS_WRITTEN, check_labels, is_missing
from regraft.data.readers.image_paths import ImagePaths
from regraft.data.readers.json_lines import json_table
from regraft.data.readers.parquet import parquet_table
from regraft.data.readers.split_words import SplitWords, split_words
from regraft.data.readers.table_columns import ONES, Columns, columns_of
from regraft.data.readers.table_rows import Row, Table, text_of
from regraft.data.readers.table_text import text_table
from regraft.data.spelling import alike
from regraft.errors import DataError
from regraft.recipe import Reading

TABLES = frozenset((".csv", ".tsv", ".parquet", ".jsonl"))
SHOWN = 200  # letters of a path
MANY, FEW = 0.2, 3  # share of images with several labels, and how many, from which on that is no mistake


def read_manifest(path: Path, reading: Reading, fewest_classes: int = FEWEST_CLASSES) -> ImageSet:
    """The images that the table at ``path`` lists; paths are relative to its folder, or to --image-folder.

    Rows without a file, a label or a split (where others have one) are left out and listed. Raises DataError for a
    table that cannot be read, lacks a column, or has labels that are no classes.
    """
    paths = ImagePaths(path, reading)
    table = table_at(path, paths)
    if not table.columns:
        raise DataError(f"{path} lists no image: it is empty; list files with their labels")
    columns = columns_of(table, reading, paths)
    words = split_words(reading.splits, columns.split or "")
    items = list(labelled(table, columns, words, paths))
    if not items:
        left = next((fault.reason for fault in table.faults if fault.action != KEPT), "list files with their labels")
        raise DataError(f"{path} lists no image that can be used; {left}")
    if reading.group_by and columns.group and not any(item.group for item in items):
        raise DataError(f"the column '{columns.group}' of {path} is empty; name another with --group-by")
    counts = Counter(item.label for item in items)
    check_one_label(table, items)
    check_spare(table, counts)
    word = check_labels(counts, str(path))
    if word:
        table.faults.append(Fault(path.name, "numbers as labels", word, KEPT, len(items)))
    return collect(path, items, [*table.faults, *paths.faults()], fewest_classes)


def table_at(path: Path, paths: ImagePaths) -> Table:
    """The table, by what its suffix says it is."""
    suffix = path.suffix.lower()
    if suffix == ".parquet":
        return parquet_table(path)
    return json_table(path) if suffix == ".jsonl" else text_table(path, paths.names)


def check_one_label(table: Table, items: Sequence[Labelled]) -> None:
    """Raise DataError where many images are in the table with several labels; a few are listed as mistakes later."""
    labels: defaultdict[str, set[str]] = defaultdict(set)
    for item in items:
        labels[item.name].add(alike(item.label))
    several = [name for name, each in labels.items() if len(each) > 1]
    if len(several) >= max(FEW, MANY * len(labels)):
        raise DataError(
            f"{table.path} lists {len(several)} of {len(labels)} images with several labels, as {several[0][:SHOWN]}:"
            " that is multi-label, which regraft does not do; give each image one row and one class"
        )


def check_spare(table: Table, labels: Counter[str]) -> None:
    """Raise DataError where cells beyond the last column are labels too."""
    again = sorted(table.spare & labels.keys())
    if again:
        raise DataError(
            f"{table.path} has rows with a second label ('{again[0][:80]}') behind the last column: several labels for"
            " an image are multi-label, which regraft does not do; give each image one class"
        )


def labelled(table: Table, columns: Columns, words: SplitWords, paths: ImagePaths) -> Iterator[Labelled]:
    """The rows that can be used; the others go to the table's faults."""
    seen: set[tuple[str, str]] = set()
    lost: list[tuple[int, str]] = []
    for number, row in enumerate(table.rows(columns.all()), 1):
        if not row:  # it is listed already
            continue
        name, label = text_of(row, columns.image), label_of(row, columns)
        item = None
        fault = fault_of(number, name, label)
        if fault is None:
            found = paths.find(name)
            if found is None:
                lost.append((len(table.faults), name))
                fault = Fault(name[:SHOWN], "missing", "")
            elif (key := (os.path.normpath(found[1]), label)) in seen:
                fault = Fault(name, "listed twice", f"row {number} repeats an earlier one")
            else:
                seen.add(key)
                item = Labelled(found[0], label, OnDisk(found[1]))
        if fault:
            table.faults.append(fault)
        if item:
            split = words.of(text_of(row, columns.split), f"row {number} of {table.path}")
            yield replace(item, split=split, group=text_of(row, columns.group) or None)
    for place, name in lost:  # what is probable depends on what was found
        table.faults[place] = replace(table.faults[place], reason=paths.missing(name))


def label_of(row: Row, columns: Columns) -> str:
    """A row's label: its cell, or the class whose column holds 1."""
    if columns.label is not None:
        return text_of(row, columns.label)
    return next((name for name in columns.classes if text_of(row, name).casefold() in ONES), "")


def fault_of(number: int, name: str, label: str) -> Fault | None:
    """Why a row cannot be used, whatever the files are."""
    row = f"row {number}"
    how = f"reads '{label}' in {row}" if label else f"is empty in {row}"
    how += "; a class needs another name" if label in MISSING_AS_WRITTEN else ""
    faults = (
        (not name, row, "no image", "its image column is empty"),
        (is_missing(label), name or row, "no label", f"its label column {how}"),
        ("://" in name, name, "not a file", "a web address; download it and list the file"),
        (not label.isprintable(), name or row, "no label", f"its label in {row} holds a line break or the like"),
        ("\0" in name, row, "not a file", "its path holds a zero byte"),
    )
    for wrong, path, kind, reason in faults:
        if wrong:
            return Fault(path, kind, reason)
    return None
