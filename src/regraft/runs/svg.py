"""SVG written by hand: elements, text and how wide it is."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from functools import cache
from html import escape

from regraft.visible import isolated, visible

INK, ACCENT, MUTED, FILL = "#1d2733", "#0b7a75", "#66727f", "#e6f2f1"
PALE, PAPER = "#f6f7f8", "#ffffff"
OF_THE_PAGE = {INK: "ink", ACCENT: "accent", MUTED: "muted", FILL: "fill", PALE: "pale", PAPER: "paper"}
TAG = re.compile("<[^<>]*>")  # text has neither
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # what XML may not hold, even escaped
PLAIN = re.compile("[ !#-%(-;=?-~]*")  # what is written as it is
NARROW, WIDE = frozenset("ijlftrI.,:;'|!()[]{} /\\\"-"), frozenset("mwMW@%&")
NO_WIDTH = ("Mn", "Me", "Cf")  # Unicode's kinds of characters that sit on others, or are not seen
ELLIPSIS = "…"
LONG, KEPT = 12, 3  # letters that all names begin or end with, and of these the ones that stay

Value = str | float
NOTHING: Mapping[str, Value] = {}


def element(name: str, attributes: Mapping[str, Value], *inside: str) -> str:
    """An element around others; numbers are rounded to hundredths of a pixel."""
    values = {key: as_read(value) if isinstance(value, str) else as_text(value) for key, value in attributes.items()}
    written = "".join(f' {key}="{value}"' for key, value in values.items())
    return f"<{name}{written}>{''.join(inside)}</{name}>" if inside else f"<{name}{written}/>"


def as_text(value: Value) -> str:
    """An attribute's value."""
    return value if isinstance(value, str) else f"{round(value, 2) + 0.0:.2f}".rstrip("0").rstrip(".")


def legal(text: str) -> str:
    """The text's lines with what XML cannot hold, and marks of direction, written as escape sequences."""
    text = ILLEGAL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)
    return "\n".join(map(visible, text.split("\n")))


def as_read(text: str, quote: bool = True) -> str:
    """The text as it stands in the picture; a name from right to left changes nothing around it."""
    if PLAIN.fullmatch(text):
        return text
    text = legal(text)
    apart = isolated(text)
    return escape(text if apart[1:-1] == text else apart, quote)


def picture(width: float, height: float, says: str, *inside: str) -> str:
    """A picture that scales with the page; ``says`` is read out to those who cannot see it."""
    attributes: dict[str, Value] = {
        "xmlns": "http://www.w3.org/2000/svg",
        "viewBox": f"0 0 {as_text(width)} {as_text(height)}",
        "style": f"width:100%;max-width:{as_text(1.3 * width)}px;height:auto",
        "font-family": "sans-serif",
        "role": "img",
        "aria-label": says,
    }
    return element("svg", attributes, hover(says), *inside)


def hover(text: str) -> str:
    """What is shown where the pointer rests on the element that holds this."""
    return f"<title>{as_read(text, quote=False)}</title>"


def group(attributes: Mapping[str, Value], *inside: str) -> str:
    """Elements that share attributes."""
    return element("g", attributes, *inside)


def words(
    x: float,
    y: float,
    text: str,
    size: float = 12,
    colour: str = INK,
    anchor: str = "start",
    more: Mapping[str, Value] = NOTHING,
) -> str:
    """Text on the baseline y whose start, middle or end is at x."""
    attributes: dict[str, Value] = {"x": x, "y": y, "font-size": size, "fill": colour, "text-anchor": anchor}
    return element("text", attributes | dict(more), as_read(text, quote=False))


def turned(x: float, y: float, text: str, angle: float, size: float, colour: str = INK, anchor: str = "end") -> str:
    """Text turned by so many degrees about its place."""
    turn = f"rotate({as_text(angle)} {as_text(x)} {as_text(y)})"
    return words(x, y, text, size, colour, anchor, {"transform": turn})


def haloed(
    x: float, y: float, text: str, size: float, halo: str, anchor: str = "start", more: Mapping[str, Value] = NOTHING
) -> str:
    """Text that stays legible over other things."""
    around: dict[str, Value] = {"paint-order": "stroke", "stroke": halo, "stroke-width": 3, "stroke-linejoin": "round"}
    return words(x, y, text, size, anchor=anchor, more={**around, **more})


def rectangle(
    left: float, top: float, width: float, height: float, fill: str, *inside: str, more: Mapping[str, Value] = NOTHING
) -> str:
    """A filled rectangle."""
    attributes: dict[str, Value] = {"x": left, "y": top, "width": width, "height": height, "fill": fill}
    return element("rect", attributes | dict(more), *inside)


def line(x1: float, y1: float, x2: float, y2: float, colour: str, width: float = 1, dashes: str = "") -> str:
    """A straight line."""
    attributes: dict[str, Value] = {"x1": x1, "y1": y1, "x2": x2, "y2": y2, "stroke": colour, "stroke-width": width}
    return element("line", attributes | ({"stroke-dasharray": dashes} if dashes else {}))


def polyline(points: Sequence[tuple[float, float]], colour: str, width: float) -> str:
    """A line through points."""
    through = " ".join(f"{as_text(x)},{as_text(y)}" for x, y in points)
    attributes: dict[str, Value] = {"points": through, "fill": "none", "stroke": colour, "stroke-width": width}
    return element("polyline", attributes | {"stroke-linejoin": "round", "stroke-linecap": "round"})


def dot(x: float, y: float, radius: float, colour: str, *inside: str, ring: bool = False) -> str:
    """A disc, or a ring."""
    attributes: dict[str, Value] = {"cx": x, "cy": y, "r": radius, "fill": "none" if ring else colour}
    return element("circle", attributes | ({"stroke": colour} if ring else {}), *inside)


def width_of(text: str, size: float) -> float:
    """About how wide text is drawn, rather more than less, since the font is the reader's."""
    return size * sum(width_of_character(character) for character in legal(text))


@cache
def width_of_character(character: str) -> float:
    """A character's width as a share of the font size."""
    if unicodedata.category(character) in NO_WIDTH:
        return 0
    if character in WIDE or unicodedata.east_asian_width(character) in "WF":
        return 1
    if character in NARROW:
        return 0.36
    return 0.71 if character.isupper() else 0.59


def fitted(text: str, width: float, size: float) -> str:
    """The text, with its middle left out where it is too wide: names often differ at their ends."""
    text = legal(text)
    if width_of(text, size) <= width:
        return text
    sides = range(1, len(text) // 2 + 1)
    side = bisect_right(sides, width, key=lambda side: width_of(cut_to(text, side), size))
    return cut_to(text, side) if side else ELLIPSIS


def told_apart(names: Sequence[str], width: float, size: float) -> list[str]:
    """Names without most of a long beginning and end that all share, where they are too wide and would lose more."""
    start, end = shared(names), shared([name[::-1] for name in names])
    fit = all(width_of(name, size) <= width for name in names)
    if fit or max(start, end) < LONG or min(map(len, names)) <= start + end:
        return list(names)
    left, right = max(0, start - KEPT), max(0, end - KEPT)
    sides = ELLIPSIS if left else "", ELLIPSIS if right else ""
    return [f"{sides[0]}{name[left : len(name) - right]}{sides[1]}" for name in names]


def shared(names: Sequence[str]) -> int:
    """How many letters all of several different names begin with."""
    first, last = min(names, default=""), max(names, default="")
    unlike = (place for place, pair in enumerate(zip(first, last, strict=False)) if pair[0] != pair[1])
    return next(unlike, 0 if first == last else min(len(first), len(last)))


def cut_to(text: str, side: int) -> str:
    """The text's first and last so many characters."""
    return text[:side].rstrip() + ELLIPSIS + text[-side:].lstrip()


def wrapped(text: str, width: float, size: float) -> list[str]:
    """The text in lines, broken between words; a word wider than that has a line of its own."""
    lines: list[str] = []
    for word in text.split():
        if lines and width_of(f"{lines[-1]} {word}", size) <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def themed(picture: str) -> str:
    """The picture in the colours of the page around it, which may be dark."""

    def in_its_colours(tag: re.Match[str]) -> str:
        text = tag[0]
        for colour, name in OF_THE_PAGE.items():
            text = text.replace(f'="{colour}"', f'="var(--{name})"')
        return text

    return TAG.sub(in_its_colours, picture)
