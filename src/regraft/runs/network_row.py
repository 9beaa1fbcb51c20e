"""A network as a row of blocks: what is kept, trained, new, and cut off, and where the new head sits."""

import math
from collections.abc import Collection, Sequence
from itertools import groupby

from regraft.network.cuts import word_for
from regraft.planning.pieces import CLASSIFIER, FROZEN, HEAD, NEW, RANDOM, REMOVED, TRAINED, Piece
from regraft.runs import axes, svg
from regraft.runs.axes import Box
from regraft.runs.svg import ACCENT, INK, MUTED

COLOURS = {FROZEN: "#9ecbea", TRAINED: "#00795c", RANDOM: "#c573a4", NEW: "#e69f00", REMOVED: "none"}
ON_THEM = "#14202b"  # of marks on the blocks, in either theme
GAP = 0.55  # blocks between what is kept and what is cut off
SMALL = 10  # of names, in pixels
LOWER = 24  # pixels below the row, of the head's name and the old classifier's
WIDEST, NARROWEST_MARKED = 64, 9  # pixels of a block, and of one with a mark on it


def draw_row(
    pieces: Sequence[Piece], box: Box, joined: Collection[str] = (), named: bool = False, words: bool = True
) -> list[str]:
    """The network from its input (left) to its output, in a box; blocks are as high as their resolution.

    ``joined``: the cuts whose features the head takes besides the last one. ``named``: every block by its name below,
    instead of by what it sees, which is left out without ``words``.
    """
    order = in_order(pieces)
    kept, slot, middles = places(order, box)
    centre = (box.top + box.bottom) / 2
    tall = dict(zip(order, heights(order, box.height), strict=True))
    width = min(0.8 * slot, WIDEST)
    parts = [block(piece, middles[i], centre, width, tall[piece]) for i, piece in enumerate(order)]
    head = middles[kept - 1]
    parts.append(svg.line(middles[kept - 2] + width / 2, centre, head - width / 2, centre, INK, 1.5))
    edge = (head + middles[kept]) / 2
    parts.append(svg.line(edge, box.top, edge, box.bottom, MUTED, 1.2, "5 3"))
    for piece, middle in zip(order[: kept - 2], middles, strict=False):
        if piece.name in joined:
            parts.append(bow((middle, centre - tall[piece] / 2 - 3), (head, centre - tall[order[kept - 1]] / 2 - 3)))
    if named:
        return [*parts, *names_of(order, middles, box)]
    return [*parts, *(words_of(order, pieces, middles, box, slot) if words else ())]


def in_order(pieces: Sequence[Piece]) -> list[Piece]:
    """What is kept, the new head, what is cut off."""
    body, head = [piece for piece in pieces if piece.name != HEAD], [piece for piece in pieces if piece.name == HEAD]
    kept = [piece for piece in body if piece.state != REMOVED]
    return [*kept, *head, *(piece for piece in body if piece.state == REMOVED)]


def heights(pieces: Sequence[Piece], tallest: float) -> list[float]:
    """How high each piece is drawn: by the logarithm of its resolution."""
    largest = max((piece.stride for piece in pieces), default=1) or 1
    steps = math.log2(2 * largest)
    shares = [0.35 + 0.65 * math.log2(2 * largest / p.stride) / steps if p.stride else 0.35 for p in pieces]
    return [tallest * share for share in shares]


def block(piece: Piece, middle: float, centre: float, width: float, height: float) -> str:
    """A piece of the network, with a mark for those who do not tell the colours."""
    says = f"{piece.name}: {piece.state}" + (f", stride {piece.stride}" if piece.stride else "")
    left, top, dashed = middle - width / 2, centre - height / 2, piece.state == REMOVED
    look: dict[str, svg.Value] = {"stroke": MUTED, "stroke-dasharray": "3 2"} if dashed else {"stroke": INK}
    body = svg.rectangle(left, top, width, height, COLOURS[piece.state], svg.hover(says), more=look)
    return body + (mark(piece.state, middle, centre) if width >= NARROWEST_MARKED else "")


def mark(state: str, x: float, y: float) -> str:
    """A lock on what is frozen, dots on what is random."""
    if state == FROZEN:
        arc = f"M{x - 2.2:.2f},{y - 0.5:.2f}v-1.5a2.2,2.2 0 0 1 4.4,0v1.5"
        shackle = svg.element("path", {"d": arc, "fill": "none", "stroke": ON_THEM, "stroke-width": 1.1})
        return svg.rectangle(x - 3.4, y - 0.8, 6.8, 5, ON_THEM) + shackle
    if state == RANDOM:
        places = ((-2.6, -4), (2.6, -1.4), (-1.8, 1.6), (2.2, 4.4))
        return "".join(svg.dot(x + across, y + down, 1.1, ON_THEM) for across, down in places)
    return ""


def places(order: Sequence[Piece], box: Box) -> tuple[int, float, list[float]]:
    """How many pieces stand left of the gap, the pixels from one to the next, and the middle of each."""
    slot = box.width / (len(order) + GAP)
    kept = next(place for place, piece in enumerate(order) if piece.name == HEAD) + 1
    return kept, slot, [box.left + slot * (place + 0.5 + GAP * (place >= kept)) for place in range(len(order))]


def names_of(order: Sequence[Piece], middles: Sequence[float], box: Box) -> list[str]:
    """The blocks' names below them, the new head's always."""
    names, angle = axes.names_below(middles, [piece.name for piece in order], SMALL)
    colours = [MUTED if piece.state == REMOVED else INK for piece in order]
    head = next(place for place, piece in enumerate(order) if piece.name == HEAD)
    far = [i for i in axes.nameable(middles) if not angle or abs(middles[i] - middles[head]) > axes.APART]
    return [axes.named(middles[i], box.bottom, names[i], angle, colours[i], SMALL) for i in sorted({*far, head})]


def room_for_names(pieces: Sequence[Piece], box: Box) -> float:
    """The pixels that the blocks' names take below the row."""
    order = in_order(pieces)
    names = axes.names_below(places(order, box)[2], [piece.name for piece in order], SMALL)
    return axes.room_below(*names, SMALL)


def words_of(
    order: Sequence[Piece], pieces: Sequence[Piece], middles: Sequence[float], box: Box, slot: float
) -> list[str]:
    """What the layers see below them, as far as there is room; the head and the old classifier by name."""
    cuts = [piece for piece in pieces if piece.name not in {HEAD, CLASSIFIER}]
    words = {piece: word_for(place, len(cuts)) for place, piece in enumerate(cuts)}
    words |= {piece: piece.name for piece in order if piece.name in {HEAD, CLASSIFIER}}
    parts, high = [], box.bottom + 3
    runs = groupby(range(len(order)), lambda i: (words[order[i]], order[i].state == REMOVED))
    for word, places in [(word, list(run)) for (word, _), run in runs if word not in {HEAD, CLASSIFIER}]:
        left, right = middles[places[0]] - 0.4 * slot, middles[places[-1]] + 0.4 * slot
        if svg.width_of(word, SMALL) <= right - left + 8:
            parts.append(svg.line(left, high, right, high, MUTED))
            parts.append(svg.words((left + right) / 2, high + 11, word, SMALL, MUTED, "middle"))
    ends = box.right
    for word, colour in ((CLASSIFIER, MUTED), (HEAD, INK)):
        at = next(middle for piece, middle in zip(order, middles, strict=True) if piece.name == word)
        end = min(at + svg.width_of(word, SMALL) / 2, ends)
        parts.append(svg.line(at, high - 1, at, high + LOWER - 10, colour, 0.8))
        parts.append(svg.words(end, high + LOWER, word, SMALL, colour, "end"))
        ends = end - svg.width_of(word, SMALL) - 5
    return parts


def bow(start: tuple[float, float], end: tuple[float, float]) -> str:
    """An arrow over what lies between."""
    (x1, y1), (x2, y2) = start, end
    top = min(y1, y2) - 8 - 0.07 * (x2 - x1)
    way = f"M{x1:.2f},{y1:.2f}C{x1:.2f},{top:.2f} {x2:.2f},{top:.2f} {x2:.2f},{y2 - 3:.2f}"
    tip = f"M{x2 - 4:.2f},{y2 - 7:.2f}L{x2:.2f},{y2:.2f}L{x2 + 4:.2f},{y2 - 7:.2f}"
    return svg.element("path", {"d": way + tip, "fill": "none", "stroke": ACCENT, "stroke-width": 1.5})
