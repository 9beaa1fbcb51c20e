"""A chart of figures by cut, as SVG that takes its text's colour from the page."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from regraft.runs import axes, svg
from regraft.runs.axes import Scale
from regraft.runs.svg import ACCENT, INK, MUTED

WIDTH, HEIGHT, LEGEND = 720, 380, 22  # pixels
DOTS = "1.5 3"
OTHER = "#c2571a"  # told from ACCENT by colour-blind people, on white and on black
TEXT = "currentColor"


@dataclass(frozen=True)
class Line:
    """One figure at every place."""

    name: str
    values: Sequence[float]  # nan: no point
    colour: str = ACCENT
    intervals: Sequence[tuple[float, float]] = ()  # a bar at each place


def draw_by_cut(
    places: Sequence[str], lines: Sequence[Line], label: str, says: str, level: tuple[str, float] | None = None
) -> str:
    """Lines through shares at named places; ``level``: a name and a share that is drawn from side to side."""
    ends = [end for one in lines for interval in one.intervals for end in interval]
    shares = [value for one in lines for value in one.values] + ends + ([level[1]] if level else [])
    low, high = axes.spread(shares, 0.05)
    low, high = max(low, -0.02), min(high, 1.02)
    x = Scale(-0.6, len(places) - 0.4, 64, WIDTH - 8)
    xs = [x(place) for place in range(len(places))]
    names, angle = axes.names_below(xs, places)
    top = 12 + LEGEND
    y = Scale(low, high, HEIGHT - 6 - axes.room_below(names, angle), top)
    parts = axes.upright(x, y, y.within(axes.ticks(low, min(high, 1))), label, axes.percent)
    parts.append(svg.line(x.start, y.start, x.stop, y.start, INK))
    parts += [svg.line(place, y.start, place, y.start + 4, INK) for place in xs]
    parts += [axes.named(xs[i], y.start, names[i], angle) for i in axes.nameable(xs)]
    if level:
        parts.append(svg.line(x.start, y(level[1]), x.stop, y(level[1]), MUTED, 1, DOTS))
    for one in lines:
        parts += drawn(one, xs, y, places)
    samples = {one.name: svg.line(0, 0, 28, 0, one.colour, 2) + svg.dot(14, 0, 3.5, one.colour) for one in lines}
    samples |= {level[0]: svg.line(0, 0, 28, 0, MUTED, 1, DOTS)} if level else {}
    return themed(svg.picture(WIDTH, HEIGHT, says, axes.legend(samples, WIDTH / 2, 14), *parts))


def drawn(one: Line, xs: Sequence[float], y: Scale, places: Sequence[str]) -> list[str]:
    """One line with its points and bars; each point says its figure."""
    points = [(x, y(value)) for x, value in zip(xs, one.values, strict=True)]
    parts = [svg.polyline(stretch, one.colour, 2) for stretch in axes.unbroken(points) if len(stretch) > 1]
    for place, (low, high) in enumerate(one.intervals):
        x = xs[place]
        parts += [svg.line(x - 3, y(end), x + 3, y(end), one.colour, 1.5) for end in (low, high)]
        parts.append(svg.line(x, y(low), x, y(high), one.colour, 1.5))
    for place, point in enumerate(points):
        if math.isfinite(point[1]):
            says = f"{places[place]}, {one.name}: {one.values[place]:.1%}"
            if one.intervals:
                says += " (95% interval {:.1%} to {:.1%})".format(*one.intervals[place])
            parts.append(svg.dot(*point, 4, one.colour))
            parts.append(svg.dot(*point, 9, "transparent", svg.hover(says)))
    return parts


def themed(picture: str) -> str:
    """A picture whose ink is the colour of the text around it, so that it is seen on light and on dark pages."""
    return picture.replace(f'"{INK}"', f'"{TEXT}"')
