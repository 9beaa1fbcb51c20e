"""The report's pictures as SVG: the quadrant, the probes' profile, the curves, the confusion matrix."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from regraft.runs import axes, svg
from regraft.runs.axes import Box, Scale
from regraft.runs.confusion import draw_confusion
from regraft.runs.quadrant import draw_quadrant
from regraft.runs.svg import ACCENT, INK, MUTED

__all__ = ["draw_confusion", "draw_curves", "draw_profile", "draw_quadrant"]

WIDTH, HEIGHT, FULL = 470, 330, 1072  # pixels of a picture beside text, and of one as wide as the page
MANY_EPOCHS = 40  # more have smaller dots, which do not say what they are
CURVES = {"train": "training (augmented)", "val": "validation"}
DOTS = "1.5 3"


def draw_profile(plan: Mapping[str, Any], used: Sequence[str]) -> str:
    """Accuracy of a linear probe at each cut, with the paired standard errors against the last one."""
    points, chance = plan["similarity"]["profile"], plan["similarity"]["chance"]
    cuts, values = [point["cut"] for point in points], numbers(points, "accuracy")
    errors = numbers(points, "standard_error")
    bars = [value + side * error for value, error in zip(values, errors, strict=True) for side in (-1, 1)]
    low, high = axes.spread([*values, *bars, chance], 0.05)
    x = Scale(-0.6, len(cuts) - 0.4, 64, WIDTH - 8)
    xs = [x(place) for place in range(len(cuts))]
    names, angle = axes.names_below(xs, cuts)
    y = Scale(low, high, HEIGHT - 6 - axes.room_below(names, angle), 12)
    stretches = axes.unbroken([(place, y(value)) for place, value in zip(xs, values, strict=True)])
    taken = [box for stretch in stretches for box in axes.along(stretch, 9)]
    return svg.picture(
        WIDTH,
        HEIGHT,
        f"Cross-validated accuracy of a linear probe at {len(cuts)} cuts",
        *largest_class(x, y, chance, taken),
        *axes.upright(x, y, y.within(axes.ticks(low, min(high, 1))), "cross-validated accuracy", axes.percent),
        svg.line(x.start, y.start, x.stop, y.start, INK),
        *(svg.line(place, y.start, place, y.start + 4, INK) for place in xs),
        *(axes.named(xs[i], y.start, names[i], angle) for i in axes.nameable(xs)),
        *(svg.polyline(stretch, ACCENT, 2) for stretch in stretches),
        *(
            probe(xs[i], y, cut, values[i], errors[i], cut in used)
            for i, cut in enumerate(cuts)
            if math.isfinite(values[i])
        ),
    )


def numbers(rows: Sequence[Mapping[str, Any]], name: str) -> list[float]:
    """One figure of every row; what is missing or infinite is not a number."""
    values = [math.nan if row[name] is None else float(row[name]) for row in rows]
    return [value if math.isfinite(value) else math.nan for value in values]


def probe(x: float, y: Scale, cut: str, accuracy: float, error: float, used: bool) -> str:
    """A cut's point with its error bar, with a ring about it where the cut is used."""
    parts = [svg.dot(x, y(accuracy), 4, ACCENT)]
    says = f"{cut}: {accuracy:.1%}"
    if error > 0:
        says += f", standard error {error:.1%}"
        high, low = y(accuracy + error), y(accuracy - error)
        parts += [svg.line(x - side, end, x + side, end, ACCENT, 1.5) for side, end in ((3, high), (3, low))]
        parts.append(svg.line(x, low, x, high, ACCENT, 1.5))
    if used:
        parts.append(svg.dot(x, y(accuracy), 8, ACCENT, ring=True))
    return svg.group({}, svg.hover(says), *parts)


def largest_class(x: Scale, y: Scale, chance: float, taken: Sequence[Box]) -> list[str]:
    """The line of always saying the largest class, named where no other line is."""
    name, size, at = "largest class", 10, y(chance)
    wide = svg.width_of(name, size)
    boxes = [
        Box(left, top, left + wide, top + 14) for left in (x.stop - wide, x.start + 6) for top in (at - 16, at + 2)
    ]
    box = boxes[axes.clearest(boxes, taken)]
    return [
        svg.line(x.start, at, x.stop, at, MUTED, 1, DOTS),
        svg.words(box.left, box.bottom - 3, name, size, MUTED),
    ]


def draw_curves(history: Sequence[Mapping[str, Any]]) -> str:
    """Accuracy and loss of training and validation by epoch, with the best epoch marked."""
    best = next((row["epoch"] for row in history if row["best"]), None)
    samples = {
        CURVES["train"]: svg.line(0, 0, 28, 0, MUTED, 2),
        CURVES["val"]: svg.line(0, 0, 28, 0, ACCENT, 2) + svg.dot(14, 0, 3.5, ACCENT),
        "best epoch, kept": svg.line(0, 0, 28, 0, ACCENT, 1.5, DOTS),
    }
    return svg.picture(
        FULL,
        HEIGHT,
        f"Accuracy and loss by epoch, {len(history)} epochs",
        axes.legend(samples, FULL / 2, 14),
        *curves(history, "accuracy", best, 66),
        *curves(history, "loss", best, FULL / 2 + 66),
    )


def curves(history: Sequence[Mapping[str, Any]], measure: str, best: int | None, left: float) -> list[str]:
    """One measure by epoch, from ``left`` on, half a page wide."""
    epochs = numbers(history, "epoch")
    figures = {name: numbers(history, f"{name}_{measure}") for name in CURVES}
    first, last = axes.spread(epochs, 1)
    low, high = axes.spread([value for values in figures.values() for value in values], 0.05)
    x, y = Scale(first, last, left, left + FULL / 2 - 80), Scale(low, high, HEIGHT - 44, 32)
    shares = measure == "accuracy"
    across, up = axes.ticks(first, last, most=8, whole=True), axes.ticks(low, min(high, 1) if shares else high)
    parts = axes.level(x, y, across, "epoch", axes.counts)
    parts += axes.upright(x, y, y.within(up), measure, axes.percent if shares else axes.plain)
    parts += [] if best is None else [svg.line(x(best), y.start, x(best), y.stop, ACCENT, 1.5, DOTS)]
    for (name, values), colour in zip(figures.items(), (MUTED, ACCENT), strict=True):
        says = [
            f"epoch {epoch:.0f}, {CURVES[name]}: {measure} {value:.4f}"
            for epoch, value in zip(epochs, values, strict=True)
        ]
        points = [(x(epoch), y(value)) for epoch, value in zip(epochs, values, strict=True)]
        parts += curve(points, says, colour, dots=name == "val")
    return parts


def curve(points: Sequence[tuple[float, float]], says: Sequence[str], colour: str, dots: bool) -> list[str]:
    """A line through the points that are numbers; a point alone is a dot, and so is each of them if asked."""
    few = len(points) <= MANY_EPOCHS
    parts = []
    for stretch in axes.unbroken(points):
        parts.append(svg.polyline(stretch, colour, 2))
        parts += [svg.dot(*point, 3.5 if few else 2, colour) for point in stretch if dots or len(stretch) == 1]
    told = [(point, text) for point, text in zip(points, says, strict=True) if few and math.isfinite(point[1])]
    return parts + [svg.dot(*point, 7, "transparent", svg.hover(text)) for point, text in told]
