"""The picture of the four cases, with the data's place among them."""

from collections.abc import Mapping, Sequence
from typing import Any

from regraft.planning.cases import CASES, Case
from regraft.runs import axes, svg
from regraft.runs.axes import Axis, Box, Scale
from regraft.runs.svg import ACCENT, FILL, INK, MUTED, PALE, PAPER
from regraft.similarity.score import Reference

WIDTH, HEIGHT = 540, 370  # pixels
LINE = 17  # pixels from one line of text to the next


def draw_quadrant(plan: Mapping[str, Any], references: Sequence[Reference] = ()) -> str:
    """The four cases with the data's place: size to the right on a logarithmic scale, similarity upwards.

    The bar is the score's interval; triangles are the reference sets, upright where they are known to be similar.
    """
    images, threshold = plan["size"]["images"], max(plan["size"]["threshold"], 1)
    low, high = min(100, max(images, 1) / 3, threshold / 10), max(1_000_000, images * 3, threshold * 10)
    x, y = Scale(low, high, 64, WIDTH - 14, logarithmic=True), Scale(0, 1, HEIGHT - 46, 12)
    border, line = x(threshold), y(plan["similarity"]["threshold"])
    across = {"small": (x.start, border), "large": (border, x.stop)}
    down = {"similar": (y.stop, line), "different": (line, y.start)}
    areas = [Box.between(across[case.size], down[case.similarity]) for case in CASES]
    taken, data = your_data(plan, x, y)
    places = [(x(known.images), y(known.score)) for known in references]
    marks = [axes.around(*place, 4) for place in places]
    return svg.picture(
        WIDTH,
        HEIGHT,
        f"{images:,} training images of similarity {plan['similarity']['score']:.2f}: {plan['case']}",
        *(ground(case, box, case.name == plan["case"]) for case, box in zip(CASES, areas, strict=True)),
        svg.line(x.start, line, x.stop, line, MUTED, 0.8),
        svg.line(border, y.start, border, y.stop, MUTED, 0.8),
        svg.group({"fill": MUTED, "fill-opacity": 0.6}, *map(triangle, references, places)),
        *axes.level(x, y, axes.powers_of_ten(low, high), "training images", axes.counts),
        *(svg.line(x(value), y.start, x(value), y.start + 2, INK, 0.6) for value in axes.between_powers(low, high)),
        *axes.upright(x, y, axes.ticks(0, 1), "similarity to the source data", axes.plain),
        *(label(case, box, case.name == plan["case"], taken, marks) for case, box in zip(CASES, areas, strict=True)),
        *data,
    )


def ground(case: Case, box: Box, chosen: bool) -> str:
    """The area of a case."""
    says = svg.hover(f"{case.title}: {case.rule}")
    return svg.rectangle(box.left, box.top, box.width, box.height, FILL if chosen else PALE, says)


def label(case: Case, box: Box, chosen: bool, taken: Sequence[Box], marks: Sequence[Box]) -> str:
    """A case's title and rule, as much of them as there is room for, where they hide least."""
    room = box.width - 10
    title = [(row, 14) for row in svg.wrapped(case.title, room, 14)]
    rule = [(row, 11) for row in svg.wrapped(case.rule, room, 11)]
    for rows in ([*title, *rule], title, []):
        widest, high = max((svg.width_of(*row) for row in rows), default=0), LINE * len(rows)
        if widest <= room and high <= box.height - 2:
            break
    boxes = [
        Box(left, top, left + widest, top + high)
        for top in (box.top + (box.height - high) * share for share in (0.5, 0.3, 0.7, 0.1, 0.9))
        for left in (box.left + (box.width - widest) * share for share in (0.5, 0.25, 0.75))
    ]
    near = [mark for mark in marks if box.shared(mark)]
    place, halo = boxes[axes.clearest(boxes, taken, near)], FILL if chosen else PALE
    middle, baseline = (place.left + place.right) / 2, place.top + 13
    heading: dict[str, svg.Value] = {"fill": ACCENT, "font-weight": "bold"} if chosen else {"fill": MUTED}
    lines = [
        svg.haloed(
            middle, baseline + LINE * i, row, size, halo, "middle", heading if i < len(title) else {"fill": MUTED}
        )
        for i, (row, size) in enumerate(rows)
    ]
    return svg.group({}, *lines) if lines else ""


def your_data(plan: Mapping[str, Any], x: Axis, y: Axis) -> tuple[list[Box], list[str]]:
    """The data's point with its interval and name: what they cover, and how they are drawn."""
    images, score, name = plan["size"]["images"], plan["similarity"]["score"], "your data"
    left, top = x(images), y(score)
    low, high = (y(end) for end in plan["similarity"]["interval"])
    wide = svg.width_of(name, 12)
    side = 1 if left + 13 + wide < x.stop else -1
    start, end = sorted((left + 13 * side, left + (13 + wide) * side))
    lines = [
        Box(x.start, height - 1, x.stop, height + 1) for height in (y.start, y.stop, y(plan["similarity"]["threshold"]))
    ]
    names = [Box(start, middle - 7, end, middle + 7) for middle in (top, top - 9, top + 9)]
    place = names[axes.clearest(names, lines)]
    says = svg.hover(f"your data: {images:,} training images, similarity {score:.2f}")
    return [place, axes.around(left, top, 8), Box(left - 3, high, left + 3, low)], [
        svg.line(left, low, left, high, ACCENT, 2.5),
        svg.dot(left, top, 7, ACCENT, says),
        svg.haloed(left + 13 * side, place.bottom - 3, name, 12, PAPER, "start" if side > 0 else "end"),
    ]


def triangle(known: Reference, place: tuple[float, float]) -> str:
    """The mark of a reference set."""
    (x, y), tip = place, -4 if known.similar else 4
    corners = " ".join(
        f"{svg.as_text(a)},{svg.as_text(b)}" for a, b in ((x, y + tip), (x - 4, y - tip), (x + 4, y - tip))
    )
    return svg.element("polygon", {"points": corners}, svg.hover(f"{known.name}: {known.score:.2f}"))
