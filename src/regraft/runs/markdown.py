"""Text that users chose as Markdown: shown as it is, never taken for markup, links or HTML."""

import re
from collections.abc import Iterable, Sequence

from regraft.visible import visible

POWERFUL = re.compile(r"[\\`*_{}\[\]<>#|~$@]|&(?=#?\w+;)|(?<=[wW]{3})\.|:(?=//)")  # the last two begin links
LEADING = re.compile(r"^(\s*)([-+=])(?=[\s+=-]|$)")  # what begins a list or a rule
NUMBERED = re.compile(r"^(\s*\d{1,9})([.)])(?=\s|$)")  # what begins a list with numbers


class Markdown(str):
    """Text that is Markdown already."""

    __slots__ = ()


def as_text(value: str) -> str:
    """Text in one line, whose every letter stands for itself, wherever the line is."""
    if isinstance(value, Markdown):
        return value
    return NUMBERED.sub(r"\1\\\2", LEADING.sub(r"\1\\\2", inline(value)))


def inline(value: str) -> str:
    """The same for text that does not begin a line."""
    return POWERFUL.sub(lambda letter: f"\\{letter[0]}", visible(value))


def table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Markdown:
    """A table, numbers to the right of the first column."""
    rule = ["---", *["---:"] * (len(header) - 1)]
    lines = [map(inline, header), rule, *(map(inline, row) for row in rows)]
    return Markdown("\n".join(f"| {' | '.join(cells)} |" for cells in lines))
