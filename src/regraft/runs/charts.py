"""The report's pictures as SVG."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from regraft.planning.cases import CASES
from regraft.planning.pieces import FROZEN, HEAD, NEW, REMOVED, STATES, TRAINED, Piece, surgery
from regraft.similarity.score import Reference

INK, ACCENT, MUTED, FILL = "#1d2733", "#0b7a75", "#8a95a1", "#e6f2f1"
COLOURS = {FROZEN: "#9db8d6", TRAINED: "#0b7a75", NEW: "#e0a33a", REMOVED: "#ffffff"}
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


def draw_quadrant(plan: Mapping[str, Any], references: Sequence[Reference] = ()) -> str:
    """The four cases with the data's place: size to the right on a logarithmic scale, similarity upwards.

    The bar is the score's interval; triangles are the reference sets, upright where they are known to be similar.
    """
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
    sides = {"small": (low, threshold), "large": (threshold, high), "similar": (line, 1), "different": (0, line)}
    for case in CASES:
        (left, right), (bottom, top) = sides[case.size], sides[case.similarity]
        if top <= bottom:
            continue
        chosen = case.name == plan["case"]
        axes.fill_between([left, right], bottom, top, color=FILL if chosen else "#f6f7f8", linewidth=0)
        middle = np.sqrt(left * right)
        weight = "bold" if chosen else "normal"
        height = (bottom + top) / 2
        colour = ACCENT if chosen else MUTED
        axes.text(middle, height, case.title, ha="center", va="bottom", color=colour, weight=weight)
        axes.text(middle, height - 0.02, case.rule, ha="center", va="top", color=MUTED, fontsize=8)
    axes.axhline(line, color=MUTED, linewidth=0.8)
    axes.axvline(threshold, color=MUTED, linewidth=0.8)
    for known in references:
        axes.plot(
            [known.images],
            [known.score],
            "^" if known.similar else "v",
            color=MUTED,
            markersize=4,
            alpha=0.6,
            clip_on=False,
        )
    low, high = similarity["interval"]
    axes.plot([size["images"]] * 2, [low, high], color=ACCENT, linewidth=2, solid_capstyle="round", zorder=4)
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
        names = [name.replace("$", r"\$") for name in classes]  # which would begin a formula
        axes.set_xticks(range(len(classes)), names, rotation=90, fontsize=6)
        axes.set_yticks(range(len(classes)), names, fontsize=6)
    axes.set_xlabel("predicted", color=INK)
    axes.set_ylabel("true class", color=INK)
    return as_svg(figure)


def draw_surgery(plan: Mapping[str, Any], unfreeze_from: str | None) -> str:
    """The user's network under the knife, once for each case; the plan's own is framed."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Patch

    strides = [(point["cut"], point["stride"]) for point in plan["similarity"]["profile"]]
    figure = Figure(figsize=(11.5, 6.4), layout="constrained")
    for axes, case in zip(figure.subplots(2, 2).flat, CASES, strict=True):
        chosen, strategy, title = case.name == plan["case"], case.strategy, f"{case.title}: {case.rule}"
        cuts: Sequence[str] = [plan["early_cut"]] if strategy == "early-layers" else ()
        if chosen:
            asked = "" if plan["strategy"] == strategy else f" (as asked: {plan['strategy']})"
            strategy, cuts, title = plan["strategy"], plan["cuts"], f"your data, {title}{asked}"
        draw_pieces(axes, surgery(strides, strategy, cuts, unfreeze_from if chosen else None))
        weight = "bold" if chosen else "normal"
        axes.set_title(title, color=ACCENT if chosen else INK, fontsize=10, loc="left", weight=weight)
        if chosen:
            axes.set_facecolor(FILL)
    keys = [Patch(facecolor=COLOURS[state], edgecolor=INK, linestyle=edge_of(state), label=state) for state in STATES]
    figure.legend(handles=keys, loc="outside lower center", ncols=len(keys), frameon=False, fontsize=9)
    return as_svg(figure)


def draw_pieces(axes: Any, pieces: Sequence[Piece]) -> None:
    """One network from left to right, boxes as high as their resolution; the new head follows what is kept."""
    from matplotlib.patches import Rectangle

    largest = max((piece.stride for piece in pieces), default=1) or 1
    last_kept = max((i for i, piece in enumerate(pieces) if piece.state != REMOVED and piece.name != HEAD), default=0)
    for place, piece in enumerate(pieces):
        height = 0.25 if not piece.stride else 0.35 + 0.65 * np.log2(2 * largest / piece.stride) / np.log2(2 * largest)
        box = Rectangle((place, -height / 2), 0.78, height, facecolor=COLOURS[piece.state], edgecolor=INK)
        box.set_linestyle(edge_of(piece.state))
        box.set_alpha(0.55 if piece.state == REMOVED else 1.0)
        axes.add_patch(box)
        colour = MUTED if piece.state == REMOVED else INK
        axes.text(place + 0.39, -0.6, piece.name, rotation=45, ha="right", va="top", fontsize=7, color=colour)
    arrow = {"arrowstyle": "->", "color": ACCENT, "connectionstyle": "arc3,rad=-0.25"}
    axes.annotate("", (len(pieces) - 0.61, 0.16), (last_kept + 0.39, 0.55), arrowprops=arrow)
    axes.set_xlim(-0.4, len(pieces) + 0.1)
    axes.set_ylim(-1.35, 0.95)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_visible(False)


def edge_of(state: str) -> str:
    """The outline of a piece: dashed where it is gone."""
    return "--" if state == REMOVED else "-"
