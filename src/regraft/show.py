"""Results as a person reads them in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from regraft.predict import Prediction

MOST_ROWS = 40


def table(*columns: str) -> Table:
    """A plain table, numbers to the right of the first column."""
    made = Table(box=None, header_style="dim", pad_edge=False)
    for index, column in enumerate(columns):
        made.add_column(column, justify="left" if index == 0 else "right", overflow="fold")
    return made


def scan(result: dict[str, Any]) -> None:
    """Classes by split, and the faults."""
    console = Console()
    splits = list(result["counts"])
    made = table("class", *splits)
    for name in result["classes"]:
        made.add_row(name, *(f"{result['counts'][split][name]:,}" for split in splits))
    made.add_row("total", *(f"{sum(result['counts'][split].values()):,}" for split in splits), style="bold")
    console.print(made)
    show_faults(console, result["faults"])


def show_faults(console: Console, faults: Sequence[dict[str, Any]]) -> None:
    """The first faults, and how many more there are."""
    if not faults:
        console.print("No faults found.")
        return
    console.print(f"\n{len(faults)} left out:", style="bold")
    made = Table(box=None, show_header=False, pad_edge=False)
    for fault in faults[:MOST_ROWS]:
        made.add_row(fault["path"], fault["kind"], fault["reason"])
    console.print(made)
    if len(faults) > MOST_ROWS:
        console.print(f"and {len(faults) - MOST_ROWS} more (--json lists all)")


def plan(result: dict[str, Any]) -> None:
    """The case, the profile, the reasons."""
    console = Console()
    score = result["similarity"]["score"]
    console.print(f"Case [bold]{result['case']}[/], strategy [bold]{result['strategy']}[/]", highlight=False)
    made = table("cut", "probe", "behind the last", "standard error", "shift")
    for point in result["similarity"]["profile"]:
        shift = "" if point["shift"] is None else f"{point['shift']:.2f}"
        behind = f"{point['behind_last']:+.1%}", f"{point['standard_error']:.1%}"
        style = "bold" if point["cut"] == result["cut"] else None
        made.add_row(point["cut"], f"{point['accuracy']:.1%}", *behind, shift, style=style)
    console.print(made)
    console.print(f"Similarity {score:.2f} (similar from {result['similarity']['threshold']:.2f})", highlight=False)
    for number, reason in enumerate(result["reasons"], 1):
        console.print(f"{number}. {reason}", highlight=False)


def summary(result: dict[str, Any]) -> None:
    """What a training gave."""
    console = Console(highlight=False)
    metrics, seconds = result["metrics"], result["seconds"]
    low, high = metrics["intervals"]["accuracy"]
    console.print(
        f"Case [bold]{result['case']}[/], strategy [bold]{result['strategy']}[/] at {' + '.join(result['cuts'])}"
    )
    baselines = result["baselines"]
    console.print(
        f"Accuracy [bold]{metrics['accuracy']:.1%}[/] on the {metrics['split']} images"
        f" (95% interval {low:.1%} to {high:.1%}); nearest neighbour {baselines['nearest_neighbour']:.1%},"
        f" largest class {baselines['majority_class']:.1%}"
    )
    console.print(
        f"{result['trainable_parameters']:,} trainable and {result['frozen_parameters']:,} frozen parameters;"
        f" {seconds['total']:.1f} s, {result['images_through_backbone']:,} images through the backbone"
    )
    if result["left_out"]:
        console.print(f"{result['left_out']} files were left out; the report lists them")
    if result["tried"]:
        show_tried(console, result["tried"])
    for note in result["notes"]:
        console.print(f"Note: {note}")
    console.print(f"Report: {result['report']}", soft_wrap=True)


def show_tried(console: Console, rungs: Sequence[dict[str, Any]]) -> None:
    """What was tried, in order, and whether it was kept."""
    made = table("tried", "validation", "best before it", "surely better", "outcome")
    for rung in rungs:
        figures = ("" if rung[key] is None else f"{rung[key]:.1%}" for key in ("accuracy", "before", "certainty"))
        outcome = "kept" if rung["kept"] else rung["note"] if rung["certainty"] is None else "turned down"
        made.add_row(rung["name"], *figures, outcome, style="bold" if rung["kept"] else None)
    console.print(made)


def evaluation(result: dict[str, Any]) -> None:
    """Metrics, class by class."""
    console = Console(highlight=False)
    metrics = result["metrics"]
    low, high = metrics["intervals"]["accuracy"]
    console.print(
        f"Accuracy [bold]{metrics['accuracy']:.1%}[/] on {metrics['images']} images ({low:.1%} to {high:.1%})"
    )
    console.print(f"Balanced accuracy {metrics['balanced_accuracy']:.1%}, macro F1 {metrics['macro_f1']:.1%}")
    made = table("class", "images", "precision", "recall", "F1")
    for row in metrics["per_class"]:
        made.add_row(row["class"], str(row["images"]), *(f"{row[key]:.1%}" for key in ("precision", "recall", "f1")))
    console.print(made)
    if result["left_out"]:
        show_faults(console, result["left_out"])


def prediction_row(prediction: Prediction, classes: Sequence[str]) -> dict[str, Any]:
    """One prediction as plain data; a file that cannot be read has its error and no class."""
    fault, p = prediction.fault, prediction.probabilities
    best = None if p is None else int(p.argmax())
    return {
        "path": str(prediction.path),
        "class": None if best is None else classes[best],
        "probability": None if p is None or best is None else round(float(p[best]), 6),
        "error": f"{fault.kind}: {fault.reason}" if fault else None,
        **{f"p({name})": None if p is None else round(float(p[i]), 6) for i, name in enumerate(classes)},
    }


def predictions(result: dict[str, Any]) -> None:
    """Path, class and probability."""
    made = table("path", "class", "probability")
    for row in result["predictions"]:
        if row["error"]:
            made.add_row(row["path"], row["error"], "", style="red")
        else:
            made.add_row(row["path"], row["class"], f"{row['probability']:.1%}")
    Console(highlight=False).print(made)


def reference(result: dict[str, Any]) -> None:
    """Where the statistics are, and of how many images."""
    Console(highlight=False).print(
        f"Statistics of {result['images']:,} images at {len(result['cuts'])} cuts: {result['file']}", soft_wrap=True
    )


def backbones(result: dict[str, Any]) -> None:
    """Names, and where the weights are."""
    made = table("backbone", "weights")
    for row in result["backbones"]:
        made.add_row(
            row["name"], "on this machine" if row["here"] else "to be fetched" if row["pretrained"] else "none"
        )
    Console(highlight=False).print(made)
