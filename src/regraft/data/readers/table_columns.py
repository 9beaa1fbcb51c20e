"""Which columns of a table are the image, the label, the split and the group."""

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from regraft.data.images import KEPT, Fault
from regraft.data.readers.image_paths import ImagePaths
from regraft.data.readers.split_words import looks_like_splits
from regraft.data.readers.table_rows import Table, text_of
from regraft.errors import DataError
from regraft.recipe import Reading

GROUP = "group"  # the column that is taken for the groups where it is there
LABELS = ("class", "class_name", "classname", "category", "labels", "target", "species", "diagnosis", "tag", "y")
ONES, ZEROS = frozenset(("1", "1.0", "true")), frozenset(("0", "0.0", "false"))
LOOKED_AT = 50  # rows that show which column holds paths
FEWEST_INDICATORS = 2  # columns that are one for each class


@dataclass(frozen=True)
class Columns:
    """The columns that count; ``classes`` in place of a label where each class has a column of 0 and 1."""

    image: str
    label: str | None
    split: str | None
    group: str | None
    classes: tuple[str, ...] = ()

    def all(self) -> list[str]:
        """Every column that is read."""
        named = (self.image, self.label, self.split, self.group, *self.classes)
        return list(dict.fromkeys(name for name in named if name is not None))


def columns_of(table: Table, reading: Reading, paths: ImagePaths) -> Columns:
    """The columns that ``reading`` asks for, or those that stand for them; DataError where one is not there."""
    if table.first:
        return by_number(table, reading, paths)
    image = named(table, reading.image_column, "--image-column")
    label = named(table, reading.label_column, "--label-column")
    split = split_column(table, reading, [image, label])
    group = named(table, reading.group_by or GROUP, "--group-by")
    classes: tuple[str, ...] = ()
    if label is None and reading.label_column == Reading().label_column:
        classes = one_for_each_class(table, [image, split, group])
    if image is None or (label is None and not classes):
        raise not_there(table, reading, image, label, bool(classes), paths)
    return Columns(image, label, split, group, classes)


def named(table: Table, wanted: str, option: str) -> str | None:
    """The column of that name, as it stands or but for capital letters; DataError where there are two."""
    for same in (
        [name for name in table.columns if name == wanted],
        [name for name in table.columns if name.strip().casefold() == wanted.strip().casefold()],
    ):
        if len(same) > 1:
            if len(set(same)) == 1:
                raise DataError(f"{table.path} has {len(same)} columns '{same[0]}'; give each a name of its own")
            listed = " and ".join(f"'{name}'" for name in same)
            raise DataError(f"{table.path} has the columns {listed}; choose one with {option} {same[0]}")
        if same:
            return same[0]
    return None


def by_number(table: Table, reading: Reading, paths: ImagePaths) -> Columns:
    """The columns of a table without a header, by their number or by what the first row has there."""
    usual = Reading()
    asked = {"image": reading.image_column, "label": reading.label_column}
    numbers = {what: numbered(table, name) for what, name in asked.items()}
    split = numbered(table, reading.split_column)
    group = numbered(table, reading.group_by) if reading.group_by else None
    rest = [name for name in table.columns if name not in {*numbers.values(), split, group}]
    images = [name for name in rest if paths.names(table.first[int(name) - 1])]
    if numbers["image"] is None and asked["image"] == usual.image_column and len(images) == 1:
        numbers["image"] = images[0]
    rest = [name for name in rest if name not in {numbers["image"]}]
    if numbers["label"] is None and asked["label"] == usual.label_column and len(rest) == 1:
        numbers["label"] = rest[0]
    image, label = numbers["image"], numbers["label"]
    if image is None or label is None:
        there = ", ".join(f"{number} '{cell[:40]}'" for number, cell in enumerate(table.first, 1))
        raise DataError(
            f"{table.path} has no header: its first row has {there}; add one, or give the numbers of its columns, as"
            " --image-column 1 --label-column 2"
        )
    why = f"the first row is an image; column {image} was read as the image, {label} as the label"
    table.faults.append(Fault(table.path.name, "no header", why, KEPT))
    return Columns(image, label, split, group)


def numbered(table: Table, name: str) -> str | None:
    """The number of a column that is named by it, or by its cell in the first row."""
    if name in table.columns:
        return name
    return str(table.first.index(name) + 1) if name in table.first else None


def split_column(table: Table, reading: Reading, taken: Sequence[str | None]) -> str | None:
    """The column of splits: the one asked for, else ``split``, else one that can be nothing else, which is listed."""
    column = named(table, reading.split_column, "--split-column")
    if column is not None:
        return column
    if reading.split_column != Reading().split_column:
        raise DataError(f"{lacks(table, reading.split_column)}; name the right one with --split-column")
    for name in table.columns:
        if name not in taken and looks_like_splits(name, cells(table, name)):
            table.faults.append(
                Fault(name, "split column", "its words were read as splits; --split-column names another", KEPT)
            )
            return name
    return None


def cells(table: Table, column: str) -> Iterator[str]:
    """The cells of a column, as text."""
    return (text_of(row, column) for row in table.rows([column]) if row)


def one_for_each_class(table: Table, taken: Sequence[str | None]) -> tuple[str, ...]:
    """The columns that hold 1 where an image is of their class and 0 elsewhere; () where there are no such.

    Raises DataError where an image has several 1, or none.
    """
    others = [name for name in table.columns if name and name not in taken]
    if any(name.casefold() in LABELS for name in others):
        return ()
    marked: dict[str, list[bool]] = {}
    for name in others:
        try:
            values = [cell.casefold() for cell in cells(table, name)]
        except DataError:  # a column of bytes
            continue
        if values and set(values) <= ONES | ZEROS:
            marked[name] = [value in ONES for value in values]
    if len(marked) < FEWEST_INDICATORS:
        return ()
    counts = [sum(row) for row in zip(*marked.values(), strict=True)]
    several, none = sum(count > 1 for count in counts), counts.count(0)
    if several or none:
        listed = ", ".join(marked)
        raise DataError(
            f"{table.path} has a column for each class ({listed[:200]}); {several} of {len(counts)} rows are of"
            f" several classes, {none} of none: that is multi-label, which regraft does not do; write one class for"
            " each image into a column, and name it with --label-column"
        )
    why = f"each class has a column of 0 and 1: {', '.join(marked)}"[:200]
    table.faults.append(Fault(table.path.name, "one-hot labels", why, KEPT))
    return tuple(marked)


def lacks(table: Table, *wanted: str) -> str:
    """What to say of columns that are not there."""
    there = ", ".join(f"'{name}'" for name in table.columns if name)
    columns = " and ".join(f"'{name}'" for name in wanted)
    return f"{table.path} has no column{'s' if len(wanted) > 1 else ''} {columns} but {there}"


def not_there(
    table: Table, reading: Reading, image: str | None, label: str | None, one_hot: bool, paths: ImagePaths
) -> DataError:
    """The error for an image or label column that is not there, with the options that name what probably are."""
    probable, wanted, options = image, [], []
    if image is None:
        rest = [name for name in table.columns if name and name != label]
        likely = [name for name in rest if holds_paths(table, name, paths)] or (rest if len(rest) == 1 else [])
        probable = likely[0] if likely else None
        wanted.append(reading.image_column)
        options.append(f"--image-column {shlex.quote(probable)}" if probable else "--image-column")
    if label is None and not one_hot:
        rest = [name for name in table.columns if name and name not in {image, probable}]
        likely = [name for name in rest if name.casefold() in LABELS] or (rest if len(rest) == 1 else [])
        wanted.append(reading.label_column)
        options.append(f"--label-column {shlex.quote(likely[0])}" if len(likely) == 1 else "--label-column")
    return DataError(
        f"{lacks(table, *wanted)}; {'name them' if len(wanted) > 1 else 'name the right one'} with {' '.join(options)}"
    )


def holds_paths(table: Table, column: str, paths: ImagePaths) -> bool:
    """Whether most cells of a column name images."""
    try:
        seen = [paths.names(text_of(row, column)) for row in islice(table.rows([column]), LOOKED_AT)]
    except DataError:  # a column of bytes
        return False
    return 2 * sum(seen) > len(seen)
