"""A search as pictures: the settings side by side, the trials one after another, and the best so far."""

import math
from collections.abc import Sequence

from regraft.evaluation.tuning.axis import Axis
from regraft.evaluation.tuning.book import HEAD, Entry
from regraft.evaluation.tuning.outcomes import COMPLETE, DROPPED
from regraft.runs import axes, svg
from regraft.runs.axes import Scale
from regraft.runs.line_chart import OTHER, themed
from regraft.runs.svg import ACCENT, INK, MUTED

WIDTH, TALL, PARALLEL = 1000, 340, 380  # pixels
TOP, BOTTOM, LEFT, RIGHT = 40, 48, 64, 16
BEST_SHARE = 0.2  # of the lines, that stand out


def draw_trials(entries: Sequence[Entry], winner: int, figure: str) -> str:
    """Every trial's figure, one after another, and the best so far as a line; those that never ran are left out."""
    known = [(value_of(one), one) for one in entries if math.isfinite(value_of(one))]
    low, high = axes.spread([value for value, _ in known], 0.02)
    last = max(1, len(known) - 1)
    x = Scale(-0.5, last + 0.5, LEFT, WIDTH - RIGHT)
    y = Scale(max(low, -0.01), min(high, 1.01), TALL - BOTTOM, TOP)
    parts = axes.upright(x, y, y.within(axes.ticks(y.low, min(y.high, 1))), f"validation {figure}", axes.percent)
    parts += axes.level(x, y, x.within(axes.ticks(0, last, 10, whole=True)), "trials that ran, in turn", axes.counts)
    best, line = -math.inf, list[tuple[float, float]]()
    for place, (value, one) in enumerate(known):
        if one.complete:
            line += [(x(place), y(best))] if math.isfinite(best) else []
            best = max(best, value)
            line.append((x(place), y(best)))
    if line:
        parts.append(svg.polyline([*line, (x(last), y(best))], ACCENT, 2))
    for place, (value, one) in enumerate(known):
        mark = svg.dot(x(place), y(value), 3.5, colour_of(one), ring=not one.complete)
        parts.append(svg.group({}, svg.hover(f"trial {one.number}: {one.name}: {value:.1%}"), mark))
        if one.number == winner:
            parts.append(svg.dot(x(place), y(value), 8, INK, ring=True))
    samples = {
        "head": svg.dot(14, 0, 3.5, MUTED),
        "whole network": svg.dot(14, 0, 3.5, OTHER),
        "dropped": svg.dot(14, 0, 3.5, OTHER, ring=True),
        "best so far": svg.line(0, 0, 28, 0, ACCENT, 2),
        "kept": svg.dot(14, 0, 8, INK, ring=True),
    }
    says = f"Validation {figure} of {len(known)} trials in turn"
    return themed(svg.picture(WIDTH, TALL, says, axes.legend(samples, WIDTH / 2, 16), *parts))


def colour_of(entry: Entry) -> str:
    """Of a head or of a whole network."""
    return MUTED if entry.kind == HEAD else OTHER


def value_of(entry: Entry) -> float:
    """A trial's figure; no number where it has none."""
    value = entry.outcome.figures.shared if entry.outcome else None
    return math.nan if value is None else value


def draw_settings(entries: Sequence[Entry], searched: Sequence[Axis], winner: int, figure: str) -> str:
    """A line for each trained network through its settings and its figure; "" where there are too few to show."""
    lines = [one for one in entries if one.outcome and one.outcome.figures.state in {COMPLETE, DROPPED}]
    lines = [
        one for one in lines if {axis.name for axis in searched} <= set(one.params) and math.isfinite(value_of(one))
    ]
    varied = [axis for axis in searched if len({str(one.params[axis.name]) for one in lines}) > 1]
    if len(lines) < 2 or not varied:  # noqa: PLR2004 - one line shows nothing
        return ""
    values = [value_of(one) for one in lines]
    low, high = axes.spread(values, 0.02)
    last = Scale(max(low, -0.01), min(high, 1.01), PARALLEL - BOTTOM, TOP)
    columns = [column_of(axis, lines) for axis in varied]
    apart = (WIDTH - 170) / len(columns)
    xs = [90 + apart * place for place in range(len(columns) + 1)]
    ranked = sorted(values, reverse=True)
    bar = ranked[max(0, math.ceil(BEST_SHARE * len(ranked)) - 1)]
    parts: list[str] = []
    for one in sorted(lines, key=lambda one: (one.number == winner, value_of(one))):
        points = [(x, column(one.params[axis.name])) for x, column, axis in zip(xs, columns, varied, strict=False)]
        points.append((xs[-1], last(value_of(one))))
        kept, good = one.number == winner, value_of(one) >= bar
        line = svg.polyline(points, ACCENT if kept else OTHER if good else MUTED, 3 if kept else 1.5)
        says = svg.hover(f"trial {one.number}: {one.name}: {value_of(one):.1%}")
        parts.append(svg.group({"opacity": 1 if kept or good else 0.45}, says, line))
    for x, column, axis in zip(xs, columns, varied, strict=False):
        parts += column.drawn(x, axis.name.replace("_", " "), apart)
    parts.append(svg.line(xs[-1], last.start, xs[-1], last.stop, INK))
    for tick, name in ticks_of(last):
        parts.append(svg.line(xs[-1], last(tick), xs[-1] + 4, last(tick), INK))
        parts.append(svg.words(xs[-1] + 7, last(tick) + 4, name, axes.SIZE))
    parts.append(svg.words(xs[-1], PARALLEL - 16, figure, axes.SIZE + 1, anchor="middle"))
    samples = {
        "kept": svg.line(0, 0, 28, 0, ACCENT, 3),
        "best fifth": svg.line(0, 0, 28, 0, OTHER, 1.5),
        "the others": svg.line(0, 0, 28, 0, MUTED, 1.5),
    }
    says = f"The settings of {len(lines)} trained networks and their validation {figure}"
    return themed(svg.picture(WIDTH, PARALLEL, says, axes.legend(samples, WIDTH / 2, 16), *parts))


def ticks_of(scale: Scale) -> list[tuple[float, str]]:
    """Round shares on a scale, with their names."""
    values = scale.within(axes.ticks(scale.low, min(scale.high, 1)))
    return list(zip(values, axes.percent(values), strict=True))


class Column:
    """One setting's values from bottom to top."""

    def __init__(self, scale: Scale, places: dict[str, float], named: Sequence[tuple[float, str]]) -> None:
        self.scale, self.places, self.named = scale, places, named

    def __call__(self, value: object) -> float:
        """The pixel of a value."""
        if self.places:
            return self.scale(self.places[str(value)])
        return self.scale(float(str(value)))

    def drawn(self, x: float, name: str, apart: float) -> list[str]:
        """The axis with its ticks and its name."""
        room = apart - 12
        parts = [svg.line(x, self.scale.start, x, self.scale.stop, INK)]
        for tick, text in self.named:
            parts.append(svg.line(x - 4, self.scale(tick), x, self.scale(tick), INK))
            parts.append(svg.words(x - 7, self.scale(tick) + 4, svg.fitted(text, room, 10), 10, anchor="end"))
        return [
            *parts,
            svg.words(x, PARALLEL - 16, svg.fitted(name, apart, axes.SIZE + 1), axes.SIZE + 1, anchor="middle"),
        ]


def column_of(axis: Axis, lines: Sequence[Entry]) -> Column:
    """A column for a setting: its values evenly spaced, or a scale of its range."""
    bottom, top = PARALLEL - BOTTOM, TOP
    if axis.values:
        names = ["everything" if value is None else str(value) for value in axis.values]
        places = {str(value): float(place) for place, value in enumerate(axis.values)}
        scale = Scale(-0.5, len(names) - 0.5, bottom, top)
        return Column(scale, places, [(float(place), name) for place, name in enumerate(names)])
    scale = Scale(axis.low, axis.high, bottom, top, logarithmic=axis.log)
    if axis.log:
        inner = axes.powers_of_ten(axis.low, axis.high) if axis.high / axis.low >= 10 else []  # noqa: PLR2004
        ticks = list(dict.fromkeys([axis.low, *scale.within(inner), axis.high]))
        named = [(tick, f"{tick:.0e}".replace("e-0", "e-")) for tick in ticks]
    else:
        ticks = scale.within(axes.ticks(axis.low, axis.high, 5, whole=axis.whole))
        named = list(zip(ticks, axes.plain(ticks), strict=True))
    return Column(scale, {}, named)
