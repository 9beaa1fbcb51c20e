"""A run is made under another name and gets its own when it is whole; killed anywhere, nothing whole is lost.

While a run is replaced, the old one lies beside it under a third name: at any moment one of the two is whole.
"""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from regraft.errors import RegraftError, RunError, disk_is_full, reason_not_written
from regraft.runs.folder import CHECKPOINTS, holds_checkpoints, replaced_of, unfinished_of

DISCARDED = "discarded"  # checkpoints on their way out: half of them are none


@contextmanager
def writing(folder: Path, overwrite: bool, resume: bool = False) -> Iterator[Path]:
    """A place to fill, claimed before, which becomes ``folder`` when all went well.

    Checkpoints stay in it for ``resume``, which starts from them, or from the ones of a finished ``folder``; all
    else that an interrupted run left there is made again.
    """
    place = unfinished_of(folder)
    try:
        empty(place, but=CHECKPOINTS if resume else None)
        if resume and not holds_checkpoints(place):
            copy_checkpoints(folder, place)
        yield place
        if overwrite or resume:
            replace(place, folder)
        else:
            move(place, folder)
    except RegraftError:
        raise
    except Exception as error:  # safetensors and torch have errors of their own for a full disk
        if not isinstance(error, OSError) and not disk_is_full(error):
            raise
        mend = "free space and go on with --resume" if holds_checkpoints(place) else "free space or name another --out"
        raise RunError(f"{folder} cannot be written: {reason_not_written(error)}; {mend}") from None


def empty(place: Path, but: str | None) -> None:
    """Remove what lies in a folder, ``but`` one thing in it; the folder stays itself: it is locked."""
    if but != CHECKPOINTS and (place / CHECKPOINTS).is_dir():
        remove(place / DISCARDED)
        (place / CHECKPOINTS).rename(place / DISCARDED)
    for path in place.iterdir():
        if path.name != but:
            remove(path)


def remove(path: Path) -> None:
    """A file, or a folder with all that is in it, away; nothing where it is not there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def copy_checkpoints(folder: Path, place: Path) -> None:
    """The checkpoints of a finished run, all of them or none."""
    if holds_checkpoints(folder):
        remove(place / CHECKPOINTS)
        shutil.copytree(folder / CHECKPOINTS, place / DISCARDED)
        (place / DISCARDED).rename(place / CHECKPOINTS)


def replace(place: Path, folder: Path) -> None:
    """Give a whole run its name, where another one may have it, which then is deleted."""
    old = replaced_of(folder)
    if folder.exists():
        remove(old)
        folder.rename(old)
    place.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def restore(folder: Path) -> None:
    """Mend what a replacement that was killed left beside ``folder``: the old run comes back, or is deleted at last."""
    old = replaced_of(folder)
    if old.exists() and not folder.exists():
        old.rename(folder)
    else:
        shutil.rmtree(old, ignore_errors=True)


def move(place: Path, folder: Path) -> None:
    """Give a whole run its name; where something came to lie there it gets another one, and RunError says which."""
    if not folder.exists():
        place.rename(folder)
        return
    names = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    other = next(name for name in names if not name.exists())
    place.rename(other)
    raise RunError(f"{folder} was made by another program meanwhile; the whole run is in {other}")
