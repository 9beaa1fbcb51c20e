"""The whole networks that are trained: what ``train`` would train first, then what the sampler or the grid proposes."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from regraft.errors import RecipeError
from regraft.evaluation.tuning.axis import Axis
from regraft.evaluation.tuning.book import NETWORK, Entry, Proposal
from regraft.evaluation.tuning.heads import OF_TRAIN, PLAN
from regraft.evaluation.tuning.jobs import Bench
from regraft.planning.costs import TRAIN_PASSES
from regraft.planning.defaults import completed
from regraft.recipe import Recipe
from regraft.training.candidates import tuned_candidates
from regraft.training.strategy import TRIAL_SHARE

LEAST_SECONDS = 10.0  # no training of a whole network starts with less left
ENOUGH = 0.5  # of the time that a training needs, with which it is still begun: its schedule ends in time


def networks_of_train(bench: Bench, head: Entry | None) -> list[Proposal]:
    """What ``train`` would train as a whole: from the best head, or as the plan says where a strategy is asked for."""
    job = bench.job
    if not job.recipe.left_open or head is None:
        planned = job.planned_recipe()
        return [Proposal(f"the plan's {planned.planning.strategy}", NETWORK, PLAN, planned)]
    own = [
        Proposal(one.name, NETWORK, OF_TRAIN, one.recipe) for one in tuned_candidates(head.recipe, job.recipe, job.plan)
    ]
    if job.plan.case == "large-different":  # where train lets random weights try
        scratch = job.recipe.but(strategy="from-scratch", cut=None, cuts=(), unfreeze_from=None, views=0)
        epochs = completed(own[0].recipe, len(job.split.train), large=True).optimisation.epochs or 1
        own.append(Proposal("from-scratch", NETWORK, OF_TRAIN, scratch.but(epochs=math.ceil(TRIAL_SHARE * epochs))))
    return own


def base_of(bench: Bench, head: Entry | None) -> Recipe:
    """What trials differ from in the searched settings alone: fine-tuning from the best head."""
    job = bench.job
    if head is None or job.recipe.planning.strategy:
        return job.planned_recipe()
    return head.recipe.but(strategy="fine-tune", views=0, weight_decay=job.recipe.optimisation.weight_decay)


def proposal_of(
    base: Recipe,
    axes: Sequence[Axis],
    params: Mapping[str, Any],
    origin: str,
    backbones: Mapping[str, Mapping[str, Any]],
) -> Proposal | None:
    """A trial with some settings; None where they do not go together.

    ``backbones``: what each brings of its own, by name: its file of weights and its image size.
    """
    changes: dict[str, Any] = {}
    for axis in axes:
        changes |= axis.settings(params[axis.name])
    if changes.get("strategy", base.planning.strategy) == "from-scratch":
        changes |= {"cut": None, "cuts": (), "unfreeze_from": None}
    if "backbone" in changes and changes["backbone"] != base.network.backbone:
        changes |= {"cut": None, "cuts": (), "unfreeze_from": None}  # which are the other one's
        changes = dict(backbones[changes["backbone"]]) | changes
    try:
        recipe = base.but(**changes)
    except RecipeError:
        return None
    told = [axis.name for axis in axes if len(axis.values) != 1] or list(params)
    name = ", ".join(f"{key.replace('_', ' ')} {shown(params[key])}" for key in told)
    return Proposal(name, NETWORK, origin, recipe, dict(params))


def shown(value: Any) -> str:
    """A value in a trial's name."""
    if value is None:
        return "everything"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def params_in(recipe: Recipe, axes: Sequence[Axis], images: int, large: bool) -> dict[str, Any]:
    """What a completed recipe has of the axes' settings, where they hold it."""
    flat = completed(recipe, images, large).flat()
    named = {axis.name: flat[axis.name] for axis in axes if axis.name in flat}
    return {axis.name: named[axis.name] for axis in axes if axis.name in named and axis.holds(named[axis.name])}


def seconds_of(bench: Bench, recipe: Recipe, ended: Sequence[Entry]) -> float | None:
    """About how long a training takes: by those before it, else by the frozen pass; None where neither is known."""
    images, large = len(bench.job.split.train), bench.job.plan.size.verdict == "large"
    epochs = completed(recipe, images, large).optimisation.epochs or 1
    size = recipe.network.image_size or bench.job.backbone.preprocessing.size
    before = [
        one.outcome.figures.seconds / one.outcome.figures.epochs / relative(one.recipe, bench) ** 2
        for one in ended
        if one.outcome and one.outcome.figures.epochs and one.recipe.network.backbone == recipe.network.backbone
    ]
    if before:
        own = bench.job.backbone.preprocessing.size
        return epochs * max(before[-3:]) * (size / own) ** 2
    rate = bench.job.features.rate
    return TRAIN_PASSES * epochs * images / rate if rate else None


def relative(recipe: Recipe, bench: Bench) -> float:
    """A recipe's image size as a share of the bench's."""
    own = bench.job.backbone.preprocessing.size
    return (recipe.network.image_size or own) / own


def epochs_that_fit(axis: Axis, epochs: int, left: float, seconds: float) -> int | None:
    """The epochs for a training that would take ``seconds``: as they are, or as many as are left time for; or None."""
    if seconds * ENOUGH <= left:
        return epochs
    most = int(left / (seconds / epochs))
    if axis.values:
        return max((int(one) for one in axis.values if int(one) <= most), default=None)
    return most if most >= axis.low else None


def fitted(axes: Sequence[Axis], params: dict[str, Any], left: float, seconds: float | None) -> dict[str, Any] | None:
    """The settings with so many epochs that the training fits into the time that is left; None where none do."""
    if seconds is None or not math.isfinite(left) or seconds * ENOUGH <= left:
        return params
    axis = next((one for one in axes if one.name == "epochs"), None)
    epochs = epochs_that_fit(axis, params["epochs"], left, seconds) if axis else None
    return None if epochs is None else params | {"epochs": epochs}
