"""Text of a table -> its columns and rows: encodings, separators, a header or none."""

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path

from regraft.data.images import KEPT, Fault
from regraft.data.readers.table_rows import Row, Table
from regraft.data.spreadsheet import from_cell
from regraft.errors import DataError

SEPARATORS = ",;\t|"
SEPARATOR_LINE = re.compile(r"sep=([,;\t|:])\r?\n?", re.IGNORECASE)  # that Excel writes and reads
QUOTED = re.compile(r'"[^"]*"')
WESTERN = "cp1252"  # what Excel writes in Western Europe and America
MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}


def text_table(path: Path, is_file_name: Callable[[str], bool]) -> Table:
    """The table in a CSV or TSV; ``is_file_name``: whether a cell names an image, as no header does."""
    faults: list[Fault] = []
    text = text_of_file(path, faults)
    line = SEPARATOR_LINE.match(text)
    if line:
        text = text[line.end() :]
    delimiter = line[1] if line else delimiter_of(text, path)
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
        lines = [[from_cell(cell.strip()) for cell in cells] for cells in reader if cells]
    except csv.Error as error:
        raise DataError(f"{path} is no table: {error}; save it as plain CSV") from None
    if not lines:
        return Table(path, (), lambda _: iter(()), faults)
    headless = any(is_file_name(cell) for cell in lines[0])
    columns = tuple(str(number) for number in range(1, len(lines[0]) + 1)) if headless else tuple(lines[0])
    body = lines if headless else lines[1:]
    rows = rows_of(columns, body, faults)
    spare = frozenset(cell for cells in body for cell in cells[len(columns) :])
    first = tuple(lines[0]) if headless else ()
    return Table(path, columns, lambda _: iter(rows), faults, first, spare - {""})


def rows_of(columns: tuple[str, ...], lines: list[list[str]], faults: list[Fault]) -> list[Row]:
    """Cells by column; rows with more cells than there are columns are left out and listed."""
    rows: list[Row] = []
    for number, cells in enumerate(lines, 1):
        if any(cells[len(columns) :]):
            why = (
                f"it has {len(cells)} cells, the first row {len(columns)}; put a cell that holds a separator in quotes"
            )
            faults.append(Fault(f"row {number}", "too many cells", why))
            rows.append({})
        else:
            rows.append(dict(zip(columns, cells, strict=False)))
    return rows


def text_of_file(path: Path, faults: list[Fault]) -> str:
    """What a file says, by its mark of order or as UTF-8; else as Windows writes in the West, which is listed."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}; give a table that can") from None
    encoding = next((name for mark, name in MARKS.items() if data.startswith(mark)), unmarked(data))
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8" or b"\0" in data:
            raise DataError(f"{path} is no {encoding} text (byte {error.start}); save the table as UTF-8") from None
        at = error.start
    try:
        text = data.decode(WESTERN)
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text (byte {at}); save the table as UTF-8") from None
    word = next((word for word in re.findall(r"\w+", text) if not word.isascii()), text[at : at + 1])
    why = f"read as Windows-1252, as in '{word[:40]}'; save it as UTF-8 where that is wrong"
    faults.append(Fault(path.name, "not UTF-8", why, KEPT))
    return text


def unmarked(data: bytes) -> str:
    """The encoding of bytes without a mark: UTF-16 shows in its zeros."""
    head = data[:1000]
    for place, name in ((1, "utf-16-le"), (0, "utf-16-be")):
        if len(head) > 1 and not any(head[place::2]) and any(head[1 - place :: 2]):
            return name
    return "utf-8"


def delimiter_of(text: str, path: Path) -> str:
    """The separator that the first line has most of, outside quotes; a TSV's is the tab where it has one."""
    header = QUOTED.sub("", (text.splitlines() or [""])[0])
    if path.suffix.lower() == ".tsv" and "\t" in header:
        return "\t"
    return max(SEPARATORS, key=header.count)
