"""stdin, stdout and stderr as they come: closed, full, or in an encoding that lacks most letters."""

import io
import os
import sys
from typing import Any

STANDARD = (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)  # by their numbers
STDOUT, STDERR = 1, 2


class Unheard(io.FileIO):
    """A stream whose failures stop no work: nobody reads what is written there."""

    def write(self, data: Any) -> int:
        """Write, or pretend to."""
        try:
            return super().write(data) or 0
        except OSError:
            return memoryview(data).nbytes


def mend_streams() -> None:
    """Open to nowhere what is closed, before another file gets its number; any name can be written, escaped."""
    for number, flags in enumerate(STANDARD):
        try:
            os.fstat(number)
        except OSError:
            opened = os.open(os.devnull, flags)
            if opened != number:
                os.dup2(opened, number)
                os.close(opened)
    if sys.stdout is None:
        sys.stdout = io.TextIOWrapper(io.FileIO(STDOUT, "w", closefd=False), "utf-8", write_through=True)
    if sys.stderr is None or number_of(sys.stderr) == STDERR:
        encoding = getattr(sys.stderr, "encoding", None) or "utf-8"
        unheard = io.BufferedWriter(Unheard(STDERR, "w", closefd=False))
        sys.stderr = io.TextIOWrapper(unheard, encoding, line_buffering=True, write_through=True)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may hold what no encoding has


def number_of(stream: Any) -> int | None:
    """The number of the file behind a stream, if there is one."""
    try:
        return int(stream.fileno())
    except (OSError, ValueError, AttributeError):  # io.UnsupportedOperation is both of the first
        return None


def lost_output() -> OSError | None:
    """Write what is left for stdout; why that cannot be done, if so, after which nothing is left."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # who read it has gone, and misses nothing
        empty_stdout()
    except OSError as error:
        empty_stdout()
        return error
    return None


def empty_stdout() -> None:
    """Let what is left for stdout go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
