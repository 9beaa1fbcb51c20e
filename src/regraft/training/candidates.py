"""What there is to try on one data set: heads on features that are there already, and the whole network trained."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from regraft.network.cuts import Cut
from regraft.planning.costs import COMPETING_SECONDS
from regraft.planning.joins import promising_runs
from regraft.planning.plan import Plan
from regraft.progress import Progress
from regraft.recipe import FROZEN_STRATEGIES, Recipe
from regraft.training.choosing import is_balanced
from regraft.training.examples import Examples

STRONGER = {"none": "light", "light": "medium", "medium": "strong", "strong": "strong"}
SLOWER = 3.0  # times that a competing training may take what the plan gave it, on a machine that is busy by then
JOINS = 2  # runs of cuts that get heads
MANY_IMAGES = 10_000  # from which a head takes so long that fewer are tried


@dataclass(frozen=True)
class Candidate:
    """Something to try: a recipe that names its strategy, and how it is called."""

    name: str
    recipe: Recipe
    seconds: float = math.inf  # that it may take at most


def frozen_candidates(
    recipe: Recipe, plan: Plan, examples: Examples, cuts: Sequence[Cut], progress: Progress
) -> Iterator[Candidate]:
    """Heads on the frozen network, what the rule gives first; ``recipe``: the planned one.

    Where balanced figures are monitored, each is tried with weighed classes too, unless the recipe weighs them.
    """
    plain = list(heads_without_weights(recipe, plan, examples, cuts, progress))
    yield from plain
    if is_balanced(recipe.stopping.monitor) and recipe.head.class_weights == "none":
        yield from (Candidate(f"{one.name}, weighed", one.recipe.but(class_weights="auto")) for one in plain)


def heads_without_weights(
    recipe: Recipe, plan: Plan, examples: Examples, cuts: Sequence[Cut], progress: Progress
) -> Iterator[Candidate]:
    """Heads with the recipe's own class weights; of a run that is gone on from its own one alone."""
    if recipe.network.continue_from is not None:
        yield Candidate("the run's head, gone on with", recipe.but(strategy="head", unfreeze_from=None))
        return
    last, early = cuts[-1].name, plan.similarity.best_early_cut
    base = recipe.but(strategy="head", cut=last, cuts=(), unfreeze_from=None)
    at_last = Candidate(f"head at {last}", base)
    at_early = Candidate(f"head at {early}", base.but(strategy="early-layers", cut=early))
    by_rule = [at_early, at_last] if plan.strategy == "early-layers" else [at_last, at_early]
    yield from by_rule[: 1 if early == last else 2]
    several = recipe.head.layers == 1 and recipe.head.solver == "logistic"
    few = bool(recipe.head.views) or len(examples.split.train) > MANY_IMAGES
    if several and not few:
        yield Candidate(f"discriminant at {last}", base.but(solver="discriminant"))
    for run in promising_runs(examples.features, examples.split, cuts, progress)[: 1 if few else JOINS]:
        names = tuple(cut.name for cut in run)
        shown = f"{names[0]} to {names[-1]}" if len(names) > 2 else " + ".join(names)  # noqa: PLR2004
        joined = base.but(strategy="head" if last in names else "early-layers", cut=None, cuts=names)
        if several:
            yield Candidate(f"discriminant on {shown}", joined.but(solver="discriminant"))
        yield Candidate(f"head on {shown}", joined)
        if several and not few:
            yield Candidate(f"averaged heads on {shown}", joined.but(joining="averaged"))


def tuned_candidates(best: Recipe, recipe: Recipe, plan: Plan) -> Iterator[Candidate]:
    """Everything trained, where the plan says so or lets it compete; under more augmentation in what a limit leaves.

    ``best``: of the best head, which the training starts from; ``recipe``: as it was given.
    """
    if recipe.planning.fast:
        return
    limit = recipe.stopping.time_limit
    tune = best.but(strategy="fine-tune", views=0, weight_decay=recipe.optimisation.weight_decay)
    if limit is None and plan.strategy in FROZEN_STRATEGIES:
        if plan.competing_epochs:
            yield Candidate("fine-tune", tune.but(epochs=plan.competing_epochs), SLOWER * COMPETING_SECONDS)
        return
    preset = recipe.augmentation.preset
    stronger = STRONGER[preset]
    yield Candidate("fine-tune", tune)
    if limit is not None and stronger != preset:
        yield Candidate("fine-tune under stronger augmentation", tune.but(augmentation=stronger))
