"""Parquet as a table, through pyarrow; only the columns that matter are read."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from regraft.data.readers.table_rows import Row, Table
from regraft.errors import DataError, reason_of


def parquet_table(path: Path) -> Table:
    """The table in a Parquet file; DataError where it cannot be read."""
    try:
        from pyarrow import parquet
    except ImportError:
        raise DataError(f"{path} needs pyarrow; install regraft[hub], or save the table as CSV") from None
    try:
        kinds = {field.name: str(field.type) for field in parquet.read_schema(path)}
    except Exception as error:  # pyarrow's errors have many kinds
        raise unreadable(path, error) from None

    def rows(wanted: Sequence[str]) -> Iterator[Row]:
        bytes_in = next((name for name in wanted if "binary" in kinds[name]), None)
        if bytes_in is not None:
            raise DataError(
                f"'{bytes_in}' in {path} holds bytes; --image-column names the images' bytes, or their paths"
            )
        try:
            with parquet.ParquetFile(path) as file:
                for batch in file.iter_batches(columns=list(wanted)):
                    yield from batch.to_pylist()
        except Exception as error:  # pyarrow's errors have many kinds
            raise unreadable(path, error) from None

    return Table(path, tuple(kinds), rows, [])


def unreadable(path: Path, error: Exception) -> DataError:
    """What to say of a file that pyarrow refuses."""
    return DataError(f"{path} is no Parquet file that can be read: {reason_of(error)}; save it anew")
