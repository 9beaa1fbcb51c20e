"""The ROC curve of two classes, as SVG."""

from collections.abc import Mapping
from typing import Any

from regraft.runs import axes, svg
from regraft.runs.axes import Scale
from regraft.runs.svg import ACCENT, INK, MUTED

SIDE = 420  # pixels
DASHES = "4 4"
LONGEST = 220  # pixels of a class's name


def draw_roc(two: Mapping[str, Any]) -> str:
    """The curve of ``two``, what TwoClasses.as_dict gives, and the point that the named classes give."""
    x, y = Scale(0, 1, 64, SIDE - 20), Scale(0, 1, SIDE - 48, 12)
    positive, negative = (svg.fitted(two[name], LONGEST, axes.SIZE + 1) for name in ("positive", "negative"))
    ticks = axes.ticks(0, 1)
    parts = axes.upright(x, y, ticks, f"sensitivity: '{positive}' found", axes.percent)
    parts += axes.level(x, y, ticks, f"'{negative}' taken for it", axes.percent)
    parts.append(svg.line(x(0), y(0), x(1), y(1), MUTED, 1, DASHES))
    parts.append(svg.polyline([(x(across), y(up)) for across, up in two["curve"]], ACCENT, 2.5))
    at = x(1 - two["specificity"]), y(two["sensitivity"])
    says = f"sensitivity {two['sensitivity']:.1%}, specificity {two['specificity']:.1%}"
    parts.append(svg.dot(*at, 5, INK, svg.hover(f"As classes are named: {says}")))
    return svg.picture(SIDE, SIDE, f"ROC curve, area {two['roc_auc']:.3f}; as classes are named: {says}", *parts)
