"""Bars at the bottom of a terminal, below the lines that stay."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from regraft.progress import Progress
from regraft.progress.display import Display
from regraft.progress.pace import Pace
from regraft.visible import visible

NARROWEST = 40  # columns that are written, whatever a terminal says of itself


def is_terminal(stream: Any) -> bool:
    """Whether a stream goes to a terminal that moves its cursor."""
    try:
        if not stream.isatty():
            return False
    except (AttributeError, ValueError):  # none, or closed
        return False
    from rich.console import Console

    made = Console(file=stream)
    return made.is_terminal and not made.is_dumb_terminal


@contextmanager
def bars() -> Iterator[Progress]:
    """A bar for each stage under way, on stderr."""
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bars

    plain = {"markup": False, "emoji": False, "highlight": False}
    screen = Console(stderr=True, **plain)  # type: ignore[arg-type]
    if screen.width < NARROWEST:
        screen = Console(stderr=True, width=NARROWEST, **plain)  # type: ignore[arg-type]
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(bar_width=None),
        TextColumn("{task.fields[said]}", markup=False),
    )
    with Bars(*columns, console=screen, transient=True, redirect_stdout=False, expand=True) as shown:
        yield Terminal(shown)


class Terminal(Display):
    """Rich's bars."""

    def __init__(self, shown: Any) -> None:
        super().__init__()
        self.shown, self.tasks = shown, dict[str, Any]()

    def start(self, stage: str, total: int) -> None:
        """A new bar; where nothing is counted it only moves."""
        if stage in self.tasks:
            self.shown.remove_task(self.tasks.pop(stage))
        self.tasks[stage] = self.shown.add_task(stage, total=total if total > 1 else None, said="")

    def update(self, stage: str, done: int, total: int, said: str) -> None:
        """Move the bar."""
        reached = self.reached(stage, done, total)
        self.shown.update(self.tasks[stage], completed=reached, total=total if total > 1 else None, said=said)

    def end(self, stage: str, done: int, total: int, unit: str, pace: Pace) -> None:
        """The bar goes."""
        self.shown.remove_task(self.tasks.pop(stage))

    def say(self, line: str) -> None:
        """A line above the bars."""
        self.shown.console.print(visible(line))
