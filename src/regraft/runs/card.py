"""The model card of a run (Mitchell et al., 2019), in Hugging Face's form, from the run folder alone."""

from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regraft.errors import RunError
from regraft.metrics import ClassMetrics
from regraft.network.backbone import RANDOM
from regraft.planning.cases import CASES, MEANING
from regraft.recipe.declaration import name_of
from regraft.recipe.recipe import Recipe
from regraft.runs.facts import Facts, facts_of
from regraft.runs.front_matter import front_matter, opens_in_timm
from regraft.runs.further_figures import further_figures
from regraft.runs.markdown import Markdown, as_text, table
from regraft.runs.run import Run

if TYPE_CHECKING:
    from jinja2 import Template

CARD = "README.md"
SHOWN = 30  # classes in a table
SUMMARIES = {"accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "macro_f1": "macro F1"}
BASELINES = {
    "majority_class": "accuracy of always naming the largest class",
    "nearest_neighbour": "accuracy of the nearest neighbour on frozen features",
}
OF_HEADS = ("head", "planning")  # groups of settings that matter where the network is frozen
OF_TRAINING = (*OF_HEADS, "optimisation", "augmentation", "stopping")
SAID_ELSEWHERE = {"strategy", "cut", "cuts", "fast", "checkpoint_name", "checkpoint_minutes", "time_limit"}


def card(run: str | PathLike[str] | Run) -> str:
    """The model card of a run, or of the folder of one, of this version or of one before; RunError where it is none."""
    facts = facts_of(run.folder if isinstance(run, Run) else Path(run))
    name = facts.images.name if facts.images else "unnamed images"
    text = template().render(
        name=name,
        facts=facts,
        figures=facts.figures,
        images=facts.images,
        plan=facts.plan,
        made_with=facts.made_with,
        origin=facts.made_with.origin if facts.made_with else None,
        recipe=facts.recipe,
        strategy=facts.config.strategy,
        untaught=facts.config.strategy == "from-scratch" or bool(facts.made_with and facts.made_with.origin == RANDOM),
        front_matter=Markdown(front_matter(facts, name)),
        timm=opens_in_timm(facts),
        meaning=MEANING.get(facts.config.strategy, ""),
        case=next((case.title for case in CASES if facts.plan and case.name == facts.plan.case), None),
        summaries=summaries(facts),
        counts=counts(facts),
        per_class=per_class(facts),
        further=list(further_figures(facts.further)),
        settings=Markdown(", ".join(settings(facts.recipe))) if facts.recipe else None,
        tried=tried(facts),
        shown=SHOWN,
    )
    return str(text)


def write_card(run: Path) -> str | None:
    """Write the card into the run's folder; why that cannot be done, if so: no run is lost for it."""
    try:
        text = card(run)
    except RunError as error:
        return f"there is no model card: {error}"
    (run / CARD).write_text(text, encoding="utf-8")
    return None


@cache
def template() -> "Template":
    """The card's text around what is known."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("regraft.runs"),
        undefined=jinja2.StrictUndefined,
        finalize=lambda value: as_text(value) if isinstance(value, str) else value,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # it is no HTML: as_text takes the power out of it
    )
    environment.filters["percent"] = percent
    environment.filters["count"] = lambda value: f"{value:,}"
    return environment.get_template("card.md")


def percent(value: float) -> str:
    """A share as people read it."""
    return f"{value:.1%}"


def summaries(facts: Facts) -> Markdown:
    """The figures with their intervals, and what they are to be compared with."""
    figures = facts.figures
    rows = list[tuple[str, str, str]]()
    for own, title in SUMMARIES.items():
        ends = figures.intervals.get(own)
        rows.append(
            (title, percent(getattr(figures, own)), f"{percent(ends[0])} to {percent(ends[1])}" if ends else "")
        )
    baselines = figures.baselines or {}
    rows += [(BASELINES.get(name, name.replace("_", " ")), percent(value), "") for name, value in baselines.items()]
    return table((f"on {figures.images:,} {figures.split} images", "", f"{figures.interval_level:.0%} interval"), rows)


def counts(facts: Facts) -> Markdown | None:
    """Images by class and part, the largest classes where there are many."""
    if not facts.images:
        return None
    parts = facts.images.counts
    total = {name: sum(part.get(name, 0) for part in parts.values()) for name in facts.classes}
    names = facts.classes if len(total) <= SHOWN else sorted(total, key=lambda name: -total[name])[:SHOWN]
    rows = [(name, *(f"{part.get(name, 0):,}" for part in parts.values())) for name in names]
    sums = ("all", *(f"{sum(part.values()):,}" for part in parts.values()))
    return table(("class", *parts), [*rows, sums])


def per_class(facts: Facts) -> Markdown:
    """Precision, recall and F1 of every class, of the worst where there are many."""

    def cells(row: ClassMetrics) -> tuple[str, ...]:
        known = (row.precision, row.recall, row.f1)
        return (row.name, f"{row.images:,}", *(percent(value) if row.images else "-" for value in known))

    rows = facts.figures.per_class
    worst = rows if len(rows) <= SHOWN else sorted(rows, key=lambda row: (row.f1, row.name))[:SHOWN]
    return table(("class", "images", "precision", "recall", "F1"), map(cells, worst))


def settings(recipe: Recipe) -> Iterator[str]:
    """The settings that shaped the training, those left to regraft aside."""
    without = {*SAID_ELSEWHERE, *(() if len(recipe.planning.cuts) > 1 else ("joining",))}
    without |= {"hidden"} if recipe.head.layers == 1 else set()
    for group in OF_HEADS if recipe.frozen else OF_TRAINING:
        section = getattr(recipe, group)
        for one in fields(section):
            name, value = name_of(one), getattr(section, one.name)
            if value is not None and name not in without:
                yield f"{as_text(name.replace('_', ' '))} {in_words(value)}"
    yield f"seed {recipe.seed}"


def in_words(value: Any) -> str:
    """A setting's value."""
    return as_text(value if isinstance(value, str) else f"{value:,}" if isinstance(value, int) else f"{value:g}")


def tried(facts: Facts) -> Markdown | None:
    """What competed, with its accuracy on the images that chose; seconds are left out, since they never repeat."""
    rows = [(one.name, "-" if one.accuracy is None else percent(one.accuracy), one.outcome) for one in facts.tried]
    return table(("tried", "accuracy where it was chosen", "outcome"), rows) if rows else None
