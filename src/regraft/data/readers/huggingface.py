"""Image data sets of the Hugging Face kind: by name, or a folder that ``save_to_disk`` wrote."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from regraft.data.content import Given, OnDisk
from regraft.data.decoding import Undecodable
from regraft.data.images import FEWEST_CLASSES, KEPT, Fault, ImageSet, Labelled, collect
from regraft.data.labels import check_labels, is_missing
from regraft.data.readers.split_words import SplitWords, split_words
from regraft.errors import DataError, reason_of
from regraft.recipe import Reading

PREFIX = "hf:"
DESCRIBED_IN = ("dataset_info.json", "state.json")
DICTIONARY = "dataset_dict.json"  # in the folder that save_to_disk wrote of several splits


def is_saved(folder: Path) -> bool:
    """Whether ``save_to_disk`` wrote the folder."""
    return (folder / DICTIONARY).is_file() or all((folder / name).is_file() for name in DESCRIBED_IN)


def read_dataset(name: str, reading: Reading, fewest_classes: int = FEWEST_CLASSES) -> ImageSet:
    """The data set hf:NAME, or the saved one in a folder; DataError where it cannot be had or has no labels."""
    parts = loaded(name)
    faults: list[Fault] = []
    splits = splits_of(name, parts, split_words(reading.splits), faults)
    try:
        items = [item for part, split in splits.items() for item in labelled(name, part, split, parts, reading, faults)]
    except DataError:
        raise
    except Exception as error:  # pyarrow's errors have many kinds, and a label may be none of the classes
        raise DataError(f"the data set {name} is damaged: {reason_of(error)[:100]}; save it anew") from None
    word = check_labels(Counter(item.label for item in items), name)
    if word:
        faults.append(Fault(name, "numbers as labels", word, KEPT, len(items)))
    return collect(Path(name), items, faults, fewest_classes)


def loaded(name: str) -> dict[str, Any]:
    """The data set's parts by name; a part without one has the name ''."""
    try:
        import datasets
    except ImportError:
        raise DataError(f"{name} needs the library datasets; install regraft[hub]") from None
    if not name.startswith(PREFIX):
        check_files(Path(name))
    try:
        if name.startswith(PREFIX):
            found = datasets.load_dataset(name.removeprefix(PREFIX))
        else:
            found = datasets.load_from_disk(name)
            for part in found.values() if isinstance(found, dict) else [found]:
                part.data.validate(full=True)  # a damaged table makes pyarrow read memory that is not its own
    except Exception as error:  # the library's errors have many kinds, the network's among them
        raise DataError(
            f"the data set {name} cannot be had: {reason_of(error)}; save a copy with save_to_disk"
        ) from None
    return dict(found) if isinstance(found, dict) else {"": found}


def splits_of(name: str, parts: Mapping[str, Any], words: SplitWords, faults: list[Fault]) -> dict[str, str | None]:
    """The split of each part that is used; those of unknown names are left out beside known ones, and listed.

    Raises DataError where there are several parts and no name is known.
    """
    if len(parts) == 1:
        return {part: words.of(part, name) if words.knows(part) else None for part in parts}
    known = {part: words.of(part, name) for part in parts if words.knows(part)}
    if not any(known.values()):
        listed = ", ".join(f"'{part}' ({len(rows):,})" for part, rows in parts.items())
        first, second = list(parts)[:2]
        raise DataError(
            f"{name} has the parts {listed}, and none is called train, val or test; say what they are, as"
            f" --splits {first}=train,{second}=test (none leaves a part out)"
        )
    for part in parts.keys() - known.keys():
        why = f"{len(parts[part])} images in no train, val or test part; --splits '{part}=test' says what it is"
        faults.append(Fault(part, "no split", why, images=len(parts[part])))
    return {part: split for part, split in known.items() if split}


def labelled(
    name: str, part: str, split: str | None, parts: Mapping[str, Any], reading: Reading, faults: list[Fault]
) -> Iterator[Labelled]:
    """The items of one part; those without a label go to ``faults``."""
    import datasets

    rows, usual = parts[part], Reading()
    folder = Path(name.removeprefix(PREFIX))
    image = column_of(name, rows, "--image-column", reading.image_column, usual.image_column, datasets.Image)
    label = column_of(name, rows, "--label-column", reading.label_column, usual.label_column, datasets.ClassLabel)
    try:
        alone = rows.select_columns([image])  # the library would open those of other columns
        encoded = alone.cast_column(image, datasets.Image(decode=False))
    except Exception:  # pyarrow's errors have many kinds
        raise DataError(f"{name} holds no images in '{image}' but {rows.features[image]}; name the right one") from None
    feature = rows.features[label]
    if not isinstance(feature, (datasets.ClassLabel, datasets.Value)):
        raise DataError(
            f"the label '{label}' of {name} is no single value but {str(feature)[:120]}: several labels for an image"
            " are multi-label, which regraft does not do; name a column of one class with --label-column"
        )
    groups = groups_of(name, rows, reading.group_by)
    for row, value in enumerate(rows[label]):
        text = name_of(value, feature)
        if not text:
            faults.append(Fault(f"{part}/{row:08d}" if part else f"{row:08d}", "no label", "the data set gives none"))
            continue
        yield Labelled(
            f"{part}/{row:08d}" if part else f"{row:08d}",
            text,
            Given(partial(bytes_of, encoded, image, row, folder)),
            split,
            None if groups is None or groups[row] is None else str(groups[row]),
        )


def groups_of(name: str, rows: Any, column: str | None) -> Any:
    """The column of groups, if that is one; DataError where it holds no words or numbers."""
    import datasets

    if column not in rows.column_names:
        return None
    if not isinstance(rows.features[column], (datasets.ClassLabel, datasets.Value)):
        raise DataError(f"'{column}' of {name} holds no names of groups; give another --group-by")
    return rows[column]


def name_of(value: Any, feature: Any) -> str:
    """The name of a label's class; empty where there is no label."""
    if hasattr(feature, "int2str"):
        return "" if value is None or value == -1 else str(feature.int2str(value))  # -1: the hub's mark of none
    text = "" if value is None or value == -1 else str(value).strip()
    return "" if is_missing(text) else text


def column_of(name: str, rows: Any, option: str, wanted: str, usual: str, kind: Any) -> str:
    """The column ``wanted``; where that is the usual name and is not there, the one of the right kind.

    Raises DataError where there is none, or more than one.
    """
    if wanted in rows.column_names:
        return wanted
    fitting = [str(column) for column, feature in rows.features.items() if isinstance(feature, kind)]
    if wanted == usual and len(fitting) == 1:
        return fitting[0]
    if wanted == usual and fitting:
        listed = " and ".join(f"'{column}'" for column in fitting)
        raise DataError(f"{name} has the columns {listed} and no '{usual}'; choose one with {option} {fitting[0]}")
    raise DataError(f"{name} has no column '{wanted}' but {', '.join(rows.column_names)}; name the right {option}")


def bytes_of(rows: Any, column: str, row: int, folder: Path) -> Any:
    """One image as it was encoded; None where there is none. Paths start at ``folder`` where they lead nowhere else."""
    value = rows[row][column] or {}
    if value.get("bytes") or not value.get("path"):
        return value.get("bytes")
    if "://" in value["path"]:
        raise Undecodable("not a file", "it lies at a web address or in an archive; save a copy that holds its images")
    path = Path(value["path"])
    return OnDisk(path if path.exists() else folder / path).read()


def check_files(folder: Path) -> None:
    """Raise DataError where something in a saved data set that would be opened is no regular file."""
    try:
        parts = [folder]
        if (folder / DICTIONARY).is_file():
            parts = [folder / str(name) for name in json.loads((folder / DICTIONARY).read_text())["splits"]]
        for part in parts:
            for name in DESCRIBED_IN:
                check_file(part / name)
            listed = json.loads((part / "state.json").read_text())["_data_files"]
            for file in listed:
                check_file(part / file["filename"])
    except (OSError, ValueError, LookupError, TypeError, RecursionError) as error:
        raise DataError(f"the data set {folder} cannot be read: {reason_of(error)}; save it anew") from None


def check_file(path: Path) -> None:
    """Raise DataError for anything but a regular file."""
    if path.exists() and not path.is_file():
        raise DataError(f"{path} is a folder, a pipe or a device, and no part of a data set; save the set anew")
