"""The command line's entry: run a command, and say in one line what the user can mend."""

import io
import os
import signal
import sys
import traceback

import typer

from regraft.cli.commands import app
from regraft.cli.quiet import quiet_pillow
from regraft.errors import RegraftError, disk_is_full, reason_not_written


def main() -> None:
    """Run the command line; what the user can mend exits 2 with one line, a fault of ours 1."""
    end_as_with_ctrl_c()
    quiet_pillow()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may hold what no encoding has
    try:
        app(standalone_mode=True)
    except RegraftError as error:
        typer.echo(f"regraft: {' '.join(str(error).split())}", err=True)
        sys.exit(2)
    except Exception as error:  # the boundary: everything else is a fault of ours, and says so
        if disk_is_full(error):
            say_that_it_is_full(error)
            sys.exit(2)
        traceback.print_exc()
        typer.echo("regraft: this is a fault of regraft's; please report it with the lines above", err=True)
        sys.exit(1)


def end_as_with_ctrl_c() -> None:
    """Let a scheduler's and a closing terminal's signal end a command as Ctrl-C does; one that is ignored stays so."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def say_that_it_is_full(error: Exception) -> None:
    """One line on a full disk, where nothing nearer to it said one."""
    file = getattr(error, "filename", None)
    what = f"{file} cannot be written" if file else "a file of the output or the cache cannot be written"
    try:
        sys.stdout.flush()
    except OSError:  # stdout itself is a file on that disk; what is left for it goes nowhere
        what = "the output cannot be written"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    typer.echo(f"regraft: {what}: {reason_not_written(error)}; free space, and run the command again", err=True)
