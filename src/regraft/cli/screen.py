"""What a person reads: every line and table of the command line goes through here, so that names do nothing there."""

import sys
from typing import TYPE_CHECKING

from regraft.visible import visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

NARROWEST = 40  # columns that are written, whatever a terminal says of itself

Part = str | tuple[str, str]  # some text; with how it looks, as "bold"


def console(stderr: bool = False) -> "Console":
    """A screen that takes no text for markup."""
    from rich.console import Console

    made = Console(stderr=stderr, markup=False, emoji=False, highlight=False)
    wide_enough = made.width >= NARROWEST  # in the environment COLUMNS may be 0
    return made if wide_enough else Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=NARROWEST)


def say(*parts: Part, whole: bool = True, hang: int = 0) -> None:
    """A line on stdout, of parts; where it is not kept ``whole``, a terminal breaks it between words at its edge.

    ``hang``: columns before what is broken off it.
    """
    from rich.text import Text

    line = Text()
    for part in parts:
        text, style = (part, "") if isinstance(part, str) else part
        line.append(visible(text), style)
    made = console()
    if whole or not made.is_terminal:
        made.print(line, soft_wrap=True)
        return
    for place, broken in enumerate(line.wrap(made, made.width - hang)):
        broken.rstrip()
        made.print(Text(" " * hang if place else "") + broken)


def table(*columns: str, header: bool = True) -> "Table":
    """A plain table, numbers to the right of the first column."""
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, show_header=header, header_style="dim", pad_edge=False)
    for place, column in enumerate(columns):
        name, justify = Text(visible(column)), "left" if place == 0 or not header else "right"
        made.add_column(name, justify=justify, overflow="fold")  # type: ignore[arg-type]
    return made


def add(made: "Table", *cells: str, style: str | None = None) -> None:
    """A row of cells as they are: what users call their files is no markup."""
    from rich.text import Text

    made.add_row(*(Text(visible(cell)) for cell in cells), style=style)


def show(made: "Table") -> None:
    """A table on stdout."""
    console().print(made)


def complain(text: str) -> None:
    """A line on stderr; where nobody can read it, it is not written."""
    if sys.stderr is not None:
        try:
            sys.stderr.write(f"regraft: {visible(text)}\n")
            sys.stderr.flush()
        except (OSError, ValueError):  # full, closed, or its reader has gone
            pass
