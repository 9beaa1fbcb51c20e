"""The heads that are searched, on features that are there already: every combination, the plan's first."""

import itertools
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regraft.errors import RecipeError
from regraft.evaluation.tuning.axis import JOINED, Axis, cut_settings
from regraft.evaluation.tuning.book import HEAD, Proposal
from regraft.evaluation.tuning.jobs import Bench
from regraft.features.head import best_trial, problem_of
from regraft.features.threads import one_thread
from regraft.planning.joins import promising_runs
from regraft.progress import Progress
from regraft.recipe import Recipe
from regraft.training.candidates import JOINS, MANY_IMAGES, frozen_candidates
from regraft.training.choosing import gain_of
from regraft.training.frozen import choosing_rows, cuts_in_use, head_settings
from regraft.training.result import Judged

PLAN, OF_TRAIN, PRODUCT = "the plan", "train's own", "every combination"
SINGLES = 4  # cuts whose heads are searched, by their probes
SURELY = 2.0  # standard errors that a head lies behind after one fold, to be dropped


def heads_of_train(bench: Bench, progress: Progress) -> list[Proposal]:
    """The heads that ``train`` would try, what the rule gives first; the plan's alone where a strategy is asked for."""
    if OF_TRAIN not in bench.heads:
        bench.heads[OF_TRAIN] = worked_out(bench, progress)
    return list(bench.heads[OF_TRAIN])


def worked_out(bench: Bench, progress: Progress) -> list[Proposal]:
    """The same, worked out: joined cuts are screened for it."""
    job, trainer = bench.job, bench.trainer
    planned = job.planned_recipe()
    if not job.recipe.left_open:
        return [Proposal(f"the plan's {planned.planning.strategy}", HEAD, PLAN, planned, params_of(planned))]
    heads = frozen_candidates(planned, job.plan, trainer.examples, trainer.backbone.cuts, progress)
    return [
        Proposal(one.name, HEAD, OF_TRAIN if place else PLAN, one.recipe, params_of(one.recipe))
        for place, one in enumerate(heads)
    ]


def every_head(bench: Bench, axes: Sequence[Axis], own: bool, progress: Progress) -> list[Proposal]:
    """Every combination of the axes' values, those next to the plan's first; ``own``: somebody said the axes."""
    base = bench.job.planned_recipe()
    base = base.but(strategy="head", cut=None, cuts=(), unfreeze_from=None) if not base.frozen else base
    cut_axis = next((axis for axis in axes if axis.name == "cut"), None)
    places = [tuple(str(one).split(JOINED)) for one in cut_axis.values] if cut_axis else places_of(bench, own, progress)
    others = [axis for axis in axes if axis.name not in {"cut", "backbone", "image_size"}]
    counts = np.bincount(bench.job.features.labels[bench.job.split.train])
    even = counts.min() == counts.max()
    made = []
    for names in places:
        for values in itertools.product(*(axis.grid() for axis in others)):
            changes = dict(zip((axis.name for axis in others), values, strict=True))
            idle = (len(names) == 1 and changes.get("joining") == "averaged") or (
                even and changes.get("class_weights", "none") != "none"
            )
            if not idle and (recipe := fitting(base, bench, names, changes)) is not None:
                made.append(
                    (
                        apart(recipe, base),
                        Proposal(name_of(recipe, names, base), HEAD, PRODUCT, recipe, params_of(recipe)),
                    )
                )
    return [one for _, one in sorted(made, key=lambda pair: pair[0])]


def fitting(base: Recipe, bench: Bench, names: tuple[str, ...], changes: dict[str, object]) -> Recipe | None:
    """The recipe of one combination; None where its settings do not go together."""
    cuts = bench.trainer.backbone.cuts
    known = tuple(bench.trainer.backbone.cut_of(name).name for name in names)
    ordered = tuple(cut.name for cut in cuts if cut.name in known)
    strategy = "head" if cuts[-1].name in ordered else "early-layers"
    asked = bench.job.recipe.planning.strategy
    if asked == "early-layers" and strategy != asked:
        return None
    try:
        return base.but(**{"strategy": strategy} | cut_settings(ordered) | changes)
    except RecipeError:
        return None


def places_of(bench: Bench, own: bool, progress: Progress) -> list[tuple[str, ...]]:
    """The cuts and runs of cuts that promise most by their probes; the plan's alone where the space was given."""
    job, trainer = bench.job, bench.trainer
    cuts, planning = trainer.backbone.cuts, job.recipe.planning
    planned = [cut.name for cut in cuts_in_use(trainer.backbone, job.planned_recipe())]
    if own or planning.cut or planning.cuts:
        return [tuple(planned)]
    profile = {point.cut: point.accuracy for point in job.plan.similarity.profile}
    best = sorted(profile, key=lambda name: -profile[name])[:SINGLES]
    singles = dict.fromkeys([cuts[-1].name, job.plan.similarity.best_early_cut, *best])
    return [*((name,) for name in singles), *joined_of(bench, progress)]


def joined_of(bench: Bench, progress: Progress) -> list[tuple[str, ...]]:
    """The runs of joined cuts that promise most: those that ``train`` tries, or screened where it tries one place."""
    if JOINED not in bench.heads:
        cuts, runs = bench.trainer.backbone.cuts, [one.recipe.planning.cuts for one in heads_of_train(bench, progress)]
        found = list(dict.fromkeys(run for run in runs if run))
        few = len(bench.job.split.train) > MANY_IMAGES or bench.job.recipe.head.views
        if not found and not few:
            best = promising_runs(bench.job.features, bench.job.split, cuts, progress)[:JOINS]
            found = [tuple(cut.name for cut in run) for run in best]
        bench.heads[JOINED] = found
    return list(bench.heads[JOINED])


def params_of(recipe: Recipe) -> dict[str, object]:
    """A head's settings, by name; the cut as text."""
    names = recipe.planning.cuts or ((recipe.planning.cut,) if recipe.planning.cut else ())
    flat = recipe.flat()
    head = ("head_layers", "hidden", "initialiser", "solver", "joining", "pooling", "views", "class_weights")
    return {"cut": JOINED.join(names)} | {
        name: flat[name] for name in (*head, "weight_decay", "backbone", "image_size")
    }


def name_of(recipe: Recipe, names: Sequence[str], base: Recipe) -> str:
    """How a head is called: where it sits, and what it has other than the plan's."""
    usual = base.flat()
    shown = f"{names[0]} to {names[-1]}" if len(names) > 2 else JOINED.join(names)  # noqa: PLR2004
    skipped = {"cut", "cuts", "strategy"}
    other = [
        f"{name.replace('_', ' ')} {value}"
        for name, value in recipe.flat().items()
        if name not in skipped and value != usual[name]
    ]
    return ", ".join([f"head at {shown}", *other])


def apart(recipe: Recipe, base: Recipe) -> int:
    """In how many settings, beside where it sits, a head differs from the plan's."""
    usual = base.flat()
    skipped = {"cut", "cuts", "strategy"}
    return sum(value != usual[name] for name, value in recipe.flat().items() if name not in skipped)


@dataclass(frozen=True)
class FirstFold:
    """How a head did on the first fold alone."""

    judged: Judged
    seconds: float


def first_fold(bench: Bench, recipe: Recipe) -> FirstFold | None:
    """A head fitted without the first fold and judged on it; None where there is one fold, or no quick way."""
    started, examples = time.perf_counter(), bench.trainer.examples
    chosen, folds = choosing_rows(examples.split)
    if len(folds) < 2 or recipe.head.views or (recipe.head.joining == "averaged" and recipe.planning.cuts):  # noqa: PLR2004
        return None
    settings, cuts = head_settings(recipe), cuts_in_use(bench.trainer.backbone, recipe)
    x = examples.features.pooled(cuts, chosen, recipe.head.pooling)
    decay = recipe.optimisation.weight_decay
    with one_thread():
        problem = problem_of(x, examples.labels[chosen], examples.classes, folds, settings)
        decays = settings.decays if decay is None else (decay,)
        best = best_trial(problem.trials_near_the_best(folds[:1], decays))
    return FirstFold(Judged(chosen[best.rows], best.right, best.loss), time.perf_counter() - started)


def surely_behind(first: FirstFold, best: Judged, counts: np.ndarray | None) -> str:
    """Why a head is dropped after one fold, where it surely lies behind the best one on the same images; or nothing."""
    gain = gain_of(first.judged, best, counts)
    difference = gain.accuracy - gain.before
    if difference >= 0 or -difference <= SURELY * gain.error:
        return ""
    return f"dropped after one fold: {-100 * difference:.1f} points behind the best head there"
