"""Image data sets of the Hugging Face kind: by name, or a folder that ``save_to_disk`` wrote."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from regraft.content import Given
from regraft.errors import DataError
from regraft.images import FEWEST_CLASSES, SPLIT_NAMES, ImageSet, Labelled, Reading, collect

PREFIX = "hf:"
MARKS = ("dataset_dict.json", "dataset_info.json")  # of a folder that save_to_disk wrote


def is_saved(folder: Path) -> bool:
    """Whether ``save_to_disk`` wrote the folder."""
    return any((folder / mark).is_file() for mark in MARKS)


def read_dataset(name: str, reading: Reading, fewest_classes: int = FEWEST_CLASSES) -> ImageSet:
    """The data set hf:NAME, or the saved one in a folder; DataError where it cannot be had or has no labels."""
    try:
        import datasets
    except ImportError:
        raise DataError(f"{name} needs the library datasets; install regraft[hub]") from None
    try:
        if name.startswith(PREFIX):
            loaded = datasets.load_dataset(name.removeprefix(PREFIX))
        else:
            loaded = datasets.load_from_disk(name)
    except Exception as error:  # the library's errors have many kinds, the network's among them
        reason = str(error).strip().split("\n")[0]
        raise DataError(f"the data set {name} cannot be had: {reason}; save a copy with save_to_disk") from None
    parts = dict(loaded) if isinstance(loaded, dict) else {"": loaded}
    found = [item for part, rows in parts.items() for item in labelled(name, part, rows, reading)]
    return collect(Path(name), found, (), fewest_classes)


def labelled(name: str, part: str, rows: Any, reading: Reading) -> Iterator[Labelled]:
    """The items of one split."""
    import datasets

    image = column_of(name, rows, reading.image_column, datasets.Image)
    label = column_of(name, rows, reading.label_column, datasets.ClassLabel)
    encoded = rows.cast_column(image, datasets.Image(decode=False))
    feature = rows.features[label]
    group = reading.group_by if reading.group_by in rows.column_names else None
    for row, value in enumerate(rows[label]):
        if value is None or value == -1:  # the hub's mark of an unlabelled part
            continue
        text = feature.int2str(value) if isinstance(feature, datasets.ClassLabel) else str(value)
        yield Labelled(
            f"{part}/{row:08d}" if part else f"{row:08d}",
            text,
            Given(partial(bytes_of, encoded, image, row)),
            SPLIT_NAMES.get(part.lower()),
            str(rows[row][group]) if group else None,
        )


def column_of(name: str, rows: Any, wanted: str, kind: Any) -> str:
    """The column ``wanted``, else the first of the right kind; DataError where there is none."""
    if wanted in rows.column_names:
        return wanted
    for column, feature in rows.features.items():
        if isinstance(feature, kind):
            return str(column)
    there = ", ".join(rows.column_names)
    raise DataError(f"{name} has no column '{wanted}' but {there}; name the right one")


def bytes_of(rows: Any, column: str, row: int) -> Any:
    """One image as it was encoded."""
    value = rows[row][column]
    return value["bytes"] if value.get("bytes") else Path(value["path"]).read_bytes()
