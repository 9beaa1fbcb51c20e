"""A person's decisions on images, kept in the table of corrections: each is on disk at once, whole."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock

from regraft.data.corrections import COLUMNS, KEEP, LEAVE_OUT, NEW_CLASS, RELABEL, rows_in
from regraft.errors import DataError, RunError, reason_not_written
from regraft.evaluation.review.items import Item
from regraft.runs.rows import Lines

Row = dict[str, str]


class Decisions:
    """The table that they are kept in. What else it says, of other images and in other columns, stays."""

    def __init__(self, path: Path, run: Path, classes: tuple[str, ...]) -> None:
        self.path, self.classes = path, classes
        self.run = seen_from(run, path)
        self.lock = Lock()
        self.read()  # a table that is none is refused before a person begins

    def read(self) -> dict[str, Row]:
        """The rows by image; none where there is no table yet."""
        if not self.path.exists():
            return {}
        return {row["path"]: row for _, row in rows_in(self.path)}

    def decide(self, item: Item, action: str, label: str = "") -> Row:
        """Write what a person says of an image; DataError for a class that there is not."""
        label = label.strip()
        if action == RELABEL and label not in self.classes:
            raise DataError(f"'{label[:80]}' is no class of the data; there are {', '.join(self.classes[:20])}")
        if action not in {KEEP, RELABEL, LEAVE_OUT, NEW_CLASS} or (action == NEW_CLASS and not label):
            raise DataError(f"'{action[:80]}' is nothing that can be done; keep, relabel or leave out")
        if action in {RELABEL, NEW_CLASS} and label == item.was:
            action = KEEP
        row = dict.fromkeys(COLUMNS, "") | {
            "path": item.path,
            "was": item.was,
            "label": {KEEP: item.was, LEAVE_OUT: ""}.get(action, label),
            "action": action,
            "hash": item.hash,
            "run": self.run,
            "time": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        with self.lock:
            rows = self.read()
            note = rows.pop(item.path, {}).get("note", "")
            self.write([*rows.values(), row | {"note": note}])
        return row

    def forget(self, item: Item) -> None:
        """Take a decision back."""
        with self.lock:
            rows = self.read()
            if rows.pop(item.path, None) is not None:
                self.write(list(rows.values()))

    def write(self, rows: list[Row]) -> None:
        """All rows, under another name first; RunError where that cannot be."""
        more = sorted({name for row in rows for name in row} - {*COLUMNS})
        lines = Lines([*COLUMNS, *more])
        data = b"".join([lines.header(), *(lines.row(dict.fromkeys(lines.columns, "") | row) for row in rows)])
        try:
            with replacing(self.path) as unfinished:
                unfinished.write_bytes(data)
        except OSError as error:
            raise RunError(
                f"{self.path} cannot be written: {reason_not_written(error)}; name another file with --corrections"
            ) from None


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A file beside ``path`` that takes its name when it is whole."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    os.close(handle)
    unfinished = Path(name)
    try:
        unfinished.chmod(path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~umask())
        yield unfinished
        with unfinished.open("rb") as file:
            os.fsync(file.fileno())
        unfinished.replace(path.resolve())
    except BaseException:
        with suppress(OSError):
            unfinished.unlink()
        raise


def umask() -> int:
    """What this process takes from new files' permissions."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def seen_from(run: Path, table: Path) -> str:
    """The run's folder as the table names it: from its own folder, so that both can be moved."""
    try:
        return Path(os.path.relpath(run.resolve(), table.resolve().parent)).as_posix()
    except ValueError:  # on another drive
        return run.resolve().as_posix()
