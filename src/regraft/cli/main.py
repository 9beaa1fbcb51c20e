"""The command line's entry: run a command, and say in one line what the user can mend."""

import io
import sys
import traceback

import typer

from regraft.cli.commands import app
from regraft.cli.quiet import quiet_pillow
from regraft.errors import RegraftError


def main() -> None:
    """Run the command line; what the user can mend exits 2 with one line, a fault of ours 1."""
    quiet_pillow()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may hold what no encoding has
    try:
        app(standalone_mode=True)
    except RegraftError as error:
        typer.echo(f"regraft: {' '.join(str(error).split())}", err=True)
        sys.exit(2)
    except Exception:  # the boundary: everything else is a fault of ours, and says so
        traceback.print_exc()
        typer.echo("regraft: this is a fault of regraft's; please report it with the lines above", err=True)
        sys.exit(1)
