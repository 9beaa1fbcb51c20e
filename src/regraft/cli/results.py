"""What a training or an evaluation gave, as a person reads it in a terminal."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from regraft.cli.probabilities import ends, probabilities_in_words, show_probabilities
from regraft.cli.screen import Part, add, say, show, table
from regraft.cli.tables import show_fault_kinds, show_faults
from regraft.planning.cases import in_words, strategy_by_rule
from regraft.planning.costs import short_number
from regraft.runs.run import CROSS_VALIDATION

PARTS = {"val": "validation"}
NAMES = 24  # columns that the name of what was tried takes at most
GAIN = (
    "Gain: points over the rule's head to expect on new images; outcomes compare with what was kept. Among heads within"
    " half a point the surest is kept (the smallest loss)."
)
GONE_ON = {
    "head": "the run's layers were kept frozen, and its head was trained on",
    "fine-tune": "every layer was trained on from the run's weights, and its head",
}


def summary(result: dict[str, Any]) -> None:
    """What a training gave: the figure, why and what was done, what to mind; then the rest, and what to try next."""
    metrics, baselines = result["metrics"], result["baselines"]
    show_remarks(result["remarks"], first=True)
    for line in figures_in_words(metrics, baselines["majority_class"]):
        say(*line, whole=False)
    say(done_in_words(result), whole=False)
    say(effort_in_words(result), whole=False)
    if gained := result.get("gained"):
        say(f"{gained['said']}.", whole=False)
    show_remarks(result["remarks"], first=False)
    say()
    if rule := result["rule"]:
        say(rule_in_words(rule, metrics["accuracy"]), whole=False)
    rest = "" if metrics["uneven"] else f", always the largest class {baselines['majority_class']:.1%}"
    say(f"To compare: the nearest neighbour gets {baselines['nearest_neighbour']:.1%}{rest}.", whole=False)
    say(validation_in_words(result["validation"]), whole=False)
    show_two_classes(metrics)
    say(probabilities_in_words(metrics), whole=False)
    show_fault_kinds(result["faults"], "the report shows them")
    for note in result["notes"]:
        if not gained or note != gained["said"]:  # which was said
            say(f"Note: {note}", whole=False)
    if result["tried"]:
        say()
        show_tried(result["tried"])
    show_next_steps(result["next_steps"])
    say(f"Report: {result['report']}")


def show_next_steps(steps: Sequence[Mapping[str, Any]]) -> None:
    """What would probably help, each with its gain, its cost and its command."""
    say()
    if not steps:
        return
    say(("What would probably help", "bold"))
    for place, step in enumerate(steps, 1):
        say(f"{place}. {step['text']}", whole=False, hang=3)
        say(f"   Gain: {step['gain']}.", whole=False, hang=3)
        say(f"   Cost: {step['cost']}.", whole=False, hang=3)
        say(f"   {step['command']}")
    say()


def done_in_words(result: Mapping[str, Any]) -> str:
    """Which case it is, and what was carried out."""
    continued, done, rule = result["continued"], result["done"], result["rule"]
    case = in_words(result["case"], continued and continued["run"])
    if continued and continued["kept"]:
        return f"{case}: {GONE_ON[result['strategy']]} ({' + '.join(result['cuts'])})."
    by_rule = strategy_by_rule(result["case"])
    if result["planned_strategy"] != by_rule:
        return f"{case}: the rule is {by_rule}. The settings ask for {result['planned_strategy']}: {done}."
    if result["tried"] and rule and not rule["kept"]:
        same = (rule["strategy"], rule["cuts"]) == (result["strategy"], result["cuts"])
        chosen = "held-out images chose how its head is solved" if same else "held-out images chose instead"
        return f"{case}: the rule is {by_rule}; {chosen}: {done}."
    return f"{case}: {done}."


def effort_in_words(result: Mapping[str, Any]) -> str:
    """How much was trained, and what it took."""
    trained, passed, total = (
        result["trainable_parameters"],
        result["images_through_backbone"],
        result["seconds"]["total"],
    )
    weights = f"{trained:,} of {short_number(trained + result['frozen_parameters'])} weights trained"
    beside = sum(attempt["seconds"] for attempt in result["tried"] if not attempt["kept"])
    lost = f", {beside:.1f} s of that for what was tried and not kept" if beside > total / 4 else ""
    seen = f"{passed:,} images went through the network" if passed else "features came from the cache"
    return f"{weights}; all took {total:.1f} s{lost}; {seen}."


def validation_in_words(validation: Mapping[str, Any]) -> str:
    """Which images chose the settings, how many there were, and how many of them were right."""
    where = "by " if validation["by"] == CROSS_VALIDATION else "on "
    figure = f"{validation['figure']} {validation['accuracy']:.1%} on {validation['images']:,} images"
    return f"Settings were chosen {where}{validation['by']}: {figure}."


def show_remarks(remarks: Sequence[Mapping[str, Any]], first: bool) -> None:
    """The remarks that come before the figures, or the others."""
    for remark in remarks:
        if remark["first"] == first:
            say((remark["text"], "bold red" if first else ""), whole=False)


def figures_in_words(metrics: Mapping[str, Any], largest: float) -> Iterator[list[Part]]:
    """The accuracy with its interval; where classes are uneven the balanced accuracy comes first.

    ``largest``: the accuracy of always naming the largest class.
    """
    ends = {name: f"{low:.1%} to {high:.1%}" for name, (low, high) in metrics["intervals"].items()}
    accuracy = f"{metrics['accuracy']:.1%}"
    part = "" if metrics["split"] == "all" else f"{PARTS.get(metrics['split'], metrics['split'])} "
    images = f" on {metrics['images']:,} {part}images (95% interval "
    if not metrics["uneven"]:
        yield ["Accuracy ", (accuracy, "bold"), f"{images}{ends['accuracy']})."]
        return
    balanced = f"{metrics['balanced_accuracy']:.1%}"
    yield [
        "Balanced accuracy ",
        (balanced, "bold"),
        f"{images}{ends['balanced_accuracy']}; chance {metrics['chance']:.1%}).",
    ]
    yield [f"Always naming the largest class gives accuracy {largest:.1%}, this gives {accuracy} ({ends['accuracy']})."]


def show_two_classes(metrics: Mapping[str, Any]) -> None:
    """How well a positive class is told from the other, where there are two."""
    two = metrics.get("two_classes")
    if not two:
        return
    ends = {name: " to ".join(f"{end:.3f}" for end in pair) for name, pair in two["intervals"].items()}
    shares = {name: " to ".join(f"{end:.1%}" for end in pair) for name, pair in two["intervals"].items()}
    chance = two["positives"] / (two["positives"] + two["negatives"])
    say(
        f"Positive '{two['positive']}': ROC-AUC {two['roc_auc']:.3f} ({ends['roc_auc']}), average precision"
        f" {two['average_precision']:.3f} ({ends['average_precision']}; chance {chance:.3f}).",
        whole=False,
    )
    say(
        f"Sensitivity {two['sensitivity']:.1%} ({shares['sensitivity']}),"
        f" specificity {two['specificity']:.1%} ({shares['specificity']}).",
        whole=False,
    )


def rule_in_words(rule: Mapping[str, Any], accuracy: float) -> str:
    """What the rule alone gives on the same images, and what was gained or lost by what was kept."""
    named = f"The rule alone ({rule['strategy']} at {' + '.join(rule['cuts'])})"
    if rule["kept"]:
        return f"{named} was kept: nothing else that was tried promised more."
    points = round(100 * (accuracy - rule["accuracy"]), 1)
    verdict = f"{abs(points):.1f} points {'better' if points > 0 else 'worse'}" if points else "as accurate"
    return f"{named} gives accuracy {rule['accuracy']:.1%}: this is {verdict}."


def show_tried(attempts: Sequence[dict[str, Any]]) -> None:
    """What was tried, in order: how it did, on how many images, and why it was kept or not."""
    made = table("tried", "right", "of", "gain", "outcome")
    made.columns[0].max_width = NAMES
    made.columns[-1].justify = "left"
    for attempt in attempts:
        right = "" if attempt["accuracy"] is None else f"{attempt['accuracy']:.1%}"
        images = "" if attempt["images"] is None else f"{attempt['images']:,}"
        gain = "" if attempt["gain"] is None else f"{100 * attempt['gain']:+.1f}"
        said = ("kept" if attempt["kept"] else "", attempt["note"], attempt["why"], attempt["prospect"])
        outcome = "; ".join(filter(None, said))
        add(made, attempt["name"], right, images, gain, outcome, style="bold" if attempt["kept"] else None)
    show(made)
    if any(attempt["gain"] is not None for attempt in attempts):
        say(GAIN, whole=False)
    if any(attempt["epochs"] for attempt in attempts):
        say(
            "A whole network is judged by images that did not choose its epoch: that can be below its best one.",
            whole=False,
        )


def evaluation(result: dict[str, Any]) -> None:
    """Metrics, class by class."""
    metrics = result["metrics"]
    show_remarks(result["remarks"], first=True)
    for line in figures_in_words(metrics, metrics["largest_class"]):
        say(*line)
    seen = result["trained_on"]
    if seen and seen["images"]:
        others = seen["accuracy_on_the_others"]
        rest = "" if others is None else f" Accuracy on the others: {others:.1%}."
        text = f"The run was trained on {seen['images']:,} of these {seen['of']:,} images, so that flatters.{rest}"
        say((text, "bold"), whole=False)
    show_two_classes(metrics)
    balanced = "" if metrics["uneven"] else f"Balanced accuracy {metrics['balanced_accuracy']:.1%}, macro"
    say(f"{balanced or 'Macro'} F1 {metrics['macro_f1']:.1%}.")
    made = table("class", "images", "precision", "recall", "95% interval", "F1")
    for row in metrics["per_class"]:
        precision, recall, f1 = (f"{row[key]:.1%}" if row["images"] else "-" for key in ("precision", "recall", "f1"))
        interval = ends(row["recall_interval"], ".1%")
        add(made, row["class"], f"{row['images']:,}", precision, recall, interval, f1)
    show(made)
    show_probabilities(metrics)
    show_slices(metrics["slices"])
    show_remarks(result["remarks"], first=False)
    if result["robustness"]:
        show_robustness(result["robustness"], metrics["uneven"])
    for note in result["notes"]:
        say(f"Note: {note}", whole=False)
    if result["left_out"]:
        show_faults(result["left_out"])


def show_slices(slices: Sequence[Mapping[str, Any]]) -> None:
    """The accuracy by folder, group, size and brightness."""
    if not slices:
        return
    made = table("slice", "images", "accuracy", "95% interval", "against the rest")
    for one in slices:
        low, high = one["interval"]
        figures = (f"{one['accuracy']:.1%}", f"{low:.1%} to {high:.1%}", f"{100 * one['difference']:+.1f} points")
        style = "bold" if one["worse"] else None
        add(made, f"{one['kind']} {one['name']}", f"{one['images']:,}", *figures, style=style)
    show(made)


def show_robustness(robustness: Mapping[str, Any], uneven: bool) -> None:
    """The accuracy under each disturbance, beside the balanced one where classes are uneven."""
    made = table("disturbed by", "accuracy", "difference", "95% interval", *(["balanced"] if uneven else []))
    for one in robustness["disturbed"]:
        low, high = (f"{100 * end:+.1f}" for end in one["interval"])
        figures = (f"{one['accuracy']:.1%}", f"{100 * one['difference']:+.1f} points", f"{low} to {high}")
        balanced = [f"{one['balanced_accuracy']:.1%}"] if uneven else []
        add(made, f"{one['name']} {one['strength']}", *figures, *balanced, style="bold" if one["worse"] else None)
    show(made)
    say(robustness["said"])
