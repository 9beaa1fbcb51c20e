"""What the probabilities are worth, as SVG: the reliability diagram, and accuracy by what goes to a person."""

from collections.abc import Mapping, Sequence
from typing import Any

from regraft.runs import axes, svg
from regraft.runs.axes import Scale
from regraft.runs.svg import ACCENT, FILL, INK, MUTED

WIDTH, HEIGHT, LEGEND = 470, 330, 22  # pixels
DOTS = "1.5 3"
BROAD, PALE = 7, "#c9d1d8"  # pixels of a bar, and its colour


def draw_reliability(bins: Sequence[Mapping[str, Any]]) -> str:
    """The share that was right by the probability that was said, and the range of a calibrated model in each bin."""
    ends = [end for one in bins for end in (one["confidence"], one["accuracy"], *one["calibrated"])]
    low, high = max(0.0, axes.spread(ends, 0.1)[0]), 1.0
    room = 0.02 * (high - low)  # so that dots at the ends are whole
    x, y = Scale(low - room, high + room, 64, WIDTH - 12), Scale(low - room, high + room, HEIGHT - 44, 12 + LEGEND)
    marks = y.within(axes.ticks(low, high))
    samples = {
        "right": svg.dot(14, 0, 4, ACCENT),
        "a calibrated model, 95 of 100 times": svg.line(4, 0, 24, 0, PALE, BROAD),
    }
    parts = [svg.line(x(low), y(low), x(high), y(high), MUTED, 1, DOTS)]
    for one in bins:
        at, (bottom, top) = x(one["confidence"]), one["calibrated"]
        parts.append(svg.line(at, y(bottom) + 1.5, at, y(top) - 1.5, PALE, BROAD))
    dots = [(x(one["confidence"]), y(one["accuracy"])) for one in bins]
    parts.append(svg.polyline(dots, ACCENT, 1.5))
    for one, dot in zip(bins, dots, strict=True):
        parts += [svg.dot(*dot, 4, ACCENT), svg.dot(*dot, 9, "transparent", svg.hover(bin_in_words(one)))]
    return svg.picture(
        WIDTH,
        HEIGHT,
        f"Share of right answers by the probability that was said, in {len(bins)} bins",
        axes.legend(samples, WIDTH / 2, 14),
        *axes.upright(x, y, marks, "share that was right", axes.percent),
        *axes.level(x, y, marks, "probability of the likeliest class", axes.percent),
        *parts,
    )


def bin_in_words(one: Mapping[str, Any]) -> str:
    """What a bin says."""
    low, high = one["calibrated"]
    images = "1 image" if one["images"] == 1 else f"{one['images']:,} images"
    range_of_calibrated = f"a calibrated model: {low:.1%} to {high:.1%}"
    return f"{images}: {one['confidence']:.1%} on average, {one['accuracy']:.1%} right; {range_of_calibrated}"


def draw_risk_coverage(kept: Sequence[Mapping[str, Any]]) -> str:
    """Accuracy on the images that are left, by the share of the least certain that go to a person, with intervals."""
    values = [end for row in kept for end in (row["accuracy"], *row["interval"])]
    low, high = axes.spread(values, 0.05)
    low, high = max(low, -0.01), min(high, 1.01)
    x, y = Scale(-0.03, 0.95, 64, WIDTH - 12), Scale(low, high, HEIGHT - 44, 12 + LEGEND)
    xs = [x(row["to_a_person"]) for row in kept]
    band = [(at, y(row["interval"][1])) for at, row in zip(xs, kept, strict=True)]
    band += [(at, y(row["interval"][0])) for at, row in reversed(list(zip(xs, kept, strict=True)))]
    outline = " ".join(f"{svg.as_text(a)},{svg.as_text(b)}" for a, b in band)
    dots = [(at, y(row["accuracy"])) for at, row in zip(xs, kept, strict=True)]
    parts = [svg.element("polygon", {"points": outline, "fill": FILL}), svg.polyline(dots, ACCENT, 2)]
    for row, dot in zip(kept, dots, strict=True):
        told = f"{row['to_a_person']:.0%} to a person: {row['accuracy']:.1%} of {row['images']:,} images right"
        told += " (95% interval {:.1%} to {:.1%})".format(*row["interval"])
        parts += [svg.dot(*dot, 3.5, ACCENT), svg.dot(*dot, 9, "transparent", svg.hover(told))]
    samples = {
        "accuracy": svg.line(0, 0, 28, 0, ACCENT, 2) + svg.dot(14, 0, 3.5, ACCENT),
        "95% interval": svg.rectangle(0, -6, 28, 12, FILL),
    }
    return svg.picture(
        WIDTH,
        HEIGHT,
        "Accuracy on the images that are left to the model, by the share that goes to a person",
        *parts,
        axes.legend(samples, WIDTH / 2, 14),
        svg.line(x.start, y.start, x.stop, y.start, INK),
        *axes.upright(x, y, y.within(axes.ticks(low, min(high, 1))), "accuracy on the rest", axes.percent),
        *axes.level(x, y, [0, 0.2, 0.4, 0.6, 0.8], "share of images, the least certain, to a person", axes.percent),
    )
