"""Progress on stderr."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from regraft.progress import Progress

REFRESH = 0.1  # seconds between two updates of the display, at least


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Progress]:
    """A display with rate and time left: one bar a stage."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    with Bars(*columns, console=Console(stderr=True), disable=quiet, transient=True) as bars:
        tasks: dict[str, Any] = {}
        due = 0.0  # by time.monotonic

        def show(stage: str, done: int, total: int) -> None:
            nonlocal due
            now = time.monotonic()
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, rate="")
            elif done < total and now < due:
                return
            due = now + REFRESH
            task = bars.tasks[tasks[stage]]
            rate = f"{task.speed:,.0f}/s" if task.speed and total > 1 else ""
            bars.update(tasks[stage], completed=done, rate=rate)

        yield show
