"""A comparison as pictures: the strategies' intervals, and accuracy by the number of training images."""

import math
from collections.abc import Iterator, Sequence

from regraft.evaluation.comparison.entries import COMPARED
from regraft.evaluation.comparison.table import Row, Table
from regraft.runs import axes, svg
from regraft.runs.axes import Scale
from regraft.runs.line_chart import OTHER, themed
from regraft.runs.svg import ACCENT, INK

WIDTH, ROW, LEFT = 720, 34, 130  # pixels
CURVES = 400
COLOURS = dict(zip(COMPARED, (ACCENT, "#8a6d00", "#3f7cd6", OTHER, "#8b4fb3"), strict=True))
BAND = "#8a95a1"  # that lies under the plan's line


def draw_strategies(rows: Sequence[tuple[str, float, float, float]], planned: str, figure: str = "accuracy") -> str:
    """A point and its 95% interval for each (name, value, low, high); the ``planned`` one has a ring."""
    low, high = axes.spread([value for row in rows for value in row[1:]], 0.05)
    x = Scale(max(low, -0.01), min(high, 1.01), LEFT, WIDTH - 16)
    bottom = 14 + ROW * len(rows)
    y = Scale(0, 1, bottom, 8)
    parts = axes.level(x, y, x.within(axes.ticks(x.low, min(high, 1))), f"{figure} and its 95% interval", axes.percent)
    for place, (name, value, *interval) in enumerate(rows):
        middle = 8 + ROW * (place + 0.5)
        colour = COLOURS.get(name, ACCENT)
        says = f"{name}: {value:.1%} (95% interval {interval[0]:.1%} to {interval[1]:.1%})"
        ring = [svg.dot(x(value), middle, 10, INK, ring=True)] if name == planned else []
        label = svg.fitted(name, LEFT - 22, 13)
        parts.append(
            svg.group(
                {},
                svg.hover(says),
                svg.words(LEFT - 12, middle + 4, label, 13, anchor="end"),
                svg.line(x(interval[0]), middle, x(interval[1]), middle, colour, 2),
                *(svg.line(x(end), middle - 5, x(end), middle + 5, colour, 2) for end in interval),
                svg.dot(x(value), middle, 5, colour),
                *ring,
            )
        )
    says = f"{figure.capitalize()} of {len(rows)}, with intervals"
    return themed(svg.picture(WIDTH, bottom + 44, says, *parts))


def draw_curves(tables: Sequence[Table]) -> str:
    """Accuracy of each strategy by training images; a broad band lies under what the plan takes."""
    sizes = [table.training_images for table in tables]
    rows = [{row.strategy: row for row in table.rows} for table in tables]
    names = [name for name in COMPARED if all(name in row for row in rows)]
    values = [one for row in rows for name in names for one in (row[name].low, row[name].high)]
    low, high = axes.spread([value for value in values if math.isfinite(value)], 0.05)
    x = Scale(0.9 * sizes[0], 1.1 * sizes[-1], 64, WIDTH - 12, logarithmic=True)
    y = Scale(max(low, -0.01), min(high, 1.01), CURVES - 48, 36)
    parts = axes.upright(x, y, y.within(axes.ticks(y.low, min(high, 1))), "accuracy", axes.percent)
    parts += axes.level(x, y, sizes, "training images", axes.counts)
    plan = [(x(size), y(table.plan.accuracy)) for size, table in zip(sizes, tables, strict=True)]
    parts.append(svg.group({"opacity": 0.35, "stroke-linecap": "round"}, svg.polyline(plan, BAND, 14)))
    for name in names:
        parts += list(curve(name, [row[name] for row in rows], sizes, x, y))
    samples = {name: svg.line(0, 0, 28, 0, COLOURS[name], 2) + svg.dot(14, 0, 3.5, COLOURS[name]) for name in names}
    samples["the plan"] = svg.group({"opacity": 0.35}, svg.line(0, 0, 28, 0, BAND, 12))
    says = f"Accuracy by the number of training images, {sizes[0]:,} to {sizes[-1]:,}"
    return themed(svg.picture(WIDTH, CURVES, says, axes.legend(samples, WIDTH / 2, 14), *parts))


def curve(name: str, rows: Sequence[Row], sizes: Sequence[int], x: Scale, y: Scale) -> Iterator[str]:
    """One strategy's line, its points and their bars."""
    colour, aside = COLOURS[name], 3 * (COMPARED.index(name) - 2)  # so that bars do not hide one another
    points = [(x(size) + aside, y(row.accuracy)) for size, row in zip(sizes, rows, strict=True)]
    yield svg.polyline(points, colour, 2)
    for (across, up), row, size in zip(points, rows, sizes, strict=True):
        if math.isfinite(row.low):
            yield svg.line(across, y(row.low), across, y(row.high), colour, 1)
        says = f"{name}, {size:,} images: {row.accuracy:.1%}"
        yield svg.group({}, svg.hover(says), svg.dot(across, up, 4, colour))
