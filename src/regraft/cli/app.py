"""The application: what every command has in common."""

import os
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from regraft.cli.quiet import quiet_libtiff

INTERRUPTED = 130  # the exit code after Ctrl-C


class Commands(TyperGroup):
    """All commands. Ctrl-C ends any of them with a word, a reader that has gone without one."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        quiet_libtiff()
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            typer.echo("regraft: interrupted; the features seen so far are kept", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer goes there
            raise typer.Exit(0) from None
        return result


app = typer.Typer(
    name="regraft",
    cls=Commands,
    help="From labelled images and a pre-trained network to the best classifier that transfer learning gives.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
