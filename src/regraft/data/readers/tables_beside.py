"""Tables that label the images beside them, as the Hugging Face's image folders and Roboflow's exports have them."""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from regraft.data.content import Content, OnDisk
from regraft.data.folder_words import UNLABELLED
from regraft.data.images import Fault, ImageSet, Labelled, collect
from regraft.data.readers.folder import Tree
from regraft.data.readers.levels import Levels, folder_of
from regraft.data.readers.table import TABLES, read_manifest
from regraft.errors import DataError
from regraft.recipe import Reading
from regraft.strict_json import Malformed, parse_json

NAMES = ("metadata", "_classes", "labels")
IMAGE_COLUMNS = ("file_name", "filename")  # in place of the usual one
ROWS_COMPARED = 50  # of a table, with the folders
FIRST_BYTES = 1 << 16  # in which a table's header is


def tables_in(tree: Tree) -> list[str]:
    """The tables of the usual names."""
    paths = map(PurePosixPath, tree.files)
    return sorted(str(path) for path in paths if path.stem.lower() in NAMES and path.suffix.lower() in TABLES)


def read_tables(
    root: Path,
    tree: Tree,
    images: Mapping[str, Content],
    levels: Levels,
    tables: Iterable[str],
    reading: Reading,
    fewest_classes: int,
) -> ImageSet:
    """The images that the tables list, in the split that their folder names; the others are left out and listed."""
    items: list[Labelled] = []
    faults: list[Fault] = []
    notes = [f"Labels read from {', '.join(tables)}, as no folder names a class"]
    for table in tables:
        content = tree.files[table]
        if not isinstance(content, OnDisk):
            raise DataError(f"the labels may be in {table} in {root}; unpack the archive and give the folder")
        found = read_manifest(content.path, with_columns(content.path, reading), 1)
        notes += found.notes
        splits = (levels.splits.get(name) for name in folder_of(table))
        split = next((split for split in splits if split not in {None, UNLABELLED}), None)
        folder = table.rpartition("/")[0]
        prefix = f"{folder}/" if folder else ""
        items += (
            Labelled(prefix + file.name, found.classes[file.label], file.content, file.split or split, file.group)
            for file in found.files
        )
        faults += (replace(fault, path=prefix + fault.path) for fault in found.faults)
    known = {str(PurePosixPath(item.name)) for item in items} | {fault.path for fault in faults}
    faults += (Fault(name, "no label", "no table lists it") for name in sorted(images) if name not in known)
    return collect(root, items, [*tree.faults, *faults], fewest_classes).saying(notes)


def with_columns(path: Path, reading: Reading) -> Reading:
    """The settings with the column of images that the table has, where none was asked for."""
    columns = columns_of(path)
    if reading.image_column != Reading().image_column or reading.image_column in columns:
        return reading
    return replace(
        reading, image_column=next((name for name in IMAGE_COLUMNS if name in columns), reading.image_column)
    )


def columns_of(path: Path) -> list[str]:
    """The columns that the first line names; none where it cannot be read, which the table's reader says."""
    with suppress(OSError, ValueError, csv.Error):
        line = first_lines(path)[0]
        return list(object_in(line)) if path.suffix.lower() == ".jsonl" else cells_of(path, line)
    return []


def first_lines(path: Path) -> list[str]:
    """The lines in the first bytes of a table; OSError where it cannot be opened."""
    with path.open("rb") as file:
        return file.read(FIRST_BYTES).decode("utf-8-sig", "replace").split("\n")


def object_in(line: str) -> dict[str, Any]:
    """A line's object; Malformed where it is none."""
    value = parse_json(line)
    if not isinstance(value, dict):
        raise Malformed("it is no object")
    return value


def cells_of(path: Path, line: str) -> list[str]:
    """The cells of one line."""
    if path.suffix.lower() == ".jsonl":
        return [str(value) for value in object_in(line).values()]
    delimiter = "\t" if path.suffix.lower() == ".tsv" else max(",;\t", key=line.count)
    return [cell.strip() for cell in next(csv.reader([line.strip()], delimiter=delimiter), [])]


def contradicts(table: str, tree: Tree, labels: Mapping[str, str]) -> bool:
    """Whether a table lists images, and mostly not beside the class that their folder names.

    ``labels``: the folder's class for each image's path. Only the first rows are looked at.
    """
    content, by_file = tree.files[table], defaultdict[str, set[str]](set)
    for name, label in labels.items():
        by_file[PurePosixPath(name).name].add(label)
    if not isinstance(content, OnDisk) or content.path.suffix.lower() == ".parquet":
        return False
    found = agreeing = 0
    with suppress(OSError, ValueError, AttributeError, csv.Error):
        for line in first_lines(content.path)[:ROWS_COMPARED]:
            cells = cells_of(content.path, line) if line.strip() else []
            names = {PurePosixPath(cell.replace("\\", "/")).name for cell in cells}
            for name in names & by_file.keys():
                found += 1
                agreeing += not by_file[name].isdisjoint(cells)
    return found > 0 and 2 * agreeing <= found
