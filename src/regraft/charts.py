"""The report's pictures as SVG."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

INK, ACCENT, MUTED, FILL = "#1d2733", "#0b7a75", "#8a95a1", "#e6f2f1"
MOST_CLASS_NAMES = 60  # written beside the picture


def as_svg(figure: Any) -> str:
    """A matplotlib figure as SVG text to put into a page."""
    import matplotlib as mpl

    text = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": "regraft"}):
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None})
    return text.getvalue()[text.getvalue().index("<svg") :]


def new_figure(width: float, height: float) -> tuple[Any, Any]:
    """A figure of so many inches with one plain pair of axes."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(colors=INK, labelsize=9)
    return figure, axes


def draw_quadrant(plan: Mapping[str, Any]) -> str:
    """The four cases with the data's place: size to the right on a logarithmic scale, similarity upwards."""
    from matplotlib.patheffects import withStroke

    size, similarity = plan["size"], plan["similarity"]
    threshold = size["threshold"]
    low = min(100, size["images"] / 3, threshold / 10)
    high = max(1_000_000, size["images"] * 3, threshold * 10)
    figure, axes = new_figure(6.2, 4.2)
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(0, 1)
    line = similarity["threshold"]
    corners = {
        "small-similar": (low, line, threshold, 1, "small and similar", "new head, the rest frozen"),
        "large-similar": (threshold, line, high, 1, "large and similar", "new head, train everything"),
        "small-different": (low, 0, threshold, line, "small and different", "early layers frozen, new head"),
        "large-different": (threshold, 0, high, line, "large and different", "train everything, or from scratch"),
    }
    for case, (left, bottom, right, top, name, rule) in corners.items():
        if top <= bottom:
            continue
        chosen = case == plan["case"]
        axes.fill_between([left, right], bottom, top, color=FILL if chosen else "#f6f7f8", linewidth=0)
        middle = np.sqrt(left * right)
        weight = "bold" if chosen else "normal"
        height = (bottom + top) / 2
        axes.text(middle, height, name, ha="center", va="bottom", color=ACCENT if chosen else MUTED, weight=weight)
        axes.text(middle, height - 0.02, rule, ha="center", va="top", color=MUTED, fontsize=8)
    axes.axhline(line, color=MUTED, linewidth=0.8)
    axes.axvline(threshold, color=MUTED, linewidth=0.8)
    axes.plot([size["images"]], [similarity["score"]], "o", color=ACCENT, markersize=11, clip_on=False, zorder=5)
    beside = {"textcoords": "offset points", "xytext": (12, -4), "color": INK}
    name = axes.annotate("your data", (size["images"], similarity["score"]), **beside, zorder=5)
    name.set_path_effects([withStroke(linewidth=3, foreground="white")])
    axes.set_xlabel("training images", color=INK)
    axes.set_ylabel("similarity to the source data", color=INK)
    return as_svg(figure)


def draw_profile(plan: Mapping[str, Any], used: Sequence[str]) -> str:
    """Accuracy of a linear probe at each cut, with the paired standard errors against the last one."""
    points = plan["similarity"]["profile"]
    names = [point["cut"] for point in points]
    accuracy = np.array([point["accuracy"] for point in points])
    errors = np.array([point["standard_error"] for point in points])
    figure, axes = new_figure(6.2, 4.2)
    places = np.arange(len(points))
    axes.errorbar(places, accuracy, yerr=errors, color=ACCENT, marker="o", capsize=3, linewidth=1.8)
    axes.axhline(plan["similarity"]["chance"], color=MUTED, linestyle=":", linewidth=1)
    axes.text(
        len(points) - 1, plan["similarity"]["chance"], "largest class", ha="right", va="bottom", color=MUTED, fontsize=8
    )
    for place, point in zip(places, points, strict=True):
        if point["cut"] in used:
            axes.plot([place], [point["accuracy"]], "o", color=ACCENT, markersize=13, fillstyle="none")
    axes.set_xticks(places, names, rotation=40, ha="right")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_ylabel("cross-validated accuracy", color=INK)
    return as_svg(figure)


def draw_curves(history: Sequence[Mapping[str, Any]]) -> str:
    """Accuracy and loss of training and validation by epoch, with the best epoch marked."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    epochs = [row["epoch"] for row in history]
    best = next(row["epoch"] for row in history if row["best"])
    for axes, measure in zip(figure.subplots(1, 2), ("accuracy", "loss"), strict=True):
        axes.spines[["top", "right"]].set_visible(False)
        axes.plot(epochs, [row[f"train_{measure}"] for row in history], color=MUTED, label="training (augmented)")
        axes.plot(epochs, [row[f"val_{measure}"] for row in history], color=ACCENT, marker="o", label="validation")
        axes.axvline(best, color=ACCENT, linestyle=":", linewidth=1, label="best epoch, kept")
        axes.set_xlabel("epoch", color=INK)
        axes.set_ylabel(measure, color=INK)
        axes.legend(frameon=False, fontsize=8)
    return as_svg(figure)


def draw_confusion(confusion: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """The confusion matrix of many classes as a picture, each row scaled to its class."""
    matrix = np.array(confusion, dtype=float)
    matrix /= np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    side = min(12.0, 3 + 0.16 * len(classes))
    figure, axes = new_figure(side, side)
    axes.imshow(matrix, cmap="GnBu", vmin=0, vmax=1)
    if len(classes) <= MOST_CLASS_NAMES:
        axes.set_xticks(range(len(classes)), classes, rotation=90, fontsize=6)
        axes.set_yticks(range(len(classes)), classes, fontsize=6)
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("true class", color=INK)
    return as_svg(figure)
