"""Runs the commands of docs/tutorial.md in an empty folder and writes what they print below them.

python -m benchmarks.tutorial
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

PAGE = Path(__file__).parent.parent / "docs" / "tutorial.md"
BLOCK = re.compile(r"```console\n\$ (regraft [^\n]*)\n(.*?)```", re.DOTALL)


def commands(page: str) -> list[tuple[str, str]]:
    """Each command of the page, and the output that stands below it."""
    return BLOCK.findall(page)


def output(command: str, folder: Path) -> str:
    """What the command prints on a screen of 80 columns, run in ``folder``; it must succeed."""
    words = shlex.split(command)[1:]
    environment = os.environ | {"COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-m", "regraft", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"{command}: {done.stderr}")
    return "\n".join(line.rstrip() for line in done.stdout.splitlines()).strip() + "\n"


def main() -> None:
    """Write the page again."""
    with tempfile.TemporaryDirectory() as folder:
        page = PAGE.read_text()
        new = BLOCK.sub(lambda m: f"```console\n$ {m[1]}\n{output(m[1], Path(folder))}```", page)
    PAGE.write_text(new)


if __name__ == "__main__":
    main()
