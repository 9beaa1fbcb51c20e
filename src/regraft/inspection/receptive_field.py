"""Receptive fields: the part of the image that each value of a network hangs on.

Exact on any network that can be traced, with several paths and channels of different fields; the regular case is that
of Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks" (distill.pub 2019).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from regraft.inspection.line import Line
from regraft.inspection.reach import Reach
from regraft.inspection.subject import Subject, maps_of
from regraft.network.cuts import Cut

HEIGHT, WIDTH = -2, -1
SIDES = ((WIDTH, -1), (HEIGHT, -1), (WIDTH, 1), (HEIGHT, 1))  # left, top, right, bottom


@dataclass(frozen=True)
class Axis:
    """The field along one axis were the image without end, in input pixels; channels together."""

    size: float
    stride: float  # between neighbouring positions
    start: float  # of the first position; below 0 is outside the image


@dataclass(frozen=True)
class ReceptiveField:
    """What the values at a cut see."""

    cut: Cut
    image: int  # pixels a side
    group_of: np.ndarray  # (channels,): channels of a group have the same fields
    boxes: np.ndarray  # (groups, height, width, 4) int32: left, top, right, bottom, the last two outside; clipped
    across: Axis | None  # None where positions are not evenly spaced
    down: Axis | None
    whole: tuple[str, ...]  # by what else the values see the whole image, in words; () where by nothing

    def box(self, channel: int, y: int, x: int) -> tuple[int, int, int, int]:
        """Left, top, right, bottom in input pixels (the last two outside), clipped to the image."""
        left, top, right, bottom = (int(side) for side in self.boxes[self.group_of[channel], y, x])
        return left, top, right, bottom

    @property
    def shape(self) -> tuple[int, int]:
        """Positions: height and width."""
        return self.boxes.shape[1], self.boxes.shape[2]

    def size(self, channel: int | None = None) -> tuple[int, int]:
        """The largest box of a channel (None: of any): width and height."""
        boxes = self.boxes if channel is None else self.boxes[self.group_of[channel]]
        return int((boxes[..., 2] - boxes[..., 0]).max()), int((boxes[..., 3] - boxes[..., 1]).max())

    def covers(self, channel: int) -> bool:
        """Whether a channel sees the whole image at some position, so that there is nothing to crop."""
        return min(self.size(channel)) >= self.image

    @property
    def larger(self) -> bool:
        """Whether the field is as large as the image."""
        sizes = [axis.size if axis else side for axis, side in zip((self.across, self.down), self.size(), strict=True)]
        return min(sizes) >= self.image

    def sentence(self) -> str:
        """The field in words."""
        wide, high = self.size()
        if self.across and self.down:
            wide, high = round(self.across.size), round(self.down.size)
            step = f", every {self.across.stride:g} pixels"
        else:
            step = ""
        extent = f"{wide} x {high} pixels of {self.image} x {self.image}{step}"
        if self.larger:
            extent = f"the whole image ({extent})" if (wide, high) != (self.image, self.image) else "the whole image"
        several = f"; {len(self.boxes)} groups of channels with fields of their own" if len(self.boxes) > 1 else ""
        others = " and ".join(self.whole) if not self.larger else ""
        through = f"; it also hangs on the rest of the image through {others}" if others else ""
        return f"sees {extent}{several}{through}"


def receptive_fields(subject: Subject, cuts: Sequence[Cut] | None = None) -> tuple[ReceptiveField, ...]:
    """The field at each cut (None: all with space); the network is run four times on how far each pixel sees."""
    cuts = subject.spatial_cuts if cuts is None else tuple(cuts)
    if not cuts:
        return ()
    network, size = subject.tapped(cuts), subject.preprocessing.size
    sides = []
    with torch.no_grad():
        for axis, outward in SIDES:
            *values, _ = network(reach_of_image(size, axis, outward))
            sides.append(values)
    return tuple(field_of(cut, size, [values[place] for values in sides]) for place, cut in enumerate(cuts))


def reach_of_image(size: int, axis: int, outward: int) -> Reach:
    """Each pixel of an image sees itself."""
    steps = torch.arange(1.0, size + 1)
    steps = steps if outward > 0 else steps.flip(0)
    shape = (size, 1) if axis == HEIGHT else (1, size)
    return Reach(steps.reshape(shape).expand(1, 3, size, size).contiguous(), size, Line(axis, outward))


def field_of(cut: Cut, size: int, values: Sequence[Any]) -> ReceptiveField:
    """The field at one cut, from the reach to the left, top, right and bottom."""
    reaches = [value.reach if isinstance(value, Reach) else torch.zeros_like(value) for value in values]
    left, top, right, bottom = (maps_of(reach, cut)[0].round().int().numpy() for reach in reaches)
    boxes = np.stack([size - left, size - top, right, bottom], axis=-1)
    boxes[..., 2:] = np.maximum(boxes[..., 2:], boxes[..., :2])  # where nothing is seen
    unique, group_of = grouped(boxes)
    lines = [value.line if isinstance(value, Reach) else None for value in values]
    across, down = (axis_of(lines[side], lines[side + 2], unique, side, size) for side in (0, 1))
    whole = frozenset[str]().union(*(value.whole for value in values if isinstance(value, Reach)))
    return ReceptiveField(cut, size, group_of, unique, across, down, tuple(sorted(whole)))


def grouped(boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Channels with the same boxes together: the different ones, in order, and which of them each channel has."""
    places: dict[bytes, int] = {}
    group_of = np.array([places.setdefault(one.tobytes(), len(places)) for one in boxes])
    firsts = [int(np.argmax(group_of == group)) for group in range(len(places))]
    return np.ascontiguousarray(boxes[firsts]), group_of


def axis_of(low: Line | None, high: Line | None, boxes: np.ndarray, side: int, size: int) -> Axis | None:
    """The regular field along one axis, where the boxes bear it out: they never reach beyond it, and one fills it."""
    if low is None or high is None or low.stride != high.stride:
        return None
    count = boxes.shape[2 - side]
    steps = np.arange(count) * low.stride
    starts, ends = low.at_first + steps, high.at_first + steps + 1
    others = tuple(axis for axis in range(3) if axis != 2 - side)
    seen = boxes[..., side].min(others), boxes[..., side + 2].max(others)
    inside = np.clip(starts, 0, size), np.clip(ends, 0, size)
    if (seen[0] < inside[0]).any() or (seen[1] > inside[1]).any():
        return None
    if not ((seen[0] == inside[0]) & (seen[1] == inside[1])).any():
        return None
    return Axis(float(ends[0] - starts[0]), float(low.stride), float(starts[0]))
