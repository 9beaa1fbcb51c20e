"""Checkpoints: tensors and plain data, written atomically, read with weights_only."""

import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from regraft.errors import RunError, reason_not_written, reason_of
from regraft.training.state import LAST


@dataclass(frozen=True)
class Identity:
    """What a checkpoint belongs to; a resume with another one is refused."""

    recipe: dict[str, Any]
    data: str  # fingerprint of the images' bytes, labels and parts of the split


def write(folder: Path, name: str, state: dict[str, Any]) -> None:
    """Write ``state`` under another name and rename it; a failure leaves the one before whole."""
    unfinished = folder / f"{name}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        torch.save(state, unfinished)
        unfinished.replace(folder / name)
    except (OSError, RuntimeError) as error:  # torch's zip writer raises RuntimeError when the disk is full
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        reason = reason_not_written(error)
        mend = "free space and --resume" if (folder / LAST).exists() else "free space and run it again"
        raise RunError(f"the checkpoint {folder / name} cannot be written: {reason}; {mend}") from None


def keep_best(folder: Path, name: str, state: dict[str, Any]) -> None:
    """Write the best model so far as ``name``.pt and drop the one before."""
    write(folder, f"{name}.pt", state)
    for older in folder.glob("*.pt"):
        if older.name not in {f"{name}.pt", LAST}:
            older.unlink()


def read(folder: Path, identity: Identity) -> dict[str, Any]:
    """The last checkpoint in ``folder``; RunError where there is none, it is damaged or of other data or recipe."""
    path = folder / LAST
    if not path.exists():
        raise RunError(f"there is no checkpoint {path} to resume from; train without --resume")
    try:
        check_bytes(path)
        state = torch.load(path, map_location="cpu", weights_only=True)
        theirs = Identity(dict(state["recipe"]), str(state["data"]))
    except Exception as error:  # zip and pickle each raise their own kinds
        raise damaged(path, error) from None
    if theirs.data != identity.data:
        raise RunError(
            f"the checkpoint {path} was made with other images or another split; give the same, or another --out"
        )
    changed = [key for key, value in identity.recipe.items() if theirs.recipe.get(key) != value]
    if changed:
        shown = ", ".join(f"{key} {theirs.recipe.get(key)} there, {identity.recipe[key]} here" for key in changed[:3])
        raise RunError(f"the checkpoint {path} was made with another recipe ({shown}); give the same options")
    return dict(state)


def check_bytes(path: Path) -> None:
    """Raise ValueError where a byte is not what was written: torch itself compares none with the zip's checksums."""
    with zipfile.ZipFile(path) as archive:
        if broken := archive.testzip():
            raise ValueError(f"{broken} does not match its checksum")


def damaged(path: Path, error: Exception) -> RunError:
    """The error for a checkpoint that cannot be used."""
    reason = reason_of(error)[:100]
    return RunError(
        f"the checkpoint {path} is damaged or no checkpoint of regraft's: {reason}; train anew with --overwrite"
    )
