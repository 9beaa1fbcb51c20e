"""Run a folder of cases, and print what each command says beside what was expected of it.

    python benchmarks/cases.py CASES [NAME ...]

Each case is a folder with a what.txt: ``command (a remark) | expected: ... | seen: ...``. The command is run in a copy
of the folder. FILE in it stands for every file beside what.txt; without a command, the folder ``data`` or the tables
are scanned. What needs a RUN is listed and not run. NAME: only cases whose names begin so.
"""

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

LINES = 4  # of what a command prints
LIMIT = 600  # seconds of one command
COMMAND = re.compile(r"(?:regraft|python) .*?(?=\s\(|:\s|$)")
TABLES = {".csv", ".tsv", ".jsonl", ".parquet"}


@dataclass(frozen=True)
class Case:
    """One input, what is done with it, and what is to come of it."""

    folder: Path
    commands: tuple[str, ...]  # none: a run is needed
    expected: str


def main() -> None:
    """Run the cases that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("cases", type=Path, help="a folder of cases")
    parser.add_argument("names", nargs="*", help="how the names of cases begin")
    chosen = parser.parse_args()
    made = Table("case", "command", "exit", "says", "expected", show_lines=True)
    cases = [case_of(path.parent) for path in sorted(chosen.cases.glob("*/what.txt"))]
    for case in cases:
        if chosen.names and not case.folder.name.startswith(tuple(chosen.names)):
            continue
        for command in case.commands or ("",):
            code, said = run(case.folder, command) if command else ("", "not run: it needs a run")
            made.add_row(*map(escape, (case.folder.name, command, code, said, case.expected)))
    Console(width=int(os.environ.get("COLUMNS", "200"))).print(made)


def case_of(folder: Path) -> Case:
    """The case that a folder's what.txt describes."""
    first, *others = [part.strip() for part in (folder / "what.txt").read_text().strip().split(" | ")]
    expected = next((part for part in others if part.startswith("expected:")), (others or [first])[-1])
    return Case(folder, tuple(commands_of(folder, first)), expected.removeprefix("expected:").strip())


def commands_of(folder: Path, text: str) -> Iterator[str]:
    """The commands that the first words of a what.txt stand for."""
    files = sorted(path.name for path in folder.iterdir() if path.is_file() and path.name != "what.txt")
    command = COMMAND.match(text)
    if command and "RUN" not in command[0].split():
        named = re.search(r"\bFILE\b", command[0])
        yield from (command[0].replace("FILE", file) for file in files) if named else [command[0]]
    elif not command and (folder / "data").is_dir():
        yield "regraft scan data"
    elif not command:
        yield from (f"regraft scan {file}" for file in files if Path(file).suffix in TABLES)


def run(folder: Path, text: str) -> tuple[str, str]:
    """The exit code of a case's command, and the first lines of what it prints; errors go first."""
    with tempfile.TemporaryDirectory() as place:
        copy = Path(shutil.copytree(folder, Path(place) / "case", symlinks=True))
        program, *arguments = shlex.split(text)
        command = [sys.executable, *(["-m", "regraft"] if program == "regraft" else []), *arguments]
        wide = os.environ | {"COLUMNS": "160"}
        try:
            done = subprocess.run(
                command, cwd=copy, capture_output=True, text=True, timeout=LIMIT, env=wide, check=False
            )
        except subprocess.TimeoutExpired:
            return "", f"no end after {LIMIT} s"
    printed = [line.rstrip() for line in (done.stderr + done.stdout).splitlines() if line.strip()]
    noted = [line for line in printed[LINES:] if line.startswith("Note:")]
    return str(done.returncode), "\n".join([*printed[:LINES], *noted])


if __name__ == "__main__":
    main()
