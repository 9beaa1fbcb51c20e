"""The command line's entry: run a command, and say in one line what the user can mend."""

import signal
import sys
import traceback
import warnings
from typing import Any

from regraft.cli import (  # noqa: F401 - they add themselves to the application
    backbones,
    card,
    commands,
    compare,
    doctor,
    export,
    features,
    look,
    predict,
    review,
    serve,
    transferability,
    tune,
)
from regraft.cli.app import INTERRUPTED, app
from regraft.cli.home import mend_home
from regraft.cli.quiet import quiet_logs, quiet_pillow
from regraft.cli.screen import complain
from regraft.cli.streams import OutputLost, empty_stdout, lost_output, mend_streams
from regraft.errors import RegraftError, disk_is_full, reason_not_written
from regraft.visible import visible

__all__ = ["app", "main"]


def main() -> None:
    """Run the command line; what the user can mend exits 2 with one line, a fault of ours 1."""
    end_as_with_ctrl_c()
    try:
        code = exit_code()
    except KeyboardInterrupt:  # before the command began, or after it ended
        complain("interrupted")
        code = INTERRUPTED
    if error := lost_output():
        say_that_it_is_lost(error)
        code = code or 2
    sys.exit(code)


def exit_code() -> int:
    """Prepare the process, run the command, and say what went wrong."""
    mend_streams()
    mend_home()
    with warnings.catch_warnings():
        quiet_pillow()
        quiet_logs()
        warnings.showwarning = show_warning
        return code_of_command()


def code_of_command() -> int:
    """The same where all is prepared."""
    try:
        result = app(prog_name="regraft", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except RegraftError as error:
        complain(str(error))
    except BrokenPipeError:  # who read the output has gone
        empty_stdout()
        return 0
    except OutputLost as error:
        empty_stdout()
        say_that_it_is_lost(error)
    except Exception as error:  # the boundary
        if hasattr(error, "format_message"):
            say_what_was_entered(error)
        elif disk_is_full(error):
            say_that_it_is_full(error)
        else:  # everything else is a fault of ours, and says so
            for line in traceback.format_exc().splitlines():
                print(visible(line), file=sys.stderr)
            complain("this is a fault of regraft's; please report it with the lines above")
            return 1
    return 2


def say_what_was_entered(error: Any) -> None:
    """One line on an argument or an option that typer refused, or the help where nothing was entered."""
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return
    command = error.ctx.command_path if getattr(error, "ctx", None) else "regraft"
    complain(f"{error.format_message().rstrip('.')}; see `{command} --help`")


def say_that_it_is_lost(error: OSError) -> None:
    """One line on output that could not be written."""
    mend = "free space" if disk_is_full(error) else "mend that"
    complain(f"the output cannot be written: {reason_not_written(error)}; {mend}, and run the command again")


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
    complain(f"{what}: {reason_not_written(error)}; free space, and run the command again")


def show_warning(message: Warning | str, category: type[Warning], *_: object, **__: object) -> None:
    """A library's warning, in one line."""
    complain(f"{category.__name__}: {message}")
