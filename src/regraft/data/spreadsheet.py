"""Cells that a spreadsheet would take for a formula and run: an apostrophe before them makes them text."""

import re

# as OWASP lists them under "CSV injection"; spreadsheets pass over spaces, quotes and control characters before them
FORMULA = re.compile("[\\s\x00-\x1f\"'`\u2018\u201c\u200b\ufeff]*[\t\r\n=+@\uff1d\uff0b\uff0d\uff20-]")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?", re.ASCII | re.IGNORECASE)
APOSTROPHE = "'"


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would run it; a number is one, and stays one."""
    return FORMULA.match(text) is not None and NUMBER.fullmatch(text) is None


def as_cell(text: str) -> str:
    """The text as it is written to a CSV."""
    return APOSTROPHE + text if is_formula(text) else text


def from_cell(cell: str) -> str:
    """The text of which as_cell made the cell."""
    return cell[1:] if cell.startswith(APOSTROPHE) and is_formula(cell[1:]) else cell
