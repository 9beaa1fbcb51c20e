"""How deep numbers, several bands and transparency become an 8-bit RGB image: one way for a whole set of images."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from regraft.strict_json import Malformed, build

DEEP_MODES = {
    **dict.fromkeys(("I;16", "I;16B", "I;16L", "I;16N"), "16-bit grey"),
    "I": "32-bit grey",
    "F": "float grey",
}  # Pillow's modes of more than 8 bits -> what such images are called
USUAL = {"16-bit grey": 65535.0, "16-bit colour": 65535.0}  # the range that holds where none was measured
FOUR_BANDS = "red, green, blue and a fourth band"  # of which the file does not say that it is transparency
TRANSPARENT = "transparent"  # what an image is called some of which may be
EXACT_BITS = 16  # that a float of 32 bits holds, and some more
LEVELS = 256
AT_ONCE = 1 << 22  # numbers that are worked on


@dataclass(frozen=True)
class Range:
    """The values that become 0 and 255, for the images of one kind (their bits, grey or colour)."""

    kind: str
    low: float
    high: float

    @property
    def usual(self) -> bool:
        """Whether the images look as they do where no range was measured."""
        return (self.low, self.high) == (0.0, USUAL.get(self.kind))

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Numbers -> uint8 of the same shape; what lies outside the range becomes 0 or 255."""
        if values.size > AT_ONCE and len(values) > 1:  # by halves: what is made on the way is several times larger
            half = len(values) // 2
            return np.concatenate([self.apply(values[:half]), self.apply(values[half:])])
        exact = values.dtype.itemsize * 8 > EXACT_BITS and values.dtype != np.float32
        numbers: np.ndarray = values.astype(np.float64 if exact else np.float32)
        scaled = (numbers - self.low) * (255 / (self.high - self.low))
        return np.asarray(scaled.round().clip(0, 255).astype(np.uint8))

    def in_words(self) -> str:
        """A line for people."""
        return f"Pixel values {self.low:,.6g} to {self.high:,.6g} ({self.kind}) become 0 to 255"


@dataclass(frozen=True)
class Rendering:
    """How all images of a set become 8-bit RGB. The default is how each is read where nothing is known of its set."""

    ranges: tuple[Range, ...] = ()  # one for each kind of deep image
    bands: tuple[int, ...] = ()  # numbers, from 1, of those that are taken for red, green and blue, or for grey
    three_of_four: bool = False  # a fourth band is transparency only where the file says so
    background: str = "white"  # or black: what lies behind transparency

    def range_of(self, kind: str) -> Range | None:
        """The range for images of one kind, where it is not the usual one."""
        return next((one for one in self.ranges if one.kind == kind and not one.usual), None)

    def knows(self, kind: str) -> bool:
        """Whether images of that kind were seen when the set was measured."""
        return self.three_of_four if kind == FOUR_BANDS else any(one.kind == kind for one in self.ranges)

    @property
    def key(self) -> tuple[str, ...]:
        """What tells its images from those that the default gives; nothing where they are the same."""
        parts = [f"{one.kind} {one.low!r} {one.high!r}" for one in self.ranges if not one.usual]
        parts += [f"bands {self.bands}"] if self.bands else []
        parts += ["three of four"] if self.three_of_four else []
        return (*parts, *([f"on {self.background}"] if self.background != "white" else []))

    def in_words(self) -> Iterator[str]:
        """A line each for what is out of the ordinary."""
        yield from (one.in_words() for one in self.ranges)
        if self.bands:
            yield f"Bands {', '.join(map(str, self.bands))} are shown"
        elif self.three_of_four:
            yield f"Of {FOUR_BANDS} the first three are shown; --bands names others"

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


PLAIN = Rendering()


def from_dict(values: dict[str, Any] | None) -> Rendering:
    """What ``Rendering.as_dict`` gave, through JSON or not; the default for nothing. Malformed for anything else."""
    if not values:
        return PLAIN
    read = build(Rendering, values, "rendering")
    plausible = (
        all(one.low < one.high for one in read.ranges)
        and len(read.bands) in {0, 1, 3}
        and min(read.bands, default=1) > 0
        and read.background in {"white", "black"}
    )
    if not plausible:
        raise Malformed(f"the rendering cannot be: {values}"[:200])
    return read


@dataclass(frozen=True)
class Depth:
    """What an image of more than 8 bits, or of more bands, has and what is left of it."""

    kind: str
    low: float  # its least value
    high: float  # its largest
    values: int  # how many different ones, up to LEVELS or more
    levels: int  # how many of the 256 grey levels its image has
    known: bool  # whether the rendering knows such images


def depth_of(kind: str, values: np.ndarray, image: np.ndarray, known: bool) -> Depth:
    """Of the numbers ``values`` and the 8-bit ``image`` that they became, of any shape."""
    some = values.reshape(-1)[:: max(1, values.size // LEVELS**2)]
    flat = image.reshape(-1)  # part by part, since NumPy counts in numbers of 64 bits
    counts = [np.bincount(flat[at : at + AT_ONCE], minlength=LEVELS) for at in range(0, flat.size, AT_ONCE)]
    levels = int(np.count_nonzero(np.sum(counts, axis=0)))
    return Depth(kind, float(values.min()), float(values.max()), len(np.unique(some)), levels, known)
