"""Progress on stderr."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from regraft.cli.screen import console
from regraft.progress import Progress
from regraft.visible import visible

REFRESH = 0.1  # seconds between two updates of the display, at least


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress]:
    """A display with rate and time left: one bar a stage."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeRemainingColumn(compact=True),
    )
    screen = console(stderr=True)
    with Bars(*columns, console=screen, disable=quiet, transient=True, redirect_stdout=False) as bars:
        tasks: dict[str, Any] = {}
        due = 0.0  # by time.monotonic

        def show(stage: str, done: int, total: int) -> None:
            nonlocal due
            now = time.monotonic()
            if stage not in tasks:
                tasks[stage] = bars.add_task(visible(stage), total=total, rate="")
            elif done < total and now < due:
                return
            due = now + REFRESH
            task = bars.tasks[tasks[stage]]
            rate = f"{task.speed:,.0f}/s" if task.speed and total > 1 else ""
            bars.update(tasks[stage], completed=done, rate=rate)

        yield show
