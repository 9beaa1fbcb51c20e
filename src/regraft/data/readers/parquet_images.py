"""Images as bytes in Parquet files: a column of bytes, or Hugging Face's of {bytes, path}, beside one of labels."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from regraft.data.folder_words import bears_split
from regraft.data.images import FEWEST_CLASSES, KEPT, Fault, ImageSet, Labelled, collect
from regraft.data.labels import check_labels, is_missing
from regraft.data.readers.parquet_rows import ImageRows, rows_on_disk
from regraft.data.readers.split_words import split_words
from regraft.errors import DataError
from regraft.recipe import Reading

GROUP = "group"  # the column that is taken for the groups where it is there


def is_parquet(path: Path) -> bool:
    """Whether the name is a Parquet file's."""
    return path.suffix.lower() == ".parquet"


def image_rows(paths: Sequence[Path], reading: Reading) -> list[ImageRows]:
    """The rows of files on a disk; none where the first holds no images' bytes, so that it lists images."""
    first = rows_on_disk(paths[0])
    return [first, *map(rows_on_disk, paths[1:])] if first.image_column(reading) else []


def read_parquets(
    root: Path, files: Sequence[ImageRows], reading: Reading, fewest_classes: int = FEWEST_CLASSES
) -> ImageSet:
    """The images in Parquet files of the same columns; DataError where one lacks a column.

    The split is a column's, else what the files' names say where all of them say one.
    """
    reading.check_no_folders(str(root))
    faults: list[Fault] = []
    splits = {rows.path: bears_split(rows.path.stem) for rows in files}
    if not all(split in {"train", "val", "test"} for split in splits.values()):
        splits = dict.fromkeys(splits)
    suffix = files[0].suffix(files[0].named(reading))  # which says how all of them are probably stored
    alone = len({rows.path.name for rows in files}) == len(files)
    items: list[Labelled] = []
    for rows in files:
        name = rows.path.name if alone else rows.path.as_posix()
        items += labelled(rows, (name, suffix), reading, splits[rows.path], faults)
    if not items:
        raise DataError(f"{root} holds no image with a label; write a row for each image with its label")
    if word := check_labels(Counter(item.label for item in items), str(root)):
        faults.append(Fault(root.name, "numbers as labels", word, KEPT, len(items)))
    return collect(root, items, faults, fewest_classes)


def labelled(
    rows: ImageRows, called: tuple[str, str], reading: Reading, split: str | None, faults: list[Fault]
) -> Iterator[Labelled]:
    """The rows of one file; those without a label go to ``faults``."""
    image, label = rows.named(reading), rows.column(reading.label_column, "--label-column")
    if label is None:
        there = ", ".join(rows.schema.names)
        raise DataError(f"{rows.path} has no column '{reading.label_column}' but {there}; name it with --label-column")
    split_column = rows.column(reading.split_column, "--split-column")
    group_column = rows.column(reading.group_by or GROUP, "--group-by")
    file, suffix = called
    names, words = class_names(rows, label), split_words(reading.splits, split_column or "")
    wanted = [column for column in dict.fromkeys((label, split_column, group_column)) if column is not None]
    for number, (content, values) in enumerate(zip(rows.contents(image), rows.values(wanted), strict=True)):
        name, value = f"{file}/{number:08d}{suffix}", values[label]
        if isinstance(value, (list, dict)):
            raise DataError(
                f"the label of {name} is {str(value)[:80]}: several labels for an image are multi-label, which regraft"
                " does not do; give each image one class"
            )
        text = "" if value is None or (names and value == -1) else str(value).strip()
        if names and text.isdecimal() and int(text) < len(names):
            text = names[int(text)]
        elif is_missing(text) or not text.isprintable():
            faults.append(Fault(name, "no label", f"its label is '{text[:80]}'"))
            continue
        word = None if split_column is None else values[split_column]
        own = words.of(str(word or ""), name) if split_column else split
        group = None if group_column is None or values[group_column] is None else str(values[group_column])
        yield Labelled(name, text, content, own, group)


def class_names(rows: ImageRows, label: str) -> list[str]:
    """The names of numbered classes, as Hugging Face's library writes them; empty where there are none."""
    try:
        features = json.loads(rows.schema.metadata[b"huggingface"])["info"]["features"]
        return [str(name) for name in features[label]["names"]]
    except (TypeError, KeyError, ValueError):
        return []
