"""The application: what every command has in common."""

import shlex
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from regraft.cli.quiet import quiet_libtiff
from regraft.cli.screen import complain
from regraft.cli.streams import empty_stdout

INTERRUPTED = 130  # the exit code after Ctrl-C


class Commands(TyperGroup):
    """All commands. Ctrl-C ends any of them with a word, a reader that has gone without one."""

    def make_context(self, *args: Any, **kwargs: Any) -> Any:
        """Read what was entered; where help is asked for this prints it."""
        try:
            return super().make_context(*args, **kwargs)
        except BrokenPipeError:
            empty_stdout()
            raise typer.Exit(0) from None

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        quiet_libtiff()
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            complain("interrupted; the features seen so far are kept")
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            empty_stdout()
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


def resume_command(run: str) -> str:
    """The command that goes on with this one."""
    arguments = [argument for argument in sys.argv[1:] if argument not in {"--overwrite", "--resume"}]
    out = [] if any(argument.split("=")[0] == "--out" for argument in arguments) else ["--out", run]
    return shlex.join(["regraft", *arguments, *out, "--resume"])
