"""Which run folder a run gets, and what may lie there."""

import json
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any

from regraft.errors import RunError
from regraft.training.state import LAST

RUNS = Path("runs")
CHECKPOINTS = "checkpoints"  # of the trainings, in a run's folder


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
    if not any(any(place.glob(f"{CHECKPOINTS}/{strategy}/{LAST}")) for place in (out, unfinished_of(out))):
        raise RunError(
            f"{out} has checkpoints, but none of {strategy}, which is what these options train; give those of the"
            " training that was interrupted"
        )


def unfinished_of(folder: Path) -> Path:
    """Where a run is kept until it is whole."""
    return folder.with_name(f".{folder.name}.unfinished")


def replaced_of(folder: Path) -> Path:
    """Where the run that a new one replaces is kept until that has its name."""
    return folder.with_name(f".{folder.name}.replaced")


def holds_checkpoints(place: Path) -> bool:
    """Whether a training left there what it can go on from."""
    return any(place.glob(f"{CHECKPOINTS}/*/{LAST}"))


def write_json(path: Path, values: Any) -> None:
    """Write ``values`` as indented JSON."""
    path.write_text(json.dumps(values, indent=2) + "\n")


def write_json_with(path: Path, values: Mapping[str, Any], name: str, rows: Iterable[Mapping[str, Any]]) -> None:
    """The same with many objects of plain values under ``name``, the last, which are written as they come."""
    text = json.dumps({**values, name: []}, indent=2)
    with path.open("w") as file:
        file.write(text.removesuffix("[]\n}"))
        between = "["
        for row in rows:
            fields = ",\n".join(f"      {json.dumps(key)}: {json.dumps(value)}" for key, value in row.items())
            file.write(f"{between}\n    {{\n{fields}\n    }}")
            between = ","
        file.write("[]\n}\n" if between == "[" else "\n  ]\n}\n")
