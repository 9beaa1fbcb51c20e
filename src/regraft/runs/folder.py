"""The run folder: made under another name, and renamed when it is whole."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from regraft.errors import RegraftError, RunError, disk_is_full, reason_not_written

RUNS = Path("runs")


def choose_folder(name: str, out: Path | None, overwrite: bool, resume: bool = False) -> Path:
    """The run folder: ``out``, or the next free runs/<name>-<n>; to ``resume`` it is ``out``.

    Raises RunError where it exists and may not be replaced, cannot be written, or has nothing to resume.
    """
    if out and (out.is_symlink() or out.name in {"", ".."}):  # a name of its own is needed beside it
        out = out.resolve()
    if resume:
        if out is None:
            raise RunError("--resume needs the run folder to go on with; name it with --out")
        check_run_folder(out)
        if not holds_checkpoints(out) and not holds_checkpoints(unfinished_of(out)):
            raise RunError(f"{out} has no checkpoints to resume from; train it without --resume")
        return out
    if out is None:
        out = next(free_folders(name))
    else:
        check_replaceable(out, overwrite)
    parent = next(folder for folder in (out.parent, *out.parent.absolute().parents) if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise RunError(f"{out} cannot be written: no permission in {parent}; name another --out")
    return out


def free_folders(name: str) -> Iterator[Path]:
    """The folders named after the data, runs/<name>-<n>, that no run and no checkpoint lies in."""
    named = (RUNS / f"{name}-{number}" for number in count(1))
    return (folder for folder in named if not folder.exists() and not holds_checkpoints(unfinished_of(folder)))


def check_replaceable(out: Path, overwrite: bool) -> None:
    """Raise RunError where a run in ``out`` would take something away that was not given up with ``overwrite``."""
    if not out.exists():
        if not overwrite and holds_checkpoints(unfinished_of(out)):
            raise RunError(f"{out} was begun and not finished; go on with --resume, or start anew with --overwrite")
    elif not overwrite:
        raise RunError(f"{out} exists already; name another --out, or replace it with --overwrite")
    else:
        check_run_folder(out)


def check_run_folder(out: Path) -> None:
    """Raise RunError where ``out`` holds something else than a run, which a new one would delete."""
    if out.exists() and (not out.is_dir() or (any(out.iterdir()) and not (out / "recipe.json").exists())):
        raise RunError(f"{out} is no run folder, and a run there would delete something else; name another --out")


def check_goes_on(out: Path, strategy: str) -> None:
    """Raise RunError where the interrupted training in ``out`` was another one than that of ``strategy``."""
    if not any(any(place.glob(f"checkpoints/{strategy}/*.pt")) for place in (out, unfinished_of(out))):
        raise RunError(
            f"{out} has checkpoints, but none of {strategy}, which is what these options train; give those of the"
            " training that was interrupted"
        )


def unfinished_of(folder: Path) -> Path:
    """Where a run is kept until it is whole."""
    return folder.with_name(f".{folder.name}.unfinished")


def holds_checkpoints(place: Path) -> bool:
    """Whether a training left there what it can go on from."""
    return any(place.glob("checkpoints/*/*.pt"))


@contextmanager
def writing(folder: Path, overwrite: bool, resume: bool = False) -> Iterator[Path]:
    """A place to fill, claimed before, which becomes ``folder`` when all went well.

    Checkpoints stay in it for ``resume``, which starts from them, or from the ones of a finished ``folder``.
    """
    place = unfinished_of(folder)
    try:
        if not resume:
            empty(place)
        elif (folder / "checkpoints").is_dir() and not (place / "checkpoints").is_dir():
            shutil.copytree(folder / "checkpoints", place / "checkpoints")
        yield place
        if overwrite or resume:
            shutil.rmtree(folder, ignore_errors=True)
        move(place, folder)
    except RegraftError:
        raise
    except Exception as error:  # safetensors and torch have errors of their own for a full disk
        if not isinstance(error, OSError) and not disk_is_full(error):
            raise
        mend = "free space and go on with --resume" if holds_checkpoints(place) else "free space or name another --out"
        raise RunError(f"{folder} cannot be written: {reason_not_written(error)}; {mend}") from None


def empty(place: Path) -> None:
    """Remove what lies in a folder, which stays itself: it is locked."""
    for path in place.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


def move(place: Path, folder: Path) -> None:
    """Give a whole run its name; where something came to lie there it gets another one, and RunError says which."""
    if not folder.exists():
        place.rename(folder)
        return
    names = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    other = next(name for name in names if not name.exists())
    place.rename(other)
    raise RunError(f"{folder} was made by another program meanwhile; the whole run is in {other}")


def write_json(path: Path, values: Any) -> None:
    """Write ``values`` as indented JSON."""
    path.write_text(json.dumps(values, indent=2) + "\n")
