"""Images as bytes in Parquet files: a column of bytes, or Hugging Face's of {bytes, path}, beside one of labels."""

import json
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from regraft.data.content import MOST_BYTES, FileState, OnDisk
from regraft.data.decoding import Undecodable
from regraft.data.folder_words import bears_split
from regraft.data.images import FEWEST_CLASSES, KEPT, Fault, ImageSet, Labelled, collect
from regraft.data.labels import check_labels, is_missing
from regraft.data.readers.folder import Tree
from regraft.data.readers.parquet import unreadable
from regraft.data.readers.split_words import split_words
from regraft.errors import DataError
from regraft.recipe import Reading

HELD = 4  # row groups whose images lie in memory
MOST_HELD = 1_000_000_000  # bytes of images in a row group
GROUP = "group"  # the column that is taken for the groups where it is there


Key = tuple["ImageRows", str, int]  # a file, a column and the number of a row group


class Groups:
    """The images of the row groups that were read last."""

    def __init__(self) -> None:
        self.lock, self.latest = threading.Lock(), OrderedDict[Key, Any]()

    def get(self, key: Key) -> Any:
        """One of them; None where it has to be read."""
        with self.lock:
            if key in self.latest:
                self.latest.move_to_end(key)
            return self.latest.get(key)

    def put(self, key: Key, images: Any) -> None:
        """Keep one, in place of the one that was asked for longest ago."""
        with self.lock:
            self.latest[key] = images
            while len(self.latest) > HELD:
                self.latest.popitem(last=False)


GROUPS = Groups()


class ImageRows:
    """A Parquet file of images; ``source`` gives what pyarrow opens, ``version`` is another once that has changed."""

    def __init__(self, path: Path, source: Callable[[], Any], version: str) -> None:
        self.path, self.source, self.version = path, source, version
        self.lock = threading.Lock()

    @cached_property
    def metadata(self) -> Any:
        """What the file's foot says; DataError where it cannot be read."""
        try:
            from pyarrow import parquet
        except ImportError:
            raise DataError(f"{self.path} needs pyarrow; install regraft[hub]") from None
        try:
            with parquet.ParquetFile(self.source()) as file:
                return file.metadata
        except DataError:
            raise
        except Exception as error:  # pyarrow's errors have many kinds
            raise unreadable(self.path, error) from None

    @cached_property
    def schema(self) -> Any:
        """The columns and their kinds."""
        return self.metadata.schema.to_arrow_schema()

    def column(self, wanted: str, option: str) -> str | None:
        """The column of that name, but for capital letters; DataError where there are several."""
        same = [name for name in self.schema.names if name.casefold() == wanted.casefold()]
        if len(same) > 1 and wanted not in same:
            raise DataError(f"{self.path} has the columns {' and '.join(same)}; choose one with {option} {same[0]}")
        return wanted if wanted in same else next(iter(same), None)

    def image_column(self, reading: Reading) -> str | None:
        """The column of bytes: the one asked for, else the only one; None where there is none."""
        column = self.column(reading.image_column, "--image-column")
        if column is None and reading.image_column == Reading().image_column:
            fitting = [name for name in self.schema.names if self.holds_bytes(name)]
            column = fitting[0] if len(fitting) == 1 else None
        return column if column is not None and self.holds_bytes(column) else None

    def holds_bytes(self, column: str) -> bool:
        """Whether a column's values are bytes, or have a field of them."""
        from pyarrow import types

        kind = self.schema.field(column).type
        if types.is_struct(kind):
            names = [kind.field(number).name for number in range(kind.num_fields)]
            return "bytes" in names and is_bytes(kind.field("bytes").type)
        return is_bytes(kind)

    def named(self, reading: Reading) -> str:
        """The same; DataError where there is none."""
        column = self.image_column(reading)
        if column is None:
            there = ", ".join(self.schema.names)
            raise DataError(f"{self.path} has no column of images' bytes but {there}; name it with --image-column")
        return column

    def contents(self, column: str) -> Iterator["InParquet"]:
        """The images, row by row."""
        for group in range(self.metadata.num_row_groups):
            for row in range(self.metadata.row_group(group).num_rows):
                yield InParquet(self, column, group, row)

    def values(self, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
        """Some other columns, row by row."""
        from pyarrow import parquet

        try:
            with parquet.ParquetFile(self.source(), metadata=self.metadata) as file:
                for batch in file.iter_batches(columns=list(columns)):
                    yield from batch.to_pylist()
        except DataError:
            raise
        except Exception as error:  # pyarrow's errors have many kinds
            raise unreadable(self.path, error) from None

    def image(self, column: str, group: int, row: int) -> Any:
        """What is in one cell; the images of its row group are read together."""
        key = (self, column, group)
        images = GROUPS.get(key)
        if images is None:
            with self.lock:  # threads that want the same one wait for it
                images = GROUPS.get(key)
                if images is None:
                    images = self.images_of(column, group)
                    GROUPS.put(key, images)
        return images[row].as_py()

    def images_of(self, column: str, group: int) -> Any:
        """The images of a row group; DataError where they are too many for memory."""
        from pyarrow import parquet

        described = self.metadata.row_group(group)
        chunks = [described.column(number) for number in range(described.num_columns)]
        size = sum(one.total_uncompressed_size for one in chunks if one.path_in_schema.split(".")[0] == column)
        if size > MOST_HELD:
            raise DataError(
                f"{self.path} has {size:,} bytes of images in a row group; {MOST_HELD:,} are read: write it with"
                " smaller ones (row_group_size=1000)"
            )
        try:
            with parquet.ParquetFile(self.source(), metadata=self.metadata) as file:
                return file.read_row_group(group, columns=[column]).column(0)
        except DataError:
            raise
        except Exception as error:  # pyarrow's errors have many kinds
            raise unreadable(self.path, error) from None

    def tree(self, reading: Reading) -> Tree:
        """The images without their labels."""
        return Tree({f"{row:08d}": content for row, content in enumerate(self.contents(self.named(reading)))})


def is_bytes(kind: Any) -> bool:
    """Whether a column's kind is bytes."""
    from pyarrow import types

    return bool(types.is_binary(kind) or types.is_large_binary(kind))


@dataclass(frozen=True, slots=True)
class InParquet:
    """A cell of a Parquet file."""

    rows: ImageRows = field(repr=False)
    column: str
    group: int
    row: int

    @property
    def identity(self) -> str | None:
        """Which it is, as long as the file has not changed; None where that would not show."""
        return f"{self.rows.version} {self.column} {self.group} {self.row}" if self.rows.version else None

    def read(self) -> bytes:
        """The image as it was encoded."""
        value = self.rows.image(self.column, self.group, self.row)
        data = value.get("bytes") if isinstance(value, dict) else value
        if data is None:
            raise Undecodable("no image", "the row holds no bytes")
        if len(data) > MOST_BYTES:
            raise Undecodable("too large", f"it holds {len(data):,} bytes; {MOST_BYTES:,} are read")
        return bytes(data)


def rows_on_disk(path: Path) -> ImageRows:
    """The rows of a file on a disk."""
    try:
        state: FileState | str = OnDisk(path.absolute()).state()
    except OSError as error:
        raise unreadable(path, error) from None
    return ImageRows(path, lambda: str(path), f"{path.absolute()} {state}")


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
    alone = len({rows.path.name for rows in files}) == len(files)
    items: list[Labelled] = []
    for rows in files:
        name = rows.path.name if alone else rows.path.as_posix()
        items += labelled(rows, name, reading, splits[rows.path], faults)
    if not items:
        raise DataError(f"{root} holds no image with a label; write a row for each image with its label")
    if word := check_labels(Counter(item.label for item in items), str(root)):
        faults.append(Fault(root.name, "numbers as labels", word, KEPT, len(items)))
    return collect(root, items, faults, fewest_classes)


def labelled(
    rows: ImageRows, file: str, reading: Reading, split: str | None, faults: list[Fault]
) -> Iterator[Labelled]:
    """The rows of one file; those without a label go to ``faults``."""
    image, label = rows.named(reading), rows.column(reading.label_column, "--label-column")
    if label is None:
        there = ", ".join(rows.schema.names)
        raise DataError(f"{rows.path} has no column '{reading.label_column}' but {there}; name it with --label-column")
    split_column = rows.column(reading.split_column, "--split-column")
    group_column = rows.column(reading.group_by or GROUP, "--group-by")
    names, words = class_names(rows, label), split_words(reading.splits, split_column or "")
    wanted = [column for column in dict.fromkeys((label, split_column, group_column)) if column is not None]
    for number, (content, values) in enumerate(zip(rows.contents(image), rows.values(wanted), strict=True)):
        name, value = f"{file}/{number:08d}", values[label]
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
