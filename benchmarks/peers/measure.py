"""Run one process to its end and measure it whole, with its children.

Linux counts what its parent held against a new process, so whoever calls this must hold little: no torch in here.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
KIB = 1 if sys.platform == "darwin" else 1024  # bytes in which ru_maxrss counts
NOT_THEIRS = ("PYTHONDONTWRITEBYTECODE", "VIRTUAL_ENV", "PYTHONHOME")  # as Python is by default


@dataclass(frozen=True)
class Process:
    """What one process took, and what it said."""

    wall: float  # seconds
    cpu: float  # seconds, user and system, of the process and its children
    memory: int  # bytes, at its peak, of the largest of its processes
    output: str
    failure: str | None  # why there is no result


def run(command: Sequence[str], extra: Mapping[str, str], folder: Path) -> Process:
    """Run ``command`` in ``folder`` with the variables ``extra``, on the processor and without a model hub."""
    variables = {name: value for name, value in os.environ.items() if name not in NOT_THEIRS}
    variables |= {"PYTHONPATH": str(ROOT), "CUDA_VISIBLE_DEVICES": "", "HF_HUB_OFFLINE": "1", **extra}
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        started = time.perf_counter()
        process = subprocess.Popen(command, stdout=out, stderr=err, env=variables, cwd=folder)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        output, errors = (text(file) for file in (out, err))
    failure = last_words(errors, process.returncode) if process.returncode else None
    return Process(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * KIB, output, failure)


def text(file: tempfile.SpooledTemporaryFile) -> str:
    """All that was written to a file."""
    file.seek(0)
    return file.read().decode(errors="replace")


def last_words(errors: str, code: int) -> str:
    """The last line of a failed process, without folders."""
    lines = [line.strip() for line in errors.splitlines() if line.strip()]
    return re.sub(r"(?:/[\w.+-]+)+/", "", lines[-1])[:200] if lines else f"exit code {code}, no message"
