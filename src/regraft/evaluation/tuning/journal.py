"""Optuna's journal of a search: a file that several processes write and that a kill leaves readable."""

import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend, JournalFileOpenLock

from regraft.errors import RunError, reason_of

if sys.platform != "win32":
    import fcntl

JOURNAL = "journal.log"
STUDY = "regraft"
WORDS = {"asked_space": "space", "backbones": "list of backbones", "limits": "limit on size or time"}


class ProcessLock(JournalFileOpenLock):
    """A lock that ends with its process, so that nobody waits for one that was killed."""

    def __init__(self, path: Path) -> None:
        super().__init__(str(path))
        self.path = path.with_name(f".{path.name}.held")
        self.opened: list[int] = []

    def acquire(self) -> bool:
        """Wait until no other process has it."""
        if sys.platform == "win32":
            return super().acquire()
        lock = os.open(self.path, os.O_CREAT | os.O_RDWR, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:  # a file system without such locks
            os.close(lock)
            return super().acquire()
        self.opened.append(lock)
        return True

    def release(self) -> None:
        """Let others have it."""
        if self.opened:
            os.close(self.opened.pop())
        else:
            super().release()


class Journal(JournalFileBackend):
    """The file; a line that a killed process left half written is taken away before the next one is written."""

    def __init__(self, path: Path) -> None:
        self.path, lock = path, ProcessLock(path)
        super().__init__(str(path), lock_obj=lock)
        lock.acquire()
        try:
            mend(path)
        finally:
            lock.release()

    def append_logs(self, logs: list[dict[str, Any]]) -> None:
        """Write lines, all of them before anybody else does."""
        lines = "".join(json.dumps(log, separators=(",", ":")) + "\n" for log in logs)
        self._lock.acquire()
        try:
            mend(self.path)
            with self.path.open("ab") as file:
                file.write(lines.encode())
                file.flush()
                os.fsync(file.fileno())
        finally:
            self._lock.release()


def mend(path: Path) -> None:
    """Cut a last line that has no end off."""
    with path.open("r+b") as file:
        size = file.seek(0, os.SEEK_END)
        if not size:
            return
        file.seek(size - 1)
        if file.read(1) == b"\n":
            return
        file.seek(0)
        file.truncate(file.read().rfind(b"\n") + 1)


@contextmanager
def quiet() -> Iterator[None]:
    """Optuna says nothing but warnings while this lasts."""
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def open_study(path: Path, identity: Mapping[str, Any]) -> optuna.Study:
    """The study in a journal; made where there is none, refused where it is of other images or another recipe."""
    try:
        storage = JournalStorage(Journal(path))
        study = optuna.create_study(storage=storage, study_name=STUDY, direction="maximize", load_if_exists=True)
        known = dict(study.user_attrs)
    except OSError:
        raise
    except Exception as error:  # a damaged line raises whatever its reader stumbles over
        raise RunError(f"{path} is damaged: {reason_of(error)[:100]}; start anew with --overwrite") from None
    for name, value in identity.items():
        if name not in known:
            study.set_user_attr(name, value)
        elif known[name] != value:
            raise other(path, name, known[name], value)
    return study


def other(path: Path, name: str, there: Any, here: Any) -> RunError:
    """The error for a journal that belongs to something else."""
    if name == "data":
        return RunError(f"{path} is of other images or another split; give the same images, or another --out")
    shown = ""
    if isinstance(there, Mapping) and isinstance(here, Mapping):
        changed = [key for key in here if there.get(key) != here[key]]
        shown = " (" + ", ".join(f"{key} {there.get(key)} there, {here[key]} here" for key in changed[:3]) + ")"
        shown = shown if name == "recipe" else ""
    what = WORDS.get(name, name)
    return RunError(f"{path} was begun with another {what}{shown}; give the same options, or another --out")
