"""The application: what every command has in common."""

import difflib
import shlex
import sys
from collections.abc import Callable
from typing import Annotated, Any, TypeVar

import typer

from regraft.cli.help import Command, Group
from regraft.cli.quiet import quiet_libtiff
from regraft.cli.screen import complain
from regraft.cli.streams import empty_stdout
from regraft.errors import RecipeError

Function = TypeVar("Function", bound=Callable[..., Any])
INTERRUPTED = 130  # the exit code after Ctrl-C


class Commands(Group):
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


class App(typer.Typer):
    """The application, whose commands list their options in panels."""

    def command(self, name: str | None = None, **more: Any) -> Callable[[Function], Function]:
        """Add a command."""
        return super().command(name, **{"cls": Command, **more})


app = App(
    name="regraft",
    cls=Commands,
    help="From labelled images and a pre-trained network to the best classifier that transfer learning gives.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def show_version(wanted: bool) -> None:
    """Print the version where it is asked for, and end."""
    if wanted:
        import regraft

        typer.echo(f"regraft {regraft.__version__}")
        raise typer.Exit


@app.callback()
def every_command(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", callback=show_version, is_eager=True)
    ] = False,
) -> None:
    """From labelled images and a pre-trained network to the best classifier that transfer learning gives."""


@app.command("help")
def show_help(
    context: typer.Context,
    command: Annotated[str | None, typer.Argument(help="A command's name; by default all are listed.")] = None,
) -> None:
    """Show what a command does and takes."""
    parent = context.parent
    assert parent, "a command is called by the application"
    if command is None:
        typer.echo(parent.get_help())
        return
    found = parent.command.get_command(parent, command)  # type: ignore[attr-defined]
    if found is None:
        names = parent.command.list_commands(parent)  # type: ignore[attr-defined]
        near = difflib.get_close_matches(command, names, n=1)
        hint = f"did you mean '{near[0]}'?" if near else f"there are {', '.join(names)}"
        raise RecipeError(f"there is no command '{command[:40]}'; {hint}")
    with found.make_context(command, [], parent=parent, resilient_parsing=True) as own:
        typer.echo(found.get_help(own))


def resume_command(run: str) -> str:
    """The command that goes on with this one."""
    from regraft.data.address import without_secrets

    arguments = [argument for argument in sys.argv[1:] if argument not in {"--overwrite", "--resume"}]
    out = [] if any(argument.split("=")[0] == "--out" for argument in arguments) else ["--out", run]
    return shlex.join(["regraft", *map(without_secrets, arguments), *out, "--resume"])
