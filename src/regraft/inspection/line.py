"""Where a receptive field's edge lies, by the position in the map: a straight line while layers are evenly spaced."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Line:
    """Edge in input pixels = ``at_first`` + ``stride`` * position, were the image without end.

    The rule is that of Araujo, Norris and Sim, "Computing receptive fields of convolutional neural networks"
    (distill.pub 2019): padding shifts, strides multiply, the edge of several paths is the outermost.
    """

    axis: int  # of a map: -2 is height, -1 width
    outward: int  # -1 is the left or top edge, 1 the right or bottom one
    at_first: float = 0
    stride: float = 1

    def through(self, kernel: Sequence[int], stride: Sequence[int], pad: Sequence[int], gap: Sequence[int]) -> "Line":
        """After a window of ``kernel`` values ``gap`` apart, for height and width."""
        reach = (kernel[self.axis] - 1) * gap[self.axis] if self.outward > 0 else 0
        shift = self.stride * (reach - pad[self.axis])
        return replace(self, at_first=self.at_first + shift, stride=self.stride * stride[self.axis])

    def padded(self, pad: Sequence[int]) -> "Line | None":
        """After padding, in torch's order: width before and after, then height."""
        before = pad[::2]
        place = -self.axis - 1
        return replace(self, at_first=self.at_first - self.stride * (before[place] if place < len(before) else 0))

    def sliced(self, axis: int, start: int, step: int) -> "Line":
        """Some of the positions of one axis, which is counted from the last."""
        if axis != self.axis:
            return self
        return replace(self, at_first=self.at_first + self.stride * start, stride=self.stride * step)

    @staticmethod
    def union(lines: Collection["Line"]) -> "Line | None":
        """The outermost of several; None where their positions are not equally far apart."""
        if len({line.stride for line in lines}) != 1:
            return None
        return max(lines, key=lambda line: line.at_first * line.outward)
