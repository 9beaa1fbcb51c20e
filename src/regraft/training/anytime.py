"""The ladder: a usable result first, better with time; a rung's result is kept only where validation proves it.

Rung by rung: a head at the last cut, at the profile's best cut, on several cuts joined (after Head2Toe, Evci et al.,
2022), everything fine-tuned, and fine-tuned again under stronger augmentation, each in the time that is left.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from regraft.errors import RegraftError
from regraft.planning.prepare import Prepared
from regraft.recipe import FROZEN_STRATEGIES, Recipe
from regraft.training.result import Judged, Rung, Trained
from regraft.training.strategy import Carrier, baselines_on_validation, or_from_scratch, planned_recipe

CERTAIN = 0.95  # share of the bootstrap's draws in which a rung must be better to be kept
DRAWS = 10_000
MOST_JOINED = 3  # cuts of a joined head
STRONGER = {"none": "light", "light": "medium", "medium": "strong", "strong": "strong"}
LEAST_SECONDS = 10.0  # no training of the whole network starts with less left


@dataclass(frozen=True)
class Step:
    """One rung to climb: a recipe that names its strategy, and how it is called."""

    name: str
    recipe: Recipe
    share: float = 1.0  # of the time that is left


def climb(prepared: Prepared, carry: Carrier, deadline: float) -> Trained:
    """Climb as far as the time goes; ``deadline`` is one of time.monotonic().

    The result carries what was tried, kept and turned down.
    """
    tried: list[Rung] = list(baseline_rungs(prepared))
    best: Trained | None = None
    interrupted = False
    for step in steps(prepared):
        frozen = step.recipe.strategy in FROZEN_STRATEGIES
        left = (deadline - time.monotonic()) * step.share
        if best and left < (0 if frozen else LEAST_SECONDS):
            tried.append(Rung(step.name, None, None, None, False, 0.0, "no time was left for it"))
            continue
        try:
            found = carry(step.recipe, step.name.replace(" ", "-"), time.monotonic() + left)
        except (RegraftError, KeyboardInterrupt) as error:
            if best is None:
                raise
            interrupted = isinstance(error, KeyboardInterrupt)
            tried.append(Rung(step.name, None, None, None, False, 0.0, str(error) or "interrupted"))
        else:
            rung = compared(step.name, best, found)
            tried.append(rung)
            best = found if rung.kept else best
            interrupted = found.interrupted
        if interrupted:
            break
    assert best, "the first rung is always climbed"
    if not interrupted and not best.frozen and prepared.plan.case == "large-different" and time.monotonic() < deadline:
        best = or_from_scratch(prepared, best, carry, deadline)
    return replace(best, tried=tuple(tried), interrupted=interrupted or best.interrupted)


def steps(prepared: Prepared) -> Iterator[Step]:
    """The rungs from the cheapest to the dearest."""
    recipe, last = planned_recipe(prepared), prepared.traced.cuts[-1].name
    head = recipe.but(strategy="head", cut=last, cuts=(), unfreeze_from=None)
    early = prepared.plan.similarity.best_early_cut
    yield Step("head at the last cut", head)
    if early != last:
        yield Step("head at an earlier cut", head.but(strategy="early-layers", cut=early))
    joined = cuts_to_join(prepared)
    if len(joined) > 1:
        yield Step("head on joined cuts", head.but(cut=None, cuts=joined))
    tune = recipe.but(strategy="fine-tune", cut=None, cuts=(), views=0)
    stronger = STRONGER[recipe.augmentation]
    yield Step("fine-tune", tune, 1.0 if stronger == recipe.augmentation else 0.5)
    if stronger != recipe.augmentation:
        yield Step("fine-tune under stronger augmentation", tune.but(augmentation=stronger))


def cuts_to_join(prepared: Prepared) -> tuple[str, ...]:
    """The last cut and the best probes at other strides, at most MOST_JOINED, in the network's order."""
    accuracy = {point.cut: point.accuracy for point in prepared.plan.similarity.profile}
    chosen = [prepared.traced.cuts[-1]]
    for cut in sorted(prepared.traced.cuts, key=lambda cut: -accuracy[cut.name]):
        if len(chosen) < MOST_JOINED and cut.stride not in {other.stride for other in chosen}:
            chosen.append(cut)
    return tuple(cut.name for cut in prepared.traced.cuts if cut in chosen)


def baseline_rungs(prepared: Prepared) -> Iterator[Rung]:
    """The majority class and the nearest neighbour, on the fold or part that validates."""
    started = time.perf_counter()
    for name, accuracy in baselines_on_validation(prepared).items():
        yield Rung(name.replace("_", " "), accuracy, None, None, False, time.perf_counter() - started, "baseline")


def compared(name: str, best: Trained | None, found: Trained) -> Rung:
    """Whether ``found`` is better than ``best`` on the images that judged both, beyond noise."""
    if best is None:
        return Rung(name, found.judged.accuracy, None, None, True, found.seconds)
    mine, theirs = common(found.judged, best.judged)
    certainty = certainty_of(mine, theirs, found.recipe.seed)
    kept = certainty >= CERTAIN
    return Rung(name, float(mine.mean()), float(theirs.mean()), certainty, kept, found.seconds, "; ".join(found.notes))


def common(one: Judged, other: Judged) -> tuple[np.ndarray, np.ndarray]:
    """Hits of both on the images that judged both, in the same order."""
    _, mine, theirs = np.intersect1d(one.rows, other.rows, return_indices=True)
    return one.hits[mine], other.hits[theirs]


def certainty_of(hits: np.ndarray, before: np.ndarray, seed: int) -> float:
    """Share of paired bootstrap draws (Efron, 1979) over images in which ``hits`` beat ``before``; ties count half."""
    gained, lost = int((hits & ~before).sum()), int((~hits & before).sum())
    draws = np.random.default_rng(seed).multinomial(
        len(hits), [gained / len(hits), lost / len(hits), 1 - (gained + lost) / len(hits)], DRAWS
    )
    difference = draws[:, 0] - draws[:, 1]
    return float((difference > 0).mean() + 0.5 * (difference == 0).mean())
