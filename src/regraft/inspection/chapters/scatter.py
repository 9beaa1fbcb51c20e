"""Points of classes on a map, as SVG: thumbnails appear under the pointer, without a script."""

import base64
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from regraft.runs import svg
from regraft.runs.axes import Scale
from regraft.runs.line_chart import TEXT

# Okabe and Ito's, told apart by colour-blind people; without black and yellow, lost on dark pages or on light ones.
COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
# Outlines in units of the radius; "" is a disc.
SHAPES = ("", "M-.9-.9H.9V.9H-.9Z", "M0-1.2 1.1.8H-1.1Z", "M0-1.3 1 0 0 1.3-1 0Z", "M0 1.2-1.1-.8H1.1Z",
          "M-1.2-.4H-.4V-1.2H.4V-.4H1.2V.4H.4V1.2H-.4V.4H-1.2Z")  # fmt: skip
REST, REST_NAME = "#8a8a8a", "other classes"
SIDE, EDGE, RADIUS, SHOWN = 640, 12, 3.6, 72  # pixels: the map, around it, a point, a thumbnail
ROW, COLUMN = 20, 160  # pixels of an entry of the legend
QUALITY = 70  # of JPEG


@dataclass(frozen=True)
class Mark:
    """How a class is drawn."""

    colour: str
    shape: str

    def at(self, x: float, y: float, radius: float, *inside: str, more: Mapping[str, svg.Value] = svg.NOTHING) -> str:
        """One point."""
        if not self.shape:
            return svg.element("circle", {"cx": x, "cy": y, "r": radius, "fill": self.colour, **more}, *inside)
        place = f"translate({svg.as_text(x)} {svg.as_text(y)}) scale({svg.as_text(radius)})"
        return svg.element("path", {"d": self.shape, "transform": place, "fill": self.colour, **more}, *inside)


def marks_of(labels: np.ndarray, classes: Sequence[str]) -> dict[int, Mark]:
    """A mark for each class that there is: a colour, and from the seventh on another shape; the rarest share one."""
    every = [Mark(colour, shape) for shape in SHAPES for colour in COLOURS]
    counts = Counter(labels.tolist())
    there = sorted(counts, key=lambda label: (-counts[label], label))
    own = there if len(there) <= len(every) else there[: len(every) - 1]
    marks = dict(zip(sorted(own), every, strict=False))
    return {label: marks.get(label, Mark(REST, "")) for label in range(len(classes)) if label in counts}


def draw_map(
    key: str,
    points: np.ndarray,
    labels: np.ndarray,
    classes: Sequence[str],
    names: Sequence[str],
    thumbnails: Mapping[int, Image.Image],
    says: str,
    frame: np.ndarray,
) -> str:
    """Points (images, 2) in their classes' colours.

    ``key`` tells this picture's styles from another's on one page; ``frame``: points (n, 2) that the map has room for.
    """
    marks = marks_of(labels, classes)
    x, y = scales(frame)
    floor = y.start + EDGE
    parts, images = list[str](), list[str]()
    order = sorted(range(len(points)), key=lambda row: row in thumbnails)  # those with a thumbnail lie on top
    for row in order:
        across, up = x(float(points[row, 0])), y(float(points[row, 1]))
        label = int(labels[row])
        own = {"class": f"{key}{row}"} if row in thumbnails else {}
        title = svg.hover(f"{classes[label]}: {names[row]}")
        parts.append(marks[label].at(across, up, RADIUS, title, more={"fill-opacity": "0.8", **own}))
        if row in thumbnails:
            images.append(thumbnail(f"{key}i{row}", across, up, floor, thumbnails[row], marks[label].colour))
    entries = legend(marks, classes, floor)
    rules = "".join(f".{key}{row}:hover~.{key}i{row}{{display:block}}" for row in sorted(thumbnails))
    style = f"<style>.{key}i{{display:none;pointer-events:none}}{rules}</style>"
    high = floor + ROW * len(entries) + 8
    return svg.picture(SIDE, high, says, style, *(line for row in entries for line in row), *parts, *images)


def scales(points: np.ndarray) -> tuple[Scale, Scale]:
    """From a map's units to pixels, the same in both directions: as wide as the picture, not flatter than a third."""
    low, high = points.min(0), points.max(0)
    middle, half = (low + high) / 2, np.maximum((high - low) / 2, 1e-9)
    times = (SIDE / 2 - EDGE) / half.max()
    down = max(half[1], half[0] / 3)
    across = Scale(float(middle[0] - half.max()), float(middle[0] + half.max()), EDGE, SIDE - EDGE)
    return across, Scale(float(middle[1] - down), float(middle[1] + down), EDGE + 2 * float(down * times), EDGE)


def thumbnail(key: str, x: float, y: float, floor: float, image: Image.Image, colour: str) -> str:
    """A small picture beside a point, with a frame in its class's colour; not seen until the point is pointed at."""
    times = SHOWN / max(image.size)
    width, height = image.width * times, image.height * times
    left = x + 8 if x + 8 + width < SIDE else x - 8 - width
    top = min(max(y - height / 2, 2), floor - height - 2)
    frame = svg.rectangle(left - 2, top - 2, width + 4, height + 4, colour)
    box: dict[str, svg.Value] = {"x": left, "y": top, "width": width, "height": height, "href": as_url(image)}
    return svg.group({"class": f"{key.rstrip('0123456789')} {key}"}, frame, svg.element("image", box))


def as_url(image: Image.Image) -> str:
    """A small JPEG as a data URL."""
    data = io.BytesIO()
    image.convert("RGB").save(data, "JPEG", quality=QUALITY, optimize=True)
    return "data:image/jpeg;base64," + base64.b64encode(data.getvalue()).decode()


def legend(marks: Mapping[int, Mark], classes: Sequence[str], top: float) -> list[list[str]]:
    """The classes with their marks, in rows below the map."""
    entries = [(mark, classes[label]) for label, mark in marks.items() if mark.colour != REST]
    if len(entries) < len(marks):
        entries.append((Mark(REST, ""), REST_NAME))
    columns = SIDE // COLUMN
    rows = [entries[start : start + columns] for start in range(0, len(entries), columns)]
    return [
        [
            part
            for place, (mark, name) in enumerate(row)
            for part in (
                mark.at(EDGE + COLUMN * place, top + ROW * (line + 0.5), RADIUS + 1),
                svg.words(
                    EDGE + COLUMN * place + 12,
                    top + ROW * (line + 0.5) + 4,
                    svg.fitted(name, COLUMN - 22, 12),
                    12,
                    TEXT,
                ),
            )
        ]
        for line, row in enumerate(rows)
    ]
