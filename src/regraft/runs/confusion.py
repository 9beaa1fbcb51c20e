"""The picture of a confusion matrix."""

from collections.abc import Sequence

import numpy as np

from regraft.runs import axes, svg
from regraft.runs.axes import Scale
from regraft.runs.svg import INK

NAMED = 60  # classes whose names are written beside the picture
TOLD = 2000  # cells that say what they are where the pointer rests on them
FULL, MARGIN = 1072, 30  # pixels: the page's width, and what the axes' labels take
LONGEST, LONGEST_TOLD = 130, 400  # pixels of a class's name, beside the picture and in what a cell says
GREEN_TO_BLUE = np.array(
    [
        [247, 252, 240], [224, 243, 219], [204, 235, 197], [168, 221, 181], [123, 204, 196],
        [78, 179, 211], [43, 140, 190], [8, 104, 172], [8, 64, 129],
    ]
)  # fmt: skip
SHADES = 50  # that a share of 0 to 1 is rounded to


def draw_confusion(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """The confusion matrix of many classes as a picture, each row scaled to its class."""
    counts, number = np.array(confusion, dtype=float), len(classes)
    many, size = number > NAMED, 10
    names = [] if many else [svg.fitted(name, LONGEST, size) for name in svg.told_apart(classes, LONGEST, size)]
    beside = max((svg.width_of(name, size) for name in names), default=24) + 10
    cell = (FULL - beside - MARGIN - 80) / number if many else min(24, (FULL - beside - MARGIN - 80) / number)
    left, top, side = MARGIN + beside, 4, cell * number
    x, y = Scale(0, number, left, left + side), Scale(0, number, top, top + side)
    places = axes.ticks(0, number - 1, most=10, whole=True) if many else range(number)
    shown = [f"{place:.0f}" for place in places] if many else names
    ticks = []
    for place, name in zip(places, shown, strict=True):
        ticks.append(svg.words(left - 6, y(place + 0.5) + 3.5, name, size, anchor="end"))
        if many:
            ticks.append(svg.words(x(place + 0.5), top + side + 15, name, size, anchor="middle"))
        else:
            ticks.append(svg.turned(x(place + 0.5) + 3.5, top + side + 6, name, -90, size))
    bottom = top + side + beside
    return svg.picture(
        left + side + 80,
        max(bottom + MARGIN, 120),  # the key takes so much
        f"Confusion matrix of {number} classes",
        svg.rectangle(left, top, side, side, colour_of(0)),
        cells(counts, classes, (left, top), cell),
        svg.line(left, top, left, top + side, INK),
        svg.line(left, top + side, left + side, top + side, INK),
        *ticks,
        svg.words(left + side / 2, bottom + 20, "predicted", anchor="middle"),
        svg.turned(16, top + side / 2, "true class", -90, 12, anchor="middle"),
        *key(left + side + 20, top),
    )


def cells(counts: np.ndarray, classes: Sequence[str], corner: tuple[float, float], cell: float) -> str:
    """The cells that are not empty, by their shade; the fullest say what they are."""
    totals = np.maximum(counts.sum(axis=1), 1)
    shares = counts / totals[:, None]
    rows, columns = np.nonzero(counts)
    order = np.argsort(-shares[rows, columns], kind="stable")
    names = [svg.fitted(name, LONGEST_TOLD, 10) for name in classes]
    told: dict[int, list[str]] = {}
    silent: dict[int, list[str]] = {}
    for place, (row, column) in enumerate(zip(rows[order].tolist(), columns[order].tolist(), strict=True)):
        share = shares[row, column]
        if place < TOLD:
            of = f"{counts[row, column]:.0f} of {totals[row]:.0f}"
            says = svg.hover(f"true: {names[row]}\npredicted: {names[column]}\n{of} ({share:.1%})")
            attributes: dict[str, svg.Value] = {"x": column, "y": row, "width": 1, "height": 1}
            told.setdefault(round(share * SHADES), []).append(svg.element("rect", attributes, says))
        else:
            silent.setdefault(round(share * SHADES), []).append(f"M{column},{row}h1v1h-1z")
    scale = f"translate({svg.as_text(corner[0])} {svg.as_text(corner[1])}) scale({cell:.4f})"
    filled = [svg.group({"fill": colour_of(shade / SHADES)}, *alike) for shade, alike in told.items()]
    paths = [
        svg.element("path", {"fill": colour_of(shade / SHADES), "d": "".join(alike)}) for shade, alike in silent.items()
    ]
    return svg.group({"transform": scale, "shape-rendering": "crispEdges"}, *paths, *filled)


def colour_of(share: float) -> str:
    """From pale green to blue."""
    stops = np.linspace(0, 1, len(GREEN_TO_BLUE))
    return "#" + "".join(f"{round(np.interp(share, stops, channel)):02x}" for channel in GREEN_TO_BLUE.T)


def key(left: float, top: float) -> list[str]:
    """What the colours mean."""
    steps = 10
    boxes = [svg.rectangle(left, top + 10 * i, 12, 10, colour_of(1 - i / steps)) for i in range(steps + 1)]
    ends = (("100%", top + 9), ("0%", top + 10 * steps + 9))
    return [*boxes, *(svg.words(left + 18, y, text, 10) for text, y in ends)]
