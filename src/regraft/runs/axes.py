"""Scales, ticks, and where a label is least in the way."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

from regraft.runs.svg import INK, fitted, group, line, told_apart, turned, width_of, words

SIZE = 11  # of the ticks' labels, in pixels
STEPS = (1, 2, 2.5, 5, 10)  # between ticks, times a power of ten
SLANT = 45  # degrees of names that do not fit side by side
LARGE = 100_000  # a number too long to be written beside an axis
LONGEST, APART = 110, 17  # pixels of such a name, and from one to the next


class Axis(Protocol):
    """Whatever gives every value its pixel."""

    @property
    def start(self) -> float:
        """The first pixel."""

    @property
    def stop(self) -> float:
        """The last pixel."""

    def __call__(self, value: float) -> float:
        """The pixel of a value."""


@dataclass(frozen=True)
class Scale:
    """From values to pixels."""

    low: float  # the value at ``start``
    high: float  # the value at ``stop``
    start: float  # pixels
    stop: float  # pixels
    logarithmic: bool = False

    def __call__(self, value: float) -> float:
        """The pixel of a value; what lies beyond an end is put at the end, what is no number stays none."""
        if math.isnan(value):
            return value
        value = min(max(value, self.low), self.high)
        low, high = self.low, self.high
        if self.logarithmic:
            value, low, high = math.log(value), math.log(low), math.log(high)
        return self.start + (self.stop - self.start) * (value - low) / (high - low)

    def within(self, values: Iterable[float]) -> list[float]:
        """The values that lie between the ends."""
        slack = 0 if self.logarithmic else 1e-9 * (self.high - self.low)
        return [value for value in values if self.low - slack <= value <= self.high + slack]


@dataclass(frozen=True)
class Halves:
    """A scale whose first half is for the values below a line, and whose second is for those above it."""

    below: Scale
    above: Scale

    @classmethod
    def about(cls, border: float, low: float, high: float, start: float, stop: float, powers: bool = False) -> "Halves":
        """From low to high with the border in the middle of it; ``powers``: by logarithms."""
        middle = (start + stop) / 2
        return cls(Scale(low, border, start, middle, powers), Scale(border, high, middle, stop, powers))

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        if value == self.below.high:  # one half is empty where the line is an end
            return self.middle
        return (self.below if value < self.below.high else self.above)(value)

    @property
    def start(self) -> float:
        """The first pixel."""
        return self.below.start

    @property
    def middle(self) -> float:
        """The pixel of the border."""
        return self.below.stop

    @property
    def stop(self) -> float:
        """The last pixel."""
        return self.above.stop


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels."""

    left: float
    top: float
    right: float
    bottom: float

    @classmethod
    def between(cls, across: tuple[float, float], down: tuple[float, float]) -> "Box":
        """The box from the left to the right and from the top to the bottom."""
        return cls(across[0], down[0], across[1], down[1])

    def shared(self, other: "Box") -> float:
        """How much of the other it covers, in square pixels."""
        across = min(self.right, other.right) - max(self.left, other.left)
        down = min(self.bottom, other.bottom) - max(self.top, other.top)
        return max(0, across) * max(0, down)

    @property
    def width(self) -> float:
        """In pixels."""
        return self.right - self.left

    @property
    def height(self) -> float:
        """In pixels."""
        return self.bottom - self.top


def around(x: float, y: float, radius: float) -> Box:
    """The box about a point."""
    return Box(x - radius, y - radius, x + radius, y + radius)


def clearest(candidates: Sequence[Box], taken: Sequence[Box], less: Sequence[Box] = ()) -> int:
    """The place of the candidate that covers least; what is in ``less`` counts far less."""

    def covered(box: Box) -> float:
        return 25 * sum(map(box.shared, taken)) + sum(map(box.shared, less))

    return min(range(len(candidates)), key=lambda place: (round(covered(candidates[place]), 3), place))


def along(points: Sequence[tuple[float, float]], radius: float) -> list[Box]:
    """Boxes that follow the line through points."""
    boxes = [around(x, y, radius) for x, y in points[:1]]
    for (x1, y1), (x2, y2) in pairwise(points):
        pieces = max(1, math.ceil(math.hypot(x2 - x1, y2 - y1) / (2 * radius)))
        boxes += [
            around(x1 + (x2 - x1) * i / pieces, y1 + (y2 - y1) * i / pieces, radius) for i in range(1, pieces + 1)
        ]
    return boxes


def spread(values: Iterable[float], least: float) -> tuple[float, float]:
    """A range that holds the values with some air, at least so wide; 0 to 1 where there are none."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite:
        return 0, 1
    low, high = min(finite), max(finite)
    least = max(least, 1e-3 * abs(low), 1e-3 * abs(high))
    air = max(0.06 * (high - low), (least - (high - low)) / 2)
    return low - air, high + air


def ticks(low: float, high: float, most: int = 6, whole: bool = False) -> list[float]:
    """Round values from low to high, at most about so many."""
    rough = max((high - low) / most, 1 if whole else 0)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * step for step in STEPS if power * step >= rough * 0.999 and not (whole and step * power % 1))
    first, last = math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def powers_of_ten(low: float, high: float, most: int = 6) -> list[float]:
    """The powers of ten from low to high, some left out where there are many."""
    first, last = math.ceil(math.log10(low) - 1e-9), math.floor(math.log10(high) + 1e-9)
    return [10.0**power for power in range(first, last + 1, max(1, math.ceil((last - first + 1) / most)))]


def between_powers(low: float, high: float) -> list[float]:
    """Twice to nine times every power of ten, from low to high."""
    first, last = math.floor(math.log10(low)), math.floor(math.log10(high))
    values = [i * 10.0**power for power in range(first, last + 1) for i in range(2, 10)]
    return [value for value in values if low <= value <= high]


def percent(values: Sequence[float]) -> list[str]:
    """Shares as percentages, all with as many decimals as the one that needs most."""
    decimals = max((len(f"{100 * value:.8f}".rstrip("0").partition(".")[2]) for value in values), default=0)
    return [f"{value:.{decimals}%}" for value in values]


def plain(values: Sequence[float]) -> list[str]:
    """Numbers, all with as many decimals as the one that needs most; the largest in short."""
    if max(map(abs, values), default=0) >= LARGE:
        return [f"{value:.3g}" for value in values]
    decimals = max((len(f"{value:.10f}".rstrip("0").partition(".")[2]) for value in values), default=0)
    return [f"{value:,.{decimals}f}" for value in values]


def counts(values: Sequence[float]) -> list[str]:
    """Whole numbers, millions by their letter."""
    million = 1e6
    return [f"{value / million:,.0f}M" if value >= million else f"{value:,.10g}" for value in values]


def upright(
    x: Axis, y: Axis, values: Sequence[float], label: str, written: Callable[[Sequence[float]], list[str]]
) -> list[str]:
    """The axis on the left with its ticks."""
    parts = [line(x.start, y.start, x.start, y.stop, INK)]
    for value, name in zip(values, written(values), strict=True):
        parts.append(line(x.start - 4, y(value), x.start, y(value), INK))
        parts.append(words(x.start - 7, y(value) + 4, name, SIZE, anchor="end"))
    middle = (y.start + y.stop) / 2
    return [*parts, turned(x.start - 50, middle, label, -90, SIZE + 1, anchor="middle")]


def level(
    x: Axis, y: Axis, values: Sequence[float], label: str, written: Callable[[Sequence[float]], list[str]]
) -> list[str]:
    """The axis at the bottom with its ticks."""
    parts = [line(x.start, y.start, x.stop, y.start, INK)]
    for value, name in zip(values, written(values), strict=True):
        parts.append(line(x(value), y.start, x(value), y.start + 4, INK))
        parts.append(words(x(value), y.start + 17, name, SIZE, anchor="middle"))
    return [*parts, words((x.start + x.stop) / 2, y.start + 36, label, SIZE + 1, anchor="middle")]


def names_below(places: Sequence[float], names: Sequence[str], size: float = SIZE) -> tuple[list[str], float]:
    """The names as they fit below evenly spaced places, and the degrees to turn them by.

    They are cut where they would reach beyond the picture's left edge.
    """
    apart = places[1] - places[0] if len(places) > 1 else LONGEST
    if max(width_of(name, size) for name in names) < apart - 6:
        return list(names), 0
    reaches = [min(LONGEST, (place - 4) / math.cos(math.radians(SLANT))) for place in places]
    return [
        fitted(name, reach, size) for name, reach in zip(told_apart(names, LONGEST, size), reaches, strict=True)
    ], -SLANT


def room_below(names: Sequence[str], angle: float, size: float = SIZE) -> float:
    """The pixels that names turned by an angle take from the axis down."""
    longest = max(width_of(name, size) for name in names)
    return 14 + size * 0.8 + longest * math.sin(math.radians(-angle))


def named(place: float, top: float, name: str, angle: float, colour: str = INK, size: float = SIZE) -> str:
    """A name below a place on an axis."""
    if angle:
        return turned(place + 4, top + 14, name, angle, size, colour)
    return words(place, top + 17, name, size, colour, "middle")


def nameable(places: Sequence[float], apart: float = APART) -> range:
    """Which of evenly spaced places can be named, the last one always: all of them unless they are many."""
    step = math.ceil(apart / (places[1] - places[0])) if len(places) > 1 else 1
    return range((len(places) - 1) % step, len(places), step)


def unbroken(points: Sequence[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """The points in stretches, broken where a height is not a number."""
    stretches: list[list[tuple[float, float]]] = [[]]
    for x, y in points:
        if math.isfinite(y):
            stretches[-1].append((x, y))
        else:
            stretches.append([])
    return [stretch for stretch in stretches if stretch]


def legend(samples: Mapping[str, str], middle: float, top: float) -> str:
    """What each sample means, in a row; samples are drawn about (0, 0) and 28 pixels wide."""
    widths = [36 + width_of(name, SIZE) + 24 for name in samples]
    lefts = [middle - sum(widths) / 2 + sum(widths[:i]) for i in range(len(widths))]
    return "".join(
        group({"transform": f"translate({left:.2f} {top:.2f})"}, sample, words(36, 4, name, SIZE))
        for left, (name, sample) in zip(lefts, samples.items(), strict=True)
    )
