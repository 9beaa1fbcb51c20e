"""Runs the command line in forked processes that are killed, or find the disk full, at their n-th write.

Started as a program: it takes a request a line (JSON) on stdin, and answers with how the process ended. The first one
only tells it what to import. Writes are counted by Python's audit events, so those of other languages are not; they
meet the limit that the write before them has set.
"""

import importlib
import json
import os
import resource
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from typing import Any

CHANGES = {"os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
FEW_BYTES = 16  # of a file that can still be written when the disk is full


class Writes:
    """Counts what a process changes on disk, and lets the n-th change go wrong."""

    def __init__(self, mode: str, at: int) -> None:
        self.mode, self.at, self.count = mode, at, 0

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        opens = event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING
        if not (opens or event in CHANGES) or arguments[0] == os.devnull:
            return
        self.count += 1
        if self.count != self.at:
            return
        if self.mode in {"SIGTERM", "SIGHUP"}:
            os.kill(os.getpid(), signal.Signals[self.mode])
            return
        if self.mode == "kill" and not opens:  # before it
            os.kill(os.getpid(), signal.SIGKILL)
        if self.mode == "kill":  # in the middle of that file, or of what writers in other languages write next
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        resource.setrlimit(resource.RLIMIT_FSIZE, (FEW_BYTES, resource.RLIM_INFINITY))


def run(request: dict[str, Any]) -> dict[str, Any]:
    """One process: its exit code or the signal that ended it, what it printed, and how often it wrote."""
    ends = [os.pipe() for _ in range(2)]  # no files: those have the limit
    child = os.fork()
    if not child:
        work(request, *(write for _, write in ends))
    _, status = os.waitpid(child, 0)
    for _, write in ends:
        os.close(write)
    printed, counted = (os.fdopen(read).read() for read, _ in ends)
    return {"code": os.waitstatus_to_exitcode(status), "printed": printed, "writes": int(counted or 0)}


def work(
    request: dict[str, Any], printed: int, told: int, report: Callable[[Writes], str] = lambda writes: str(writes.count)
) -> None:
    """What the forked process does, and what it tells in the end; it never returns."""
    from regraft.cli.main import main

    code = 1
    os.environ.update(request["environment"])
    os.chdir(request["folder"])
    for stream in (1, 2):
        os.dup2(printed, stream)
    sys.stdout, sys.stderr = (open(stream, "w", closefd=False) for stream in (1, 2))  # noqa: SIM115
    writes = Writes(request["mode"], request["at"])
    try:
        sys.argv = ["regraft", *request["arguments"]]
        sys.addaudithook(writes)
        main()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os.write(told, report(writes).encode())
        os._exit(code)


def imported() -> list[str]:
    """What is imported, in order; what is kept out, as OpenVINO's telemetry, stands there without a module."""
    return [name for name, module in sys.modules.items() if module is not None]


def load(request: dict[str, Any]) -> None:
    """Import what a process imports for a request, and start no thread: those do not survive a fork."""
    with tempfile.TemporaryFile("w+") as printed, tempfile.TemporaryFile("w+") as named:
        if not os.fork():
            work(request, printed.fileno(), named.fileno(), report=lambda _: json.dumps(imported()))
        os.wait()
        named.seek(0)
        for name in json.load(named):
            with suppress(Exception):  # those that other modules make up
                importlib.import_module(name)
    from regraft.runs import card, report

    card.template()
    report.template()


if __name__ == "__main__":
    load(json.loads(sys.stdin.readline()))
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for line in sys.stdin:
        sys.stdout.write(json.dumps(run(json.loads(line))) + "\n")
        sys.stdout.flush()
