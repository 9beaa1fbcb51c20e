"""One process at a time writes a run folder: what is made beside it is locked, and the lock ends with its process."""

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from regraft.errors import RunError, reason_not_written
from regraft.runs.folder import check_replaceable, choose_folder, free_folders, holds_checkpoints, unfinished_of
from regraft.runs.writing import restore

if sys.platform != "win32":
    import fcntl

ATTEMPTS = 100  # to lock a folder that others make and remove meanwhile


class Held(Exception):
    """Another process, or another part of this one, writes there."""


@dataclass(frozen=True)
class Claim:
    """A run folder that this process alone writes."""

    folder: Path  # that the run will have
    place: Path  # where it is made


@contextmanager
def claimed(name: str, out: Path | None, overwrite: bool, resume: bool = False) -> Iterator[Claim]:
    """The run folder ``out``, or the next free runs/<name>-<n>, for this process alone.

    Raises RunError where another run writes it, and as choose_folder does. What was made there vanishes in the end,
    unless it became the run folder or holds checkpoints.
    """
    folder = choose_folder(name, out, overwrite, resume)
    missing = [parent for parent in folder.absolute().parents if not parent.exists()]
    try:
        folder, lock = claim_named(folder, overwrite, resume) if out else claim_next(name)
    except OSError as error:
        raise RunError(
            f"{folder} cannot be written: {reason_not_written(error)}; free space or name another --out"
        ) from None
    place = unfinished_of(folder)
    try:
        yield Claim(folder, place)
    finally:
        if is_at(lock, place) and not holds_checkpoints(place):
            shutil.rmtree(place, ignore_errors=True)
        release(lock)
        for parent in missing:
            with suppress(OSError):  # something lies in it
                parent.rmdir()


def claim_named(folder: Path, overwrite: bool, resume: bool) -> tuple[Path, int]:
    """A folder that was asked for, and its lock; RunError where another run writes it."""
    try:
        lock = hold(unfinished_of(folder))
    except Held:
        raise RunError(f"another run is writing {folder}; let it finish, or name another --out") from None
    restore(folder)
    if not resume:
        try:
            check_replaceable(folder, overwrite)  # the other one may have finished just now
        except RunError:
            give_up(lock, unfinished_of(folder))
            raise
    return folder, lock


def claim_next(name: str) -> tuple[Path, int]:
    """The first free folder of those named after the data, and its lock."""
    for folder in free_folders(name):
        with suppress(Held):
            place = unfinished_of(folder)
            lock = hold(place)
            if not folder.exists() and not holds_checkpoints(place):
                return folder, lock
            give_up(lock, place)  # another run has just finished or broken off there
    raise AssertionError("there is always a next number")


def hold(place: Path) -> int:
    """Make ``place`` where it is missing, and lock it: the lock, to be released; Held where another has it."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            place.mkdir(parents=True, exist_ok=True)
            if sys.platform == "win32":
                return -1
            lock = os.open(place, os.O_RDONLY)
        except (FileNotFoundError, FileExistsError):  # another run has just made or removed it
            if attempt == ATTEMPTS:
                raise
            continue
        if locked(lock) and is_at(lock, place):
            return lock
        os.close(lock)
    raise Held


def locked(lock: int) -> bool:
    """Lock an opened folder; Held where another has it. Where the file system has no locks nothing is locked."""
    if sys.platform != "win32":
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise Held from None
        except OSError:
            pass
    return True


def is_at(lock: int, place: Path) -> bool:
    """Whether the folder that was locked still lies at ``place``, and no other's there."""
    with suppress(FileNotFoundError):
        return lock < 0 or os.path.samestat(os.fstat(lock), place.stat())
    return False


def give_up(lock: int, place: Path) -> None:
    """Let others have a folder that turned out to be of no use, and remove it unless something lies in it."""
    if is_at(lock, place):
        with suppress(OSError):
            place.rmdir()
    release(lock)


def release(lock: int) -> None:
    """Let others have it."""
    if lock >= 0:
        os.close(lock)
