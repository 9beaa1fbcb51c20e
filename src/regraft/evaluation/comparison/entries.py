"""What is compared: each strategy with as many settings to choose from as every other one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from regraft.evaluation.comparison.budget import LARGEST, Budget
from regraft.planning.defaults import completed
from regraft.planning.joins import promising_runs
from regraft.planning.prepare import Job
from regraft.progress import silent
from regraft.recipe import Recipe
from regraft.training.examples import Examples

JOINED = "joined"
TRAINED = ("fine-tune", "from-scratch")  # in every layer
COMPARED = ("head", "early-layers", JOINED, *TRAINED)
Changes = dict[str, dict[str, Any]]
FIRST = ""  # a strategy as it is by itself
HEADS: Changes = {FIRST: {}, "discriminant": {"solver": "discriminant"}, "two layers": {"head_layers": 2}}
JOINS: Changes = {FIRST: {}, "discriminant": {"solver": "discriminant"}, "averaged": {"joining": "averaged"}}
RATES = {FIRST: 1.0, "a third of the learning rate": 1 / 3, "three times the learning rate": 3.0}
MOST_SETTINGS = 3


@dataclass(frozen=True)
class Entry:
    """One training: a strategy under one of its settings."""

    strategy: str  # of COMPARED
    setting: str  # in words; FIRST: as it is by itself
    recipe: Recipe

    @property
    def frozen(self) -> bool:
        """Whether a head alone is trained."""
        return self.recipe.frozen


def joined_cuts(job: Job, examples: Examples) -> tuple[str, ...]:
    """The cuts whose joined features promise most on the training part; none where there is nothing to join."""
    cuts = job.backbone.cuts
    runs = promising_runs(examples.features, examples.split, cuts, silent) if len(cuts) > 1 else []
    return tuple(cut.name for cut in runs[0]) if runs else ()


def entries_of(job: Job, joined: Sequence[str], settings: int, budget: Budget) -> Iterator[Entry]:
    """Every strategy that the network and the data allow, each under so many settings.

    All of it follows from the training part: the early cut, the cuts ``joined``, what the settings leave open.
    """
    base = job.recipe.but(strategy=None, cut=None, cuts=(), unfreeze_from=None, time_limit=None)
    last, early = job.backbone.cuts[-1].name, job.plan.similarity.best_early_cut
    for setting, changes in list(HEADS.items())[:settings]:
        yield Entry("head", setting, base.but(strategy="head", cut=last, **changes))
        if early != last:
            yield Entry("early-layers", setting, base.but(strategy="early-layers", cut=early, **changes))
    if joined:
        strategy = "head" if last in joined else "early-layers"
        for setting, changes in list(JOINS.items())[:settings]:
            yield Entry(JOINED, setting, base.but(strategy=strategy, cuts=tuple(joined), **changes))
    for strategy in TRAINED:
        plain = within(base.but(strategy=strategy, views=0), budget)
        rate = completed(plain, len(job.split.train), job.plan.size.verdict == "large").optimisation.learning_rate
        for setting, factor in list(RATES.items())[:settings]:
            own = plain if setting == FIRST else plain.but(learning_rate=factor * (rate or 0.0))
            yield Entry(strategy, setting, own)


def within(recipe: Recipe, budget: Budget) -> Recipe:
    """A recipe that trains every layer, for so many epochs; where time is what counts, for as many as there are."""
    if budget.seconds is not None:
        return recipe.but(epochs=LARGEST, patience=LARGEST)
    return recipe.but(epochs=budget.epochs) if budget.epochs else recipe
