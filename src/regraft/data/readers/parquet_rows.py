"""The rows of a Parquet file whose images are bytes; the images of a row group are read together."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from regraft.data.content import MOST_BYTES, OnDisk
from regraft.data.decoding import Undecodable
from regraft.data.readers.folder import Tree
from regraft.data.readers.parquet import unreadable
from regraft.errors import DataError
from regraft.recipe import Reading

UNSETTLED = 2_000_000_000  # ns after a change in which another may leave the same time
STARTS = {b"\xff\xd8": ".jpg", b"\x89PNG": ".png"}
HELD = 4  # row groups whose images lie in memory
MOST_HELD = 1_000_000_000  # bytes of images in a row group
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

    def suffix(self, column: str) -> str:
        """What files of the first image's kind are called; empty where that is neither JPEG nor PNG."""
        from pyarrow import parquet

        try:
            with parquet.ParquetFile(self.source(), metadata=self.metadata) as file:
                first = next(file.iter_batches(batch_size=1, columns=[column]), None)
        except DataError:
            raise
        except Exception as error:  # pyarrow's errors have many kinds
            raise unreadable(self.path, error) from None
        data = bytes_in(first.column(0)[0].as_py()) if first else None
        return next((suffix for start, suffix in STARTS.items() if data and data.startswith(start)), "")

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
        data = bytes_in(value)
        if data is None:
            raise Undecodable("no image", "the row holds no bytes")
        if len(data) > MOST_BYTES:
            raise Undecodable("too large", f"it holds {len(data):,} bytes; {MOST_BYTES:,} are read")
        return data


def bytes_in(value: Any) -> bytes | None:
    """What a cell holds of an image."""
    return value.get("bytes") if isinstance(value, dict) else value


def rows_on_disk(path: Path) -> ImageRows:
    """The rows of a file on a disk."""
    try:
        state = OnDisk(path.absolute()).state()
    except OSError as error:
        raise unreadable(path, error) from None
    settled = max(state.modified, state.changed) + UNSETTLED < time.time_ns()
    return ImageRows(path, lambda: str(path), f"{path.absolute()} {state}" if settled else "")
