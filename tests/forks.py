"""Processes that begin with everything imported: forked from a server which each worker of the tests starts once.

Each has an environment, a folder, signals and an exit code of its own, as a new one has; it lacks the seconds of
imports. Where these or the start itself are tested, start a new Python.
"""

import multiprocessing
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from multiprocessing import forkserver
from pathlib import Path

import pytest

CONTEXT = multiprocessing.get_context("forkserver") if sys.platform != "win32" else multiprocessing.get_context()
Ended = tuple[int, str, str]  # the exit code, negative where a signal ended it, stdout and stderr


def command_line() -> None:
    from regraft.cli.main import main

    main()


def work(
    what: Callable[[], None], arguments: list[str], environment: dict[str, str], folder: Path, streams: list[Path]
) -> None:
    """What the process does."""
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    for number, path in enumerate(streams, 1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))  # noqa: SIM115
    sys.argv, code = ["regraft", *arguments], 1
    try:
        what()
        code = 0
    except SystemExit as stop:
        code = int(stop.code or 0)
    except BaseException:
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # as a new Python, leave threads that wait for ever where they are


class Forked:
    """A process that runs the command line, or ``what`` else; ``environment`` is all of its own."""

    def __init__(
        self,
        *arguments: object,
        what: Callable[[], None] = command_line,
        environment: dict[str, str] | None = None,
        folder: Path | None = None,
    ) -> None:
        self.place = tempfile.TemporaryDirectory()
        self.streams = [Path(self.place.name) / name for name in ("out", "err")]
        own = dict(os.environ if environment is None else environment)
        given = what, list(map(str, arguments)), own, folder or Path.cwd(), self.streams
        self.process = CONTEXT.Process(target=work, args=given, daemon=True)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))  # where the server looks for preloaded
            CONTEXT.set_forkserver_preload(["preloaded"])
            if sys.platform != "win32":
                forkserver.ensure_running()
        self.process.start()

    @property
    def pid(self) -> int:
        assert self.process.pid
        return self.process.pid

    def code(self) -> int | None:
        """None while it runs."""
        return self.process.exitcode

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def ended(self, patience: float = 240.0) -> Ended:
        """Wait for its end; one that takes longer is killed."""
        self.process.join(patience)
        late = self.process.exitcode is None
        self.process.kill()
        self.process.join()
        printed, said = (path.read_text() if path.exists() else "" for path in self.streams)
        self.place.cleanup()
        assert not late, f"it does not end; it said: {said}"
        assert self.process.exitcode is not None
        return self.process.exitcode, printed, said
