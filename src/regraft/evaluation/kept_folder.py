"""A folder that keeps what many trainings gave, a file each: broken off anywhere, nothing is done twice."""

import hashlib
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from regraft.errors import RunError, reason_not_written
from regraft.runs.claim import Held, hold, release

TRAININGS, CHECKPOINTS = "trainings", "checkpoints"


def key_of(facts: Any) -> str:
    """A name that follows from all that determines a result, plain data."""
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=12).hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is whole or not there; RunError where that cannot be."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        reason = reason_not_written(error)
        raise RunError(f"{path} cannot be written: {reason}; free space and give the same command again") from None


@contextmanager
def kept_in(folder: Path, what: str, overwrite: bool = False) -> Iterator[Path]:
    """Where the trainings of ``folder`` are kept, for this process alone; ``what`` lies there, in words.

    ``overwrite`` removes those that are there. Nothing is left of a folder in which nothing was kept. Raises RunError
    where another process writes, something else lies there, or it cannot be written.
    """
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / TRAININGS).is_dir())):
        raise RunError(f"{folder} holds something else than {what}; name another --out")
    missing = [parent for parent in (folder, *folder.absolute().parents) if not parent.exists()]
    place = folder / TRAININGS
    try:
        lock = hold(place)
    except Held:
        raise RunError(f"another process is writing {folder}; let it finish, or name another --out") from None
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {reason_not_written(error)}; name another --out") from None
    try:
        if overwrite:
            shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
            for path in place.iterdir():
                path.unlink()
        yield place
    finally:
        for empty in (place, *missing):
            with suppress(OSError):  # something lies in it
                empty.rmdir()
        release(lock)
