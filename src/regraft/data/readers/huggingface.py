"""Image data sets of the Hugging Face kind: by name, or a folder that ``save_to_disk`` wrote."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from regraft.data.content import Given
from regraft.data.images import FEWEST_CLASSES, SPLIT_NAMES, Fault, ImageSet, Labelled, collect
from regraft.errors import DataError, reason_of
from regraft.recipe import Reading

PREFIX = "hf:"
DICTIONARY = "dataset_dict.json"  # in the folder that save_to_disk wrote of several splits


def is_saved(folder: Path) -> bool:
    """Whether ``save_to_disk`` wrote the folder."""
    marked = (folder / DICTIONARY).is_file()
    return marked or ((folder / "dataset_info.json").is_file() and (folder / "state.json").is_file())


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
        raise DataError(
            f"the data set {name} cannot be had: {reason_of(error)}; save a copy with save_to_disk"
        ) from None
    parts = dict(loaded) if isinstance(loaded, dict) else {"": loaded}
    faults: list[Fault] = []
    items: list[Labelled] = []
    has_splits = any(part.lower() in SPLIT_NAMES for part in parts)
    for part, rows in parts.items():
        if has_splits and part.lower() not in SPLIT_NAMES:
            faults.append(Fault(part, "no split", f"{len(rows)} images in no train, val or test part"))
        else:
            items += labelled(name, part, rows, reading, faults)
    return collect(Path(name), items, faults, fewest_classes)


def labelled(name: str, part: str, rows: Any, reading: Reading, faults: list[Fault]) -> Iterator[Labelled]:
    """The items of one split; those without a label go to ``faults``."""
    import datasets

    usual = Reading()
    image = column_of(name, rows, reading.image_column, usual.image_column, datasets.Image)
    label = column_of(name, rows, reading.label_column, usual.label_column, datasets.ClassLabel)
    try:
        encoded = rows.cast_column(image, datasets.Image(decode=False))
    except Exception:  # pyarrow's errors have many kinds
        raise DataError(f"{name} holds no images in '{image}' but {rows.features[image]}; name the right one") from None
    feature = rows.features[label]
    groups = rows[reading.group_by] if reading.group_by in rows.column_names else None
    for row, value in enumerate(rows[label]):
        if value is None or value == -1:  # the hub's mark of an unlabelled part
            faults.append(Fault(f"{part}/{row:08d}" if part else f"{row:08d}", "no label", "the data set gives none"))
            continue
        text = feature.int2str(value) if isinstance(feature, datasets.ClassLabel) else str(value)
        yield Labelled(
            f"{part}/{row:08d}" if part else f"{row:08d}",
            text,
            Given(partial(bytes_of, encoded, image, row)),
            SPLIT_NAMES.get(part.lower()),
            None if groups is None or groups[row] is None else str(groups[row]),
        )


def column_of(name: str, rows: Any, wanted: str, usual: str, kind: Any) -> str:
    """The column ``wanted``; where that is the usual name and is not there, the first of the right kind.

    Raises DataError where there is none.
    """
    if wanted in rows.column_names:
        return wanted
    fitting = [str(column) for column, feature in rows.features.items() if isinstance(feature, kind)]
    if wanted == usual and fitting:
        return fitting[0]
    raise DataError(f"{name} has no column '{wanted}' but {', '.join(rows.column_names)}; name the right one")


def bytes_of(rows: Any, column: str, row: int) -> Any:
    """One image as it was encoded; None where there is none."""
    value = rows[row][column]
    if value is None or value.get("bytes"):
        return value and value["bytes"]
    return Path(value["path"]).read_bytes()
