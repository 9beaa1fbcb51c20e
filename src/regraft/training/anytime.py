"""With a time limit: a usable result first, better with time; an attempt is kept only where validation proves it.

In this order: a head at the last cut, at the profile's best cut, on several cuts joined (after Head2Toe, Evci et al.,
2022), everything fine-tuned, and fine-tuned again under stronger augmentation, each in the time that is left.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from regraft.errors import RegraftError
from regraft.metrics import certainty_of
from regraft.network.cuts import Cut
from regraft.planning.plan import Plan
from regraft.planning.prepare import Job
from regraft.recipe import Recipe
from regraft.training.result import Attempt, Judged, Trained
from regraft.training.strategy import Trainer, or_from_scratch

CERTAIN = 0.95  # share of the bootstrap's draws in which an attempt must be better to be kept
MOST_JOINED = 3  # cuts of a joined head
STRONGER = {"none": "light", "light": "medium", "medium": "strong", "strong": "strong"}
LEAST_SECONDS = 10.0  # no training of the whole network starts with less left


@dataclass(frozen=True)
class Candidate:
    """Something to try: a recipe that names its strategy, and how it is called."""

    name: str
    recipe: Recipe
    share: float = 1.0  # of the time that is left


def train_in_turn(job: Job, trainer: Trainer, deadline: float) -> Trained:
    """Try as much as the time allows; ``deadline`` is one of time.monotonic().

    The result carries what was tried, kept and turned down.
    """
    tried: list[Attempt] = list(baseline_attempts(trainer))
    best: Trained | None = None
    interrupted = False
    for candidate in candidates(job.planned_recipe(), job.plan, trainer.backbone.cuts):
        left = (deadline - time.monotonic()) * candidate.share
        if best and left < (0 if candidate.recipe.frozen else LEAST_SECONDS):
            tried.append(Attempt(candidate.name, None, None, None, False, 0.0, "no time was left for it"))
            continue
        try:
            trained = trainer.train(candidate.recipe, candidate.name.replace(" ", "-"), time.monotonic() + left)
        except (RegraftError, KeyboardInterrupt) as error:
            if best is None:
                raise
            interrupted = isinstance(error, KeyboardInterrupt)
            tried.append(Attempt(candidate.name, None, None, None, False, 0.0, str(error) or "interrupted"))
        else:
            attempt = compared(candidate.name, best, trained)
            tried.append(attempt)
            best = trained if attempt.kept else best
            interrupted = trained.interrupted
        if interrupted:
            break
    assert best, "the first candidate is always tried"
    if not interrupted and not best.frozen and job.plan.case == "large-different" and time.monotonic() < deadline:
        best = or_from_scratch(best, trainer, job.recipe, deadline)
    return replace(best, tried=tuple(tried), interrupted=interrupted or best.interrupted)


def candidates(recipe: Recipe, plan: Plan, cuts: tuple[Cut, ...]) -> Iterator[Candidate]:
    """What to try, from the cheapest to the dearest; ``recipe``: the planned one."""
    last, early = cuts[-1].name, plan.similarity.best_early_cut
    head = recipe.but(strategy="head", cut=last, cuts=(), unfreeze_from=None)
    yield Candidate("head at the last cut", head)
    if early != last:
        yield Candidate("head at an earlier cut", head.but(strategy="early-layers", cut=early))
    joined = cuts_to_join(plan, cuts)
    if len(joined) > 1:
        yield Candidate("head on joined cuts", head.but(cut=None, cuts=joined))
    tune = recipe.but(strategy="fine-tune", cut=None, cuts=(), views=0)
    preset = recipe.augmentation.preset
    stronger = STRONGER[preset]
    yield Candidate("fine-tune", tune, 1.0 if stronger == preset else 0.5)
    if stronger != preset:
        yield Candidate("fine-tune under stronger augmentation", tune.but(augmentation=stronger))


def cuts_to_join(plan: Plan, cuts: tuple[Cut, ...]) -> tuple[str, ...]:
    """The last cut and the best probes at other strides, at most MOST_JOINED, in the network's order."""
    accuracy = {point.cut: point.accuracy for point in plan.similarity.profile}
    chosen = [cuts[-1]]
    for cut in sorted(cuts, key=lambda cut: -accuracy[cut.name]):
        if len(chosen) < MOST_JOINED and cut.stride not in {other.stride for other in chosen}:
            chosen.append(cut)
    return tuple(cut.name for cut in cuts if cut in chosen)


def baseline_attempts(trainer: Trainer) -> Iterator[Attempt]:
    """The majority class and the nearest neighbour, on the fold or part that validates."""
    started = time.perf_counter()
    for name, accuracy in trainer.baselines_on_validation().items():
        yield Attempt(name.replace("_", " "), accuracy, None, None, False, time.perf_counter() - started, "baseline")


def compared(name: str, best: Trained | None, trained: Trained) -> Attempt:
    """Whether ``trained`` is better than ``best`` on the images that judged both, beyond noise."""
    if best is None:
        return Attempt(name, trained.judged.accuracy, None, None, True, trained.seconds)
    mine, theirs = common(trained.judged, best.judged)
    certainty = certainty_of(mine, theirs, trained.recipe.seed)
    better = certainty >= CERTAIN
    notes = "; ".join(trained.notes)
    return Attempt(name, float(mine.mean()), float(theirs.mean()), certainty, better, trained.seconds, notes)


def common(one: Judged, other: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Hits of both on the images that judged both, in the same order."""
    _, mine, theirs = np.intersect1d(one.rows, other.rows, return_indices=True)
    return one.hits[mine], other.hits[theirs]
