"""The four cases as one picture: what each does to the network, where the data lies, and what was run."""

from collections.abc import Mapping, Sequence
from typing import Any

from regraft.planning.cases import CASES, Case
from regraft.planning.pieces import HEAD, STATES, surgery
from regraft.runs import axes, svg
from regraft.runs.axes import Box, Halves
from regraft.runs.network_row import COLOURS, draw_row, mark, room_for_names
from regraft.runs.quadrant import your_data
from regraft.runs.ran import Ran
from regraft.runs.svg import ACCENT, FILL, INK, MUTED, PALE, PAPER

WIDE, NARROW = 1072, 372  # pixels: beside each other, and one below the other as on a telephone
LEFT, BOTTOM = 64, 46  # pixels that the axes take
TALL, SHORT, MAP = 192, 150, 150  # pixels of a panel in each, and of the map above the narrow one's panels
ROW, HALF, BELOW = 54, 24, 28  # pixels of a network, of one of two in a panel, and of the words below it
TITLE, LINE, AIR = 14, 15, 12  # pixels of a case's name and of a line, and about what stands in a panel
ELSE = 40  # pixels for a word before each of two networks

Strides = Sequence[tuple[str, int]]  # every cut's name and stride


def network_in(plan: Mapping[str, Any]) -> Strides:
    """The network that a plan is for."""
    return [(point["cut"], point["stride"]) for point in plan["similarity"]["profile"]]


def draw_cases(network: Strides, early_cut: str, plan: Mapping[str, Any] | None = None, ran: Ran | None = None) -> str:
    """The rule's panels in the quadrants of size (to the right) and similarity (upwards), about as wide as a page.

    ``early_cut``: where the early layers end. ``plan``: its case is framed, and its data's point is shown with the
    interval of its similarity. ``ran``: what was done, in a panel of its own.
    """
    area = Box(LEFT, 8, WIDE - 16, 8 + 2 * TALL)
    x, y = scales(plan, area)
    across, down = {"small": x.start, "large": x.middle}, {"similar": y.stop, "different": y.middle}
    taken, data = your_data(plan, x, y) if plan else ([], [])
    parts = []
    for case in CASES:
        left, top = across[case.size], down[case.similarity]
        box = Box(left + 2, top + 2, left + area.width / 2 - 2, top + TALL - 2)
        parts += panel(case, box, network, early_cut, plan, taken)
    parts += [*(measured(plan, x, y) if plan else named(x, y)), *data]
    return finished(WIDE, area.bottom + (BOTTOM if plan else 24), parts, network, plan, ran)


def draw_cases_narrow(network: Strides, early_cut: str, plan: Mapping[str, Any], ran: Ran | None = None) -> str:
    """The same for a telephone: a map of the four with the data's point, and the panels below it."""
    area = Box(LEFT, 8, NARROW - 12, 8 + MAP)
    x, y = scales(plan, area)
    parts = []
    for case in CASES:
        left, top = {"small": x.start, "large": x.middle}[case.size], {"similar": y.stop}.get(case.similarity, y.middle)
        box, chosen = Box(left + 1, top + 1, left + area.width / 2 - 1, top + MAP / 2 - 1), case.name == plan["case"]
        parts.append(ground(case, box, chosen))
        for place, row in enumerate(svg.wrapped(case.title, box.width - 8, 11)):
            parts.append(svg.words(box.left + 6, box.bottom - 22 + 14 * place, row, 11, ACCENT if chosen else MUTED))
    parts += [*measured(plan, x, y), *your_data(plan, x, y)[1]]
    top = area.bottom + BOTTOM + 6
    for case in CASES:
        parts += panel(case, Box(3, top, NARROW - 3, top + SHORT), network, early_cut, plan)
        top += SHORT + 6
    return finished(NARROW, top, parts, network, plan, ran)


def scales(plan: Mapping[str, Any] | None, area: Box) -> tuple[Halves, Halves]:
    """Size to the right by logarithms, similarity upwards, each with its line in the middle."""
    images, threshold, border = (
        (plan["size"]["images"], plan["size"]["threshold"], plan["similarity"]["threshold"])
        if (plan)
        else (1, 20_000, 0.5)
    )
    threshold = max(threshold, 1)
    low, high = min(100, max(images, 1) / 3, threshold / 10), max(1_000_000, images * 3, threshold * 10)
    x = Halves.about(threshold, low, high, area.left, area.right, powers=True)
    return x, Halves.about(border, 0, 1, area.bottom, area.top)


def measured(plan: Mapping[str, Any], x: Halves, y: Halves) -> list[str]:
    """The axes with the two lines' values among their ticks."""
    threshold, border = max(plan["size"]["threshold"], 1), plan["similarity"]["threshold"]
    powers = axes.powers_of_ten(x.below.low, x.above.high)
    sizes = [value for value in powers if abs(x(value) - x.middle) > 60] + [threshold]  # noqa: PLR2004 - a label's width
    scores = [value for value in axes.ticks(0, 1) if abs(y(value) - y.middle) > LINE] + [border]
    return [
        *axes.level(x, y, sorted(sizes), "training images", axes.counts),
        *axes.upright(x, y, sorted(scores), "similarity to the source data", axes.plain),
    ]


def named(x: Halves, y: Halves) -> list[str]:
    """What the quadrants mean where there is no data."""
    sides = ((x.start, "few images"), (x.middle, "many images"))
    ends = ((y.start, "unlike the source data"), (y.middle, "like the source data"))
    return [
        *(svg.words(start + (x.middle - x.start) / 2, y.start + 18, text, 13, INK, "middle") for start, text in sides),
        *(
            svg.turned(x.start - 12, start + (y.middle - y.start) / 2, text, -90, 13, INK, "middle")
            for start, text in ends
        ),
    ]


def ground(case: Case, box: Box, chosen: bool) -> str:
    """A panel's area, framed where it is the data's."""
    frame: dict[str, svg.Value] = {"stroke": ACCENT, "stroke-width": 2.5} if chosen else {}
    says = svg.hover(f"{case.title}: {case.rule}")
    return svg.rectangle(
        box.left, box.top, box.width, box.height, FILL if chosen else PALE, says, more={"rx": 5} | frame
    )


def panel(
    case: Case,
    box: Box,
    network: Strides,
    early_cut: str,
    plan: Mapping[str, Any] | None,
    taken: Sequence[Box] = (),
) -> list[str]:
    """A case with what its rule does to the network, where the least of ``taken`` is hidden."""
    chosen = plan is not None and case.name == plan["case"]
    rows = svg.wrapped(case.rule, box.width - 2 * AIR, 12)
    high = TITLE + 4 + LINE * len(rows) + 8 + ROW + BELOW
    tops = [box.top + AIR / 2 + (box.height - AIR - high) * share for share in (0.5, 1, 0)]
    top = tops[axes.clearest([Box(box.left, place, box.right, place + high) for place in tops], taken)]
    left, right, colour = box.left + AIR, box.right - AIR, ACCENT if chosen else INK
    title = f"{case.title[0].upper()}{case.title[1:]}{': your data' if chosen else ''}"
    halo = FILL if chosen else PALE
    parts = [ground(case, box, chosen)]
    parts.append(svg.haloed(left, top + TITLE, title, TITLE, halo, more={"font-weight": "bold", "fill": colour}))
    for place, row in enumerate(rows):
        parts.append(svg.haloed(left, top + TITLE + 4 + LINE * (place + 0.8), row, 12, halo))
    below = top + high - BELOW
    if case.otherwise:
        second = Box(left + ELSE, below - HALF, right, below)
        first = Box(left + ELSE, below - ROW, right, below - ROW + HALF)
        for word, strategy, room in (("first", case.strategy, first), ("else", case.otherwise, second)):
            parts.append(svg.words(left, (room.top + room.bottom) / 2 + 4, word, 11, MUTED))
            parts += draw_row(surgery(network, strategy), room, words=room is second)
        return parts
    cuts = [early_cut] if case.strategy == "early-layers" else ()
    return [*parts, *draw_row(surgery(network, case.strategy, cuts), Box(left, below - ROW, right, below))]


def finished(
    width: float, top: float, parts: Sequence[str], network: Strides, plan: Mapping[str, Any] | None, ran: Ran | None
) -> str:
    """The picture with what was run below its panels, and the legend."""
    below: list[str] = []
    if ran:
        below, top = fifth(ran, network, width, top)
    key, high = legend(width, top + 16)
    says = ". ".join(f"{case.title}: {case.rule}" for case in CASES)
    says = f"What the rule does to a network in each of the four cases. {says}."
    if plan:
        says += f" The data's case: {plan['case'].replace('-', ' and ')}."
    says += f" {ran.title}: {ran.in_words}." if ran else ""
    ground = [] if plan else [svg.rectangle(0, 0, width, high, PAPER, more={"rx": 8})]
    return svg.picture(width, high, says, *ground, *parts, *below, *key)


def fifth(ran: Ran, network: Strides, width: float, top: float) -> tuple[list[str], float]:
    """The panel of what was run, with every layer's name, and where it ends."""
    pieces = surgery(network, ran.strategy, ran.cuts, ran.unfreeze_from)
    rows = svg.wrapped(f"{ran.title}: {ran.in_words}.", width - 2 * AIR - 6, TITLE)
    joined = ran.cuts[:-1] if len(ran.cuts) > 1 else ()
    start = top + 8 + LINE * 1.2 * len(rows) + (40 if joined else 14)
    box = Box(3 + AIR, start, width - 3 - AIR, start + ROW)
    end = box.bottom + room_for_names(pieces, box) + 8
    look: dict[str, svg.Value] = {"stroke": ACCENT, "stroke-width": 1.5, "rx": 5}
    parts = [svg.rectangle(3, top, width - 6, end - top, "none", more=look)]
    for place, row in enumerate(rows):
        bold: dict[str, svg.Value] = {"font-weight": "bold"}
        parts.append(svg.words(3 + AIR, top + 8 + LINE * 1.2 * (place + 0.8), row, TITLE, INK, more=bold))
    return [*parts, *draw_row(pieces, box, joined, named=True)], end


def legend(width: float, top: float) -> tuple[list[str], float]:
    """What the colours mean, in as many rows as it takes, and where they end."""
    parts, left = [], float(AIR)
    for state in STATES:
        name = f"{state}, trained" if state == HEAD else state
        wide = 36 + svg.width_of(name, axes.SIZE) + 18
        if left + wide > width and left > AIR:
            left, top = float(AIR), top + 20
        outline: dict[str, svg.Value] = (
            {"stroke": MUTED, "stroke-dasharray": "3 2"} if state == STATES[-1] else {"stroke": INK}
        )
        sample = svg.rectangle(0, -8, 28, 16, COLOURS[state], more=outline) + mark(state, 14, 0)
        words = svg.words(36, 4, name, axes.SIZE)
        parts.append(svg.group({"transform": f"translate({left:.2f} {top:.2f})"}, sample, words))
        left += wide
    return parts, top + 16
