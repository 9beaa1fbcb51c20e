"""Where a search is kept while it goes on: a folder beside the run's, which becomes part of the run in the end."""

import os
import shutil
from contextlib import suppress
from itertools import count
from pathlib import Path

from regraft.errors import RunError, reason_not_written
from regraft.evaluation.kept_folder import CHECKPOINTS, TRAININGS
from regraft.evaluation.tuning.book import CLAIMS
from regraft.evaluation.tuning.journal import JOURNAL
from regraft.runs.claim import Held, hold, release
from regraft.runs.folder import RUNS, check_replaceable
from regraft.runs.writing import remove

RESULT = "tuning.json"
KEPT = "search"  # in the run's folder: what going on needs beside the journal


def search_of(folder: Path) -> Path:
    """Where the search for a run is kept until the run is whole."""
    return folder.with_name(f".{folder.name}.search")


def begin(name: str, out: Path | None, overwrite: bool, resume: bool) -> Path:
    """The run folder of a search, with the folder of the search made: RunError where something else is there."""
    try:
        if resume:
            return go_on(out)
        return new(name, out, overwrite)
    except OSError as error:
        shown = out or RUNS / name
        raise RunError(f"{shown} cannot be written: {reason_not_written(error)}; name another --out") from None


def new(name: str, out: Path | None, overwrite: bool) -> Path:
    """A search that begins."""
    if out is None:
        for folder in (RUNS / f"{name}-tuned-{number}" for number in count(1)):
            if not folder.exists():
                with suppress(FileExistsError):
                    search_of(folder).mkdir(parents=True)
                    return folder
    assert out is not None
    out = out.resolve() if out.is_symlink() or out.name in {"", ".."} else out
    check_replaceable(out, overwrite)
    place = search_of(out)
    if place.exists() and not overwrite and (place / JOURNAL).exists():
        raise RunError(f"{out} was begun and not finished; go on with --resume, or start anew with --overwrite")
    if place.exists():
        check_nobody(place, out)
        remove(place)
    place.mkdir(parents=True)
    return out


def check_nobody(place: Path, out: Path) -> None:
    """Raise RunError where a process is at a trial of a search that is to be removed."""
    for claim in (place / CLAIMS).glob("*"):
        try:
            release(hold(claim))
        except Held:
            raise RunError(f"another process is searching for {out}; let it finish, or name another --out") from None


def go_on(out: Path | None) -> Path:
    """A search that was interrupted, or one that is finished and gets more trials."""
    if out is None:
        raise RunError("--resume needs the run folder of the search to go on with; name it with --out")
    out = out.resolve() if out.is_symlink() or out.name in {"", ".."} else out
    place = search_of(out)
    if (place / JOURNAL).exists():
        return out
    if not (out / JOURNAL).exists():
        raise RunError(f"{out} has no search to go on with; search without --resume")
    unfinished = place.with_name(f"{place.name}.{os.getpid()}.part")
    remove(unfinished)
    unfinished.mkdir(parents=True)
    shutil.copytree(out / KEPT, unfinished, dirs_exist_ok=True)
    shutil.copy2(out / JOURNAL, unfinished / JOURNAL)
    try:
        unfinished.rename(place)
    except OSError:  # another process was quicker
        remove(unfinished)
    return out


def keep(place: Path, run: Path, winner: str | None) -> None:
    """Put the search into its run: the journal, what each trial came to, and the winner's checkpoints."""
    shutil.copy2(place / JOURNAL, run / JOURNAL)
    shutil.copytree(place / TRAININGS, run / KEPT / TRAININGS)
    if winner and (place / CHECKPOINTS / winner).is_dir():
        shutil.copytree(place / CHECKPOINTS / winner, run / KEPT / CHECKPOINTS / winner)


def remove_empty(place: Path) -> None:
    """Remove the folder of a search in which nothing was begun."""
    if place.is_dir() and not (place / JOURNAL).exists():
        shutil.rmtree(place, ignore_errors=True)
