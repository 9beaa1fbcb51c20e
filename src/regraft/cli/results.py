"""What a training, an evaluation or a prediction gave, as a person reads it in a terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.text import Text

from regraft.cli.tables import add, plain, say, show_fault_kinds, show_faults, table


def summary(result: dict[str, Any]) -> None:
    """What a training gave."""
    console = Console(highlight=False)
    metrics, seconds, baselines = result["metrics"], result["seconds"], result["baselines"]
    show_remarks(console, result["remarks"], first=True)
    console.print(figures_in_words(metrics), soft_wrap=True)
    console.print(
        f"Nearest neighbour {baselines['nearest_neighbour']:.1%}, largest class {baselines['majority_class']:.1%}."
    )
    console.print(
        f"Case [bold]{result['case']}[/], strategy [bold]{result['strategy']}[/] at {' + '.join(result['cuts'])}."
    )
    console.print(
        f"{result['trainable_parameters']:,} trainable and {result['frozen_parameters']:,} frozen parameters;"
        f" {seconds['total']:.1f} s, {result['images_through_backbone']:,} images through the backbone."
    )
    show_remarks(console, result["remarks"], first=False)
    show_fault_kinds(console, result["faults"], "the report shows them")
    if rule := result["rule"]:
        say(console, rule_in_words(rule, metrics["accuracy"]))
    if result["tried"]:
        show_tried(console, result["tried"])
    for note in result["notes"]:
        say(console, f"Note: {note}")
    console.print(plain(f"Report: {result['report']}"), markup=False, emoji=False, soft_wrap=True)


def show_remarks(console: Console, remarks: Sequence[Mapping[str, Any]], first: bool) -> None:
    """The remarks that come before the figures, or the others."""
    for remark in remarks:
        if remark["first"] == first:
            console.print(Text(plain(remark["text"]), style="bold red" if first else ""), soft_wrap=True)


def figures_in_words(metrics: Mapping[str, Any]) -> str:
    """The accuracy, with the balanced accuracy beside it where classes are uneven, and their intervals."""
    shown = ("accuracy", "balanced_accuracy") if metrics["uneven"] else ("accuracy",)
    figures = [f"{name.replace('_', ' ')} [bold]{metrics[name]:.1%}[/]" for name in shown]
    ends = [f"{low:.1%} to {high:.1%}" for low, high in (metrics["intervals"][name] for name in shown)]
    images = (
        f"{metrics['images']:,} images"
        if metrics["split"] == "all"
        else f"{metrics['images']:,} {metrics['split']} images"
    )
    text = f"{', '.join(figures)} on {images} (95% interval{'s' if metrics['uneven'] else ''} {' and '.join(ends)})."
    return text[0].upper() + text[1:]


def rule_in_words(rule: Mapping[str, Any], accuracy: float) -> str:
    """What the rule alone gives on the same images, and what was gained or lost by what was kept."""
    named = f"The rule alone ({rule['strategy']} at {' + '.join(rule['cuts'])})"
    if rule["kept"]:
        return f"{named} was kept: nothing else that was tried promised more."
    points = 100 * (accuracy - rule["accuracy"])
    verdict = f"{abs(points):.1f} points {'better' if points >= 0 else 'worse'}"
    return f"{named} gives {rule['accuracy']:.1%}: what was kept is {verdict}."


def show_tried(console: Console, attempts: Sequence[dict[str, Any]]) -> None:
    """What was tried, in order, and whether it was kept."""
    made = table("tried", "held out", "gain to expect", "")
    for attempt in attempts:
        figures = ["" if attempt["accuracy"] is None else f"{attempt['accuracy']:.1%}"]
        figures.append("" if attempt["gain"] is None else f"{100 * attempt['gain']:+.1f} points")
        outcome = "kept" if attempt["kept"] else attempt["note"]
        add(made, attempt["name"], *figures, outcome, style="bold" if attempt["kept"] else None)
    console.print(made)


def evaluation(result: dict[str, Any]) -> None:
    """Metrics, class by class."""
    console = Console(highlight=False)
    metrics = result["metrics"]
    show_remarks(console, result["remarks"], first=True)
    console.print(figures_in_words(metrics), soft_wrap=True)
    console.print(f"Balanced accuracy {metrics['balanced_accuracy']:.1%}, macro F1 {metrics['macro_f1']:.1%}.")
    made = table("class", "images", "precision", "recall", "F1")
    for row in metrics["per_class"]:
        figures = (f"{row[key]:.1%}" if row["images"] else "-" for key in ("precision", "recall", "f1"))
        add(made, row["class"], f"{row['images']:,}", *figures)
    console.print(made)
    show_remarks(console, result["remarks"], first=False)
    seen = result["trained_on"]
    if seen and seen["images"]:
        others = seen["accuracy_on_the_others"]
        rest = "" if others is None else f"; accuracy on the others {others:.1%}"
        console.print(f"The run was trained on {seen['images']:,} of these {seen['of']:,} images{rest}")
    for note in result["notes"]:
        say(console, f"Note: {note}")
    if result["left_out"]:
        show_faults(console, result["left_out"])


def predictions(result: dict[str, Any]) -> None:
    """Path, class and probability."""
    made = table("path", "class", "probability")
    for row in result["predictions"]:
        if row["error"]:
            add(made, row["path"], row["error"], "", style="red")
        else:
            add(made, row["path"], row["class"], f"{row['probability']:.1%}")
    console = Console(highlight=False)
    console.print(made)
    rows, errors = result["predictions"], sum(row["error"] is not None for row in result["predictions"])
    if 0 < errors < len(rows):
        console.print(f"{len(rows) - errors:,} of {len(rows):,} files are predicted; the others say why not.")
