"""Text as it can be shown: what would move the cursor, turn other text round or break a line is written out."""

import re
import unicodedata
from collections.abc import Iterator
from html import escape

SEEN = frozenset("\u200c\u200d")  # joiners, which Persian, Indian scripts and emoji need; they are seen by what they do
SPACES = "Zs"  # Unicode's kind of a space of some width
RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff"
RUN = re.compile(f"[{RIGHT_TO_LEFT}](?:[\\W\\d_{RIGHT_TO_LEFT}]*[{RIGHT_TO_LEFT}])?")  # with what is no letter between
CARD = '<div style="display:inline-block;padding:.8em 1.2em;border:1px solid #8a95a1;border-radius:8px">{}</div>'
ISOLATED, ENDED = "\u2068", "\u2069"  # the text between takes its own direction and changes none around it


def visible(text: str) -> str:
    """The text in one line, with control characters, marks of direction and broken letters as escape sequences."""
    return text if text.isascii() and text.isprintable() else "".join(map(shown, text))


def shown(letter: str) -> str:
    """A letter as it is, or its escape sequence as Python writes it."""
    if letter.isprintable() or letter in SEEN or unicodedata.category(letter) == SPACES:
        return letter
    return letter.encode("unicode_escape").decode("ascii")


def isolated(text: str) -> str:
    """The same for a page: words from right to left stay in their place among others. Lines stay lines."""
    lines = "\n".join(map(visible, text.split("\n")))
    return lines if lines.isascii() else RUN.sub(f"{ISOLATED}\\g<0>{ENDED}", lines)


class Shown:
    """Says what it is in a line or a few: in a console, and as a card in a notebook."""

    def in_lines(self) -> Iterator[str]:
        """The lines, the most important one first."""
        raise NotImplementedError

    def __repr__(self) -> str:
        """The lines, in letters that a terminal can show."""
        return "\n".join(visible(line) for line in self.in_lines())

    def _repr_html_(self) -> str:
        """The same for a notebook: no script, no style sheet, nothing that is fetched."""
        first, *others = (escape(isolated(line)) for line in self.in_lines())
        return CARD.format("<br>\n".join([f"<b>{first}</b>", *others]))
