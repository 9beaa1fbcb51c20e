"""What made a run, as it was typed: the command, or the call from Python."""

import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from regraft.data.address import without_secrets
from regraft.data.find import Data
from regraft.data.images import ImageSet
from regraft.recipe import Recipe

PROGRAM = "regraft"
MODULE = f"{PROGRAM}/__main__.py"  # how `python -m regraft` names itself


@dataclass(frozen=True)
class Asked:
    """What was asked for, and how."""

    data: Data
    recipe: Recipe
    command: str

    @property
    def named(self) -> str:
        """The data, as a command names it."""
        return "DATA" if isinstance(self.data, ImageSet) else without_secrets(str(self.data))


def made_by(argv: Sequence[str], data: Data, recipe: Recipe, out: Path | None, overwrite: bool, resume: bool) -> str:
    """The command of this process, quoted for a shell, where that is ours; else the call."""
    program = PurePath(argv[0]) if argv else PurePath()
    if program.name in {PROGRAM, f"{PROGRAM}.exe"}:
        return quoted(PROGRAM, *argv[1:])
    if program.as_posix().endswith(MODULE):
        return quoted("python", "-m", PROGRAM, *argv[1:])
    return call(data, recipe, out, overwrite, resume)


def quoted(*words: str) -> str:
    """Words as a shell of this system takes them; addresses without secrets."""
    words = tuple(map(without_secrets, words))
    return subprocess.list2cmdline(words) if os.name == "nt" else shlex.join(words)


def call(data: Data, recipe: Recipe, out: Path | None, overwrite: bool, resume: bool) -> str:
    """The call of ``train`` with the settings that are not the usual ones."""
    usual = Recipe().flat()
    changed = [f"{name}={value!r}" for name, value in recipe.flat().items() if value != usual[name]]
    arguments = ["images" if isinstance(data, ImageSet) else repr(without_secrets(str(data)))]
    arguments += [f"{PROGRAM}.Recipe({', '.join(changed)})"] if changed else []
    arguments += [f"out={str(out)!r}"] if out is not None else []
    arguments += [f"{name}=True" for name, asked in (("overwrite", overwrite), ("resume", resume)) if asked]
    return f"{PROGRAM}.train({', '.join(arguments)})"
