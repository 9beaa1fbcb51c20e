"""The picture of the network under the knife."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from regraft.planning.cases import CASES
from regraft.planning.pieces import FROZEN, HEAD, NEW, REMOVED, STATES, TRAINED, Piece, surgery
from regraft.runs import axes, svg
from regraft.runs.svg import ACCENT, FILL, INK, MUTED

COLOURS = {FROZEN: "#9db8d6", TRAINED: "#0b7a75", NEW: "#e0a33a", REMOVED: "#ffffff"}
WIDTH = 536  # pixels of one case
MIDDLE, TALLEST = 118, 92  # pixels: the line that the pieces are centred on, and the height of the highest
SMALL = 10  # of names, in pixels


def draw_surgery(plan: Mapping[str, Any], unfreeze_from: str | None) -> str:
    """The user's network under the knife, once for each case; the plan's own is framed."""
    strides = [(point["cut"], point["stride"]) for point in plan["similarity"]["profile"]]
    names = [piece.name for piece in surgery(strides, CASES[0].strategy)]
    slot = (WIDTH - 72) / len(names)
    xs = [54 + slot * (place + 0.5) for place in range(len(names))]
    below = axes.names_below(xs, names, SMALL)
    height = MIDDLE + TALLEST / 2 + axes.room_below(*below, SMALL) + 18
    panels = []
    for place, case in enumerate(CASES):
        chosen, strategy, title = case.name == plan["case"], case.strategy, f"{case.title}: {case.rule}"
        cuts: Sequence[str] = [plan["early_cut"]] if strategy == "early-layers" else ()
        if chosen:
            asked = "" if plan["strategy"] == strategy else f" (as asked: {plan['strategy']})"
            strategy, cuts, title = plan["strategy"], plan["cuts"], f"your data, {title}{asked}"
        pieces = surgery(strides, strategy, cuts, unfreeze_from if chosen else None)
        corner = {"transform": f"translate({place % 2 * WIDTH} {place // 2 * height:.2f})"}
        look: dict[str, svg.Value] = {"font-weight": "bold" if chosen else "normal"}
        frame = svg.rectangle(4, 4, WIDTH - 8, height - 8, FILL, more={"stroke": ACCENT, "rx": 8})
        rows = enumerate(svg.wrapped(title, WIDTH - 36, 12))
        heading = [svg.words(18, 24 + 16 * i, row, 12, ACCENT if chosen else INK, more=look) for i, row in rows]
        network = draw_pieces(pieces, xs, *below)
        panels.append(svg.group(corner, frame if chosen else "", *heading, *network))
    keys = {state: svg.rectangle(4, -6, 24, 12, COLOURS[state], more=outline(state)) for state in STATES}
    return svg.picture(
        2 * WIDTH,
        2 * height + 34,
        f"What becomes of the network in each case; the data's is {plan['case']}",
        *panels,
        axes.legend(keys, WIDTH, 2 * height + 18),
    )


def draw_pieces(pieces: Sequence[Piece], xs: Sequence[float], names: Sequence[str], angle: float) -> list[str]:
    """One network from left to right, boxes as high as their resolution; the new head follows what is kept."""
    parts, tops = [], [MIDDLE - height / 2 for height in heights(pieces)]
    width = min(0.78 * (xs[1] - xs[0]), 64)
    for i, piece in enumerate(pieces):
        parts.append(box(piece, xs[i], tops[i], width))
        if i in axes.nameable(xs):
            colour = MUTED if piece.state == REMOVED else INK
            parts.append(axes.named(xs[i], MIDDLE + TALLEST / 2, names[i], angle, colour, SMALL))
    kept = max((i for i, piece in enumerate(pieces) if piece.state != REMOVED and piece.name != HEAD), default=0)
    return [*parts, arrow((xs[kept], tops[kept] - 3), (xs[-1], tops[-1] - 3))]


def heights(pieces: Sequence[Piece]) -> list[float]:
    """How high each piece is drawn: by the logarithm of its resolution."""
    largest = max((piece.stride for piece in pieces), default=1) or 1
    steps = math.log2(2 * largest)
    shares = [0.35 + 0.65 * math.log2(2 * largest / p.stride) / steps if p.stride else 0.25 for p in pieces]
    return [TALLEST * share for share in shares]


def box(piece: Piece, middle: float, top: float, width: float) -> str:
    """A piece of the network."""
    says = f"{piece.name}: {piece.state}" + (f", stride {piece.stride}" if piece.stride else "")
    left, height = middle - width / 2, 2 * (MIDDLE - top)
    return svg.rectangle(left, top, width, height, COLOURS[piece.state], svg.hover(says), more=outline(piece.state))


def outline(state: str) -> dict[str, svg.Value]:
    """The outline of a piece: dashed where it is gone."""
    return {"stroke": MUTED, "stroke-dasharray": "4 3"} if state == REMOVED else {"stroke": INK}


def arrow(start: tuple[float, float], end: tuple[float, float]) -> str:
    """A bow over what lies between, down to the end."""
    (x1, y1), (x2, y2) = start, end
    top = min(y1, y2) - 24 - 0.06 * (x2 - x1)
    bow = f"M{x1:.2f},{y1:.2f}C{x1:.2f},{top:.2f} {x2:.2f},{top:.2f} {x2:.2f},{y2 - 3:.2f}"
    tip = f"M{x2 - 4:.2f},{y2 - 7:.2f}L{x2:.2f},{y2:.2f}L{x2 + 4:.2f},{y2 - 7:.2f}"
    return svg.element("path", {"d": bow + tip, "fill": "none", "stroke": ACCENT, "stroke-width": 1.5})
