"""One output of a notebook's cell, that is shown anew: the lines that stay, and a bar for each stage under way.

Plain HTML, which every notebook shows; rich's bars would need ipywidgets.
"""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from typing import Any

from regraft.progress import Progress
from regraft.progress.display import Display
from regraft.progress.pace import Pace
from regraft.visible import visible

SHORT = 1.0  # seconds, after which something is shown
LINES = '<pre style="margin:0;line-height:1.3">{}</pre>'
BAR = "<div>{stage} <progress{at} style='vertical-align:middle'></progress> {said}</div>"


def in_notebook() -> bool:
    """Whether this is a notebook's kernel; IPython in a terminal has none."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython else None
    return getattr(shell, "kernel", None) is not None


@contextmanager
def cell() -> Iterator[Progress]:
    """The output of the cell that runs; when it ends the lines are left."""
    notebook = Notebook()
    try:
        yield notebook
    finally:
        notebook.close()


class Notebook(Display):
    """Lines, and how far each stage is."""

    every = 0.25

    def __init__(self) -> None:
        super().__init__()
        self.began = time.monotonic()
        self.handle: Any = None
        self.lines: list[str] = []
        self.stages: dict[str, str] = {}  # as HTML

    def update(self, stage: str, done: int, total: int, said: str) -> None:
        """Move the bar."""
        at = f" value='{self.reached(stage, done, total):g}' max='{total}'" if total > 1 else ""
        self.stages[stage] = BAR.format(stage=escape(stage), at=at, said=escape(said))
        if self.handle or time.monotonic() - self.began > SHORT:
            self.show()

    def end(self, stage: str, done: int, total: int, unit: str, pace: Pace) -> None:
        """The bar goes, when something is next shown."""
        self.stages.pop(stage, None)

    def say(self, line: str) -> None:
        """Add a line."""
        self.lines.append(visible(line))
        self.show()

    def close(self) -> None:
        """Leave the lines alone."""
        self.stages.clear()
        if self.handle:
            self.show()

    def show(self) -> None:
        """Show all of it, in place of what is there."""
        from IPython.display import display  # type: ignore[import-not-found]

        text = "\n".join(self.lines)
        lines = LINES.format(escape(text)) if self.lines else ""
        bundle: dict[str, Any] = {"text/html": lines + "".join(self.stages.values()), "text/plain": text}
        if self.handle:
            self.handle.update(bundle, raw=True)
        else:
            self.handle = display(bundle, raw=True, display_id=True)
