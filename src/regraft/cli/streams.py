"""stdin, stdout and stderr as they come: closed, full, or in an encoding that lacks most letters."""

import io
import os
import sys
from typing import Any

STANDARD = (os.O_RDONLY, os.O_WRONLY, os.O_WRONLY)  # by their numbers
STDOUT, STDERR = 1, 2


class OutputLost(OSError):
    """Stdout cannot be written."""


class Heard(io.FileIO):
    """Stdout, whose failures are told from those of other files."""

    def write(self, data: Any) -> int:
        """Write; OutputLost where that fails, BrokenPipeError where who read it has gone."""
        try:
            return super().write(data) or 0
        except BrokenPipeError:
            raise
        except OSError as error:
            raise OutputLost(error.errno, error.strerror) from None


class Unheard(io.FileIO):
    """Stderr, whose failures stop no work: nobody reads what is written there."""

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
    if sys.stdout is None or number_of(sys.stdout) == STDOUT:
        sys.stdout = opened_anew(sys.stdout, Heard(STDOUT, "w", closefd=False))
    if sys.stderr is None or number_of(sys.stderr) == STDERR:
        sys.stderr = opened_anew(sys.stderr, Unheard(STDERR, "w", closefd=False))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may hold what no encoding has


def opened_anew(stream: Any, raw: io.FileIO) -> io.TextIOWrapper:
    """A stream in the encoding of another, or of the one that is missing, through ``raw``."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return io.TextIOWrapper(io.BufferedWriter(raw), encoding, line_buffering=raw.isatty() or raw.fileno() == STDERR)


def number_of(stream: Any) -> int | None:
    """The number of the file behind a stream, if there is one."""
    try:
        return int(stream.fileno())
    except (OSError, ValueError, AttributeError):  # io.UnsupportedOperation is both of the first
        return None


def lost_output() -> OSError | None:
    """Write what is left for stdout; why that cannot be done, if so. Then nothing is left."""
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
