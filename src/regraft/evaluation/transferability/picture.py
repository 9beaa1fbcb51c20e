"""The paper's picture: accuracy against n, a line a kind of network, with intervals."""

from collections.abc import Sequence
from itertools import pairwise

from regraft.evaluation.transferability.figures import Point
from regraft.evaluation.transferability.variants import (
    ANB,
    ANB_PLUS,
    BNB,
    BNB_PLUS,
    MEAN_VAR,
    RNB,
    SCRATCH,
    SHORT,
    Variant,
)
from regraft.runs import axes, svg
from regraft.runs.axes import Scale
from regraft.runs.line_chart import DOTS, TEXT, themed
from regraft.runs.svg import INK, MUTED

WIDTH, HEIGHT, ROW = 720, 450, 20  # pixels; of a row of the legend
COLOURS = {SCRATCH: TEXT, MEAN_VAR: "#8a5fb8", ANB: "#c2571a", ANB_PLUS: "#c2571a", BNB: "#1f6fb2", BNB_PLUS: "#1f6fb2"}
GREY = {RNB: MUTED}
ROWS = ((SCRATCH, MEAN_VAR, RNB), (ANB, ANB_PLUS), (BNB, BNB_PLUS))  # of the legend
RINGS = (ANB_PLUS, BNB_PLUS)  # trained throughout: a hollow mark and a broken line
BROKEN = "6 4"
APART = 6  # pixels between the marks of two kinds at one n


def draw(points: Sequence[Point], names: Sequence[str], chance: float, guess: str, measure: str) -> str:
    """The SVG; ``names``: of the cuts, by n from 1."""
    full = [point for point in points if point.variant.share == 1]
    there = [kind for kind in SHORT if any(point.variant.kind == kind for point in full)]
    layers = sorted({point.variant.layers for point in full})
    ends = [end for point in full for end in (point.accuracy.low, point.accuracy.high)]
    low, high = axes.spread([*ends, chance], 0.02)
    low, high = max(low, 0.0), min(high, 1.02)
    x = Scale(-0.5, len(layers) - 0.5, 64, WIDTH - 8)
    xs = {n: x(place) for place, n in enumerate(layers)}
    labels = ["0" if n == 0 else f"{n}: {names[n - 1]}" for n in layers]
    shown, angle = axes.names_below(list(xs.values()), labels)
    rows = [[kind for kind in row if kind in there] for row in ROWS]
    rows = [row for row in rows if row]
    y = Scale(low, high, HEIGHT - 26 - axes.room_below(shown, angle), 12 + ROW * (len(rows) + 1))
    parts = axes.upright(x, y, y.within(axes.ticks(low, min(high, 1))), measure, axes.percent)
    parts.append(svg.line(x.start, y.start, x.stop, y.start, INK))
    parts += [axes.named(place, y.start, name, angle) for place, name in zip(xs.values(), shown, strict=True)]
    caption = "n: how many layers were transferred, by the cut where they end"
    parts.append(svg.words((x.start + x.stop) / 2, HEIGHT - 8, caption, 12, anchor="middle"))
    parts.append(svg.line(x.start, y(chance), x.stop, y(chance), MUTED, 1, DOTS))
    own = next(point for point in full if point.variant == Variant(SCRATCH))
    parts.append(svg.line(x.start, y(own.accuracy.value), x.stop, y(own.accuracy.value), INK, 1, BROKEN))
    by_cut = [kind for kind in there if kind not in {SCRATCH, MEAN_VAR}]
    for kind in there:
        shift = 0.0 if kind not in by_cut else APART * (by_cut.index(kind) - (len(by_cut) - 1) / 2)
        shift = 14.0 if kind == MEAN_VAR else shift
        parts += drawn([point for point in full if point.variant.kind == kind], xs, y, shift)
    for place, row in enumerate(rows):
        samples = {SHORT[kind]: sample(kind) for kind in row}
        parts.append(axes.legend(samples, (x.start + x.stop) / 2, 12 + ROW * place))
    without = {f"{guess}: {chance:.1%}": svg.line(0, 0, 28, 0, MUTED, 1, DOTS)}
    parts.append(axes.legend(without, (x.start + x.stop) / 2, 12 + ROW * len(rows)))
    says = f"{measure} by the number of layers that were transferred"
    return themed(svg.picture(WIDTH, HEIGHT, says, *parts))


def colour_of(kind: str) -> str:
    """A kind's colour; the two of one letter pair share theirs."""
    return (COLOURS | GREY)[kind]


def drawn(points: Sequence[Point], xs: dict[int, float], y: Scale, shift: float) -> list[str]:
    """The line of one kind with its marks and intervals; each mark says its figure."""
    ordered = sorted(points, key=lambda point: point.variant.layers)
    kind, parts = ordered[0].variant.kind, []
    colour, places = colour_of(kind), [(xs[p.variant.layers] + shift, y(p.accuracy.value)) for p in ordered]
    for (x1, y1), (x2, y2) in pairwise(places):
        parts.append(svg.line(x1, y1, x2, y2, colour, 2, BROKEN if kind in RINGS else ""))
    for point, (left, top) in zip(ordered, places, strict=True):
        found = point.accuracy
        parts.append(svg.line(left, y(found.low), left, y(found.high), colour, 1.5))
        parts.append(mark(kind, left, top))
        says = f"n = {point.variant.layers}, {SHORT[kind]}: {found.value:.1%} (95% interval"
        parts.append(svg.dot(left, top, 8, "transparent", svg.hover(f"{says} {found.low:.1%} to {found.high:.1%})")))
    return parts


def mark(kind: str, x: float, y: float) -> str:
    """A disc where the first layers are frozen, a ring where all are trained on."""
    if kind in RINGS:
        return svg.dot(x, y, 4, "Canvas") + svg.dot(x, y, 4, colour_of(kind), ring=True)
    return svg.dot(x, y, 4, colour_of(kind))


def sample(kind: str) -> str:
    """A kind's line in the legend."""
    return svg.line(0, 0, 28, 0, colour_of(kind), 2, BROKEN if kind in RINGS else "") + mark(kind, 14, 0)
