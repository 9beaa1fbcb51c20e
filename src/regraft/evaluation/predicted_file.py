"""A file of predictions: written beside the wanted one, renamed when whole, gone on with where it was broken off."""

import csv
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path
from typing import Any, BinaryIO

from regraft.data.spreadsheet import as_cell, from_cell
from regraft.errors import RunError, disk_is_full, reason_not_written
from regraft.runs.claim import Held, hold, release
from regraft.runs.folder import unfinished_of
from regraft.runs.rows import ENCODING, UNENCODABLE, Lines

JSON_LINES = (".jsonl", ".ndjson")  # suffixes; every other file is a CSV
ROWS, STATE = "rows", "state.json"  # in the folder of an unfinished file
KEPT_EVERY = 0.2  # seconds
FORMAT = 1
Row = dict[str, Any]


@dataclass(frozen=True)
class Wanted:
    """What the file is to hold."""

    out: Path
    columns: tuple[str, ...]  # path, class, probability, error, known and the like, and a probability for each class
    names: Sequence[str]  # of the images, in order
    made_by: Mapping[str, Any]  # the run and what else decides: a file is gone on with by the same only

    @property
    def lead(self) -> int:
        """How many columns come before the probabilities."""
        return next(place for place, name in enumerate(self.columns) if name.startswith("p("))

    @property
    def classes(self) -> list[str]:
        """The names of the classes."""
        return [column[2:-1] for column in self.columns[self.lead :]]


class Unfinished:
    """The rows so far, and a word beside them on how many are whole."""

    def __init__(self, wanted: Wanted, rows: BinaryIO, state: Path | None) -> None:
        self.wanted, self.file, self.state = wanted, rows, state
        self.rows = self.bytes = 0
        self.names = hashlib.blake2b()
        self.due = time.monotonic() + KEPT_EVERY
        self.lines = None if wanted.out.suffix.lower() in JSON_LINES else Lines(wanted.columns)

    def begin(self) -> None:
        """Write what comes before the rows."""
        if self.lines:
            self.write(self.lines.header())

    def add(self, row: Row) -> None:
        """Write a row."""
        self.write(self.lines.row(row) if self.lines else (json.dumps(row) + "\n").encode())
        self.rows += 1
        digest_name(self.names, row["path"])
        if time.monotonic() >= self.due:
            self.keep()

    def write(self, data: bytes) -> None:
        """Write a line's bytes."""
        with writable(self.wanted.out):
            self.file.write(data)
        self.bytes += len(data)

    def keep(self) -> None:
        """Let the rows so far outlive this process."""
        self.due = time.monotonic() + KEPT_EVERY
        with writable(self.wanted.out):
            self.file.flush()
            if self.state and self.rows:
                content = {"format": FORMAT, "made_by": self.wanted.made_by, "rows": self.rows, "bytes": self.bytes}
                new = self.state.with_suffix(".new")
                new.write_text(json.dumps(content | {"names": self.names.hexdigest()}))
                new.replace(self.state)

    def finish(self) -> None:
        """See to it that all of it is on the disk."""
        self.keep()
        with writable(self.wanted.out):
            if self.state:
                os.fsync(self.file.fileno())
            self.file.close()


def digest_name(digest: "hashlib.blake2b", name: str) -> None:
    """Add a name to a digest of names."""
    digest.update(json.dumps(name).encode())


def check_out(out: Path, overwrite: bool, resume: bool) -> Path:
    """Where the file really goes; RunError where that would replace what was not given up, or cannot be written."""
    if out.is_symlink():
        out = out.resolve()
    place, begun = unfinished_of(out), state_of(out) is not None
    if out.is_dir():
        raise RunError(f"{out} is a folder; name a file in it with --out")
    if out.exists() and not overwrite and is_regular(out):
        whole = "is whole" if resume and not begun else "exists already"
        raise RunError(f"{out} {whole}; name another --out, or replace it with --overwrite")
    if begun and not overwrite and not resume:
        raise RunError(f"{out} was begun and not finished; go on with --resume, or start anew with --overwrite")
    if not out.parent.is_dir():
        raise RunError(f"{out} cannot be written: there is no folder {out.parent}; make it, or name another --out")
    if is_regular(out) and not os.access(out.parent if not place.is_dir() else place, os.W_OK | os.X_OK):
        raise RunError(f"{out} cannot be written: no permission in {out.parent}; name another --out")
    return out


def is_regular(out: Path) -> bool:
    """Whether it is, or will be, a file on a disk, and no device or pipe."""
    return out.is_file() or not out.exists()


def state_of(out: Path) -> dict[str, Any] | None:
    """What is said beside the rows of an unfinished file; None where nothing was begun."""
    try:
        state = json.loads((unfinished_of(out) / STATE).read_bytes())
        size = (unfinished_of(out) / ROWS).stat().st_size
    except (OSError, ValueError, RecursionError):
        return None
    figures = [state.get(name) for name in ("rows", "bytes")] if isinstance(state, dict) else [None]
    known = all(type(figure) is int and figure > 0 for figure in figures) and state.get("format") == FORMAT
    return state if known and state["bytes"] <= size else None


@contextmanager
def written(wanted: Wanted, overwrite: bool, resume: bool) -> Iterator[Unfinished]:
    """A file to add rows to, the first of which may be there already. It gets its name when all went well.

    Where that is a device or a pipe, rows go straight there. Rows stay for ``resume`` where it is broken off.
    RunError where it cannot be written, or another process writes it.
    """
    out, place = wanted.out, unfinished_of(wanted.out)
    if not is_regular(out):
        with writable(out):
            device = Unfinished(wanted, out.open("wb"), None)
        try:
            device.begin()
            yield device
            device.finish()
        finally:
            with suppress(OSError):  # which was said
                device.file.close()
        return
    try:
        with writable(out):
            lock = hold(place)
    except Held:
        raise RunError(f"another process is writing {out}; let it finish, or name another --out") from None
    try:
        with writable(out):
            begun = opened(wanted, place, resume)
        try:
            yield begun
            begun.finish()
        finally:
            with suppress(OSError):  # of a full disk, which was said
                begun.file.close()
        with writable(out):
            give_name(place / ROWS, out, overwrite)
        shutil.rmtree(place, ignore_errors=True)
    finally:
        if place.is_dir() and state_of(out) is None:
            shutil.rmtree(place, ignore_errors=True)
        release(lock)


@contextmanager
def writable(out: Path) -> Iterator[None]:
    """Say in words why a file cannot be written."""
    try:
        yield
    except BrokenPipeError:  # who reads it has enough
        raise
    except OSError as error:
        mend = "free space, and run the command again" if disk_is_full(error) else "name another --out"
        if state_of(out) is not None:
            mend = "free space, and go on with --resume"
        raise RunError(f"{out} cannot be written: {reason_not_written(error)}; {mend}") from None


def opened(wanted: Wanted, place: Path, resume: bool) -> Unfinished:
    """The unfinished file, with its rows to ``resume``, else empty."""
    state = state_of(wanted.out) if resume else None
    if state is None:
        (place / STATE).unlink(missing_ok=True)
        begun = Unfinished(wanted, (place / ROWS).open("wb"), place / STATE)
        begun.begin()
        return begun
    check_same(wanted, state)
    file = (place / ROWS).open("r+b")
    begun = Unfinished(wanted, file, place / STATE)
    begun.rows, begun.bytes = state["rows"], state["bytes"]
    for name in wanted.names[: begun.rows]:
        digest_name(begun.names, name)
    if begun.rows > len(wanted.names) or begun.names.hexdigest() != state.get("names"):
        file.close()
        raise RunError(
            f"{wanted.out} was begun with other images than these; give the same, or start anew with --overwrite"
        )
    file.truncate(begun.bytes)
    file.seek(begun.bytes)
    return begun


def check_same(wanted: Wanted, state: Mapping[str, Any]) -> None:
    """RunError where the file was begun by another run or with other options."""
    now, before = json.loads(json.dumps(wanted.made_by)), state.get("made_by")
    before = before if isinstance(before, dict) else {}
    others = [name for name in {**now, **before} if now.get(name) != before.get(name)]
    if others:
        raise RunError(
            f"{wanted.out} was begun with another {' and '.join(others)}; give the same, or start anew with --overwrite"
        )


def give_name(rows: Path, out: Path, overwrite: bool) -> None:
    """Give the whole file its name; where something came to lie there it gets another one, and RunError says which."""
    if overwrite or not out.exists():
        rows.replace(out)
        return
    names = (out.with_name(f"{out.stem}-{number}{out.suffix}") for number in count(2))
    other = next(name for name in names if not name.exists())
    rows.replace(other)
    raise RunError(f"{out} was made by another program meanwhile; the whole file is in {other}")


def rows_of(wanted: Wanted, file: Path, most: int | None = None) -> Iterator[Row]:
    """The first rows of a file that was written so, as they were before; all without ``most``."""
    with file.open("r", encoding=ENCODING, newline="") as text:
        if wanted.out.suffix.lower() in JSON_LINES:
            yield from map(json.loads, islice(text, most))
            return
        columns, lead = wanted.columns, wanted.lead
        classes = {as_written(name): name for name in wanted.classes}
        csv.field_size_limit(2**31 - 1)
        lines = csv.reader(text)
        next(lines)
        for name, cells in zip(wanted.names, islice(lines, most), strict=False):
            label, error, figures = cells[1], cells[3], [cells[2], *cells[lead:]]
            numbers = [float(figure) if figure else None for figure in figures]
            said = [from_cell(cell) or None for cell in (error, *cells[4:lead])]
            values = [name, classes[label] if label else None, numbers[0], *said, *numbers[1:]]
            yield dict(zip(columns, values, strict=True))


def as_written(name: str) -> str:
    """A name as it comes back from a CSV."""
    return as_cell(name).encode(ENCODING, UNENCODABLE).decode(ENCODING)
