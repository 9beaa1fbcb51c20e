"""The run folder: made under another name, and renamed when it is whole."""

import csv
import json
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from regraft.errors import RunError

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
        number = 1
        while (RUNS / f"{name}-{number}").exists() or unfinished_of(RUNS / f"{name}-{number}").exists():
            number += 1
        out = RUNS / f"{name}-{number}"
    else:
        check_replaceable(out, overwrite)
    parent = next(folder for folder in (out.parent, *out.parent.absolute().parents) if folder.exists())
    if not parent.is_dir() or not os.access(parent, os.W_OK | os.X_OK):
        raise RunError(f"{out} cannot be written: no permission in {parent}; name another --out")
    return out


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
def writing(folder: Path, resume: bool = False) -> Iterator[Path]:
    """A folder to fill, which becomes ``folder`` when all went well.

    When not, it vanishes, unless it holds checkpoints: those wait for ``resume``, which starts from them, or from
    the ones of a finished ``folder``.
    """
    place = unfinished_of(folder)
    try:
        if not resume:
            shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True, exist_ok=True)
        if resume and (folder / "checkpoints").is_dir() and not (place / "checkpoints").is_dir():
            shutil.copytree(folder / "checkpoints", place / "checkpoints")
        yield place
        if folder.exists():
            shutil.rmtree(folder)
        place.rename(folder)
    except OSError as error:
        raise RunError(
            f"{folder} cannot be written: {error.strerror or error}; free space or name another --out"
        ) from None
    finally:
        if not holds_checkpoints(place):
            shutil.rmtree(place, ignore_errors=True)


def write_json(path: Path, values: Any) -> None:
    """Write ``values`` as indented JSON."""
    path.write_text(json.dumps(values, indent=2) + "\n")


def write_rows(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows that share their keys as CSV."""
    with path.open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
