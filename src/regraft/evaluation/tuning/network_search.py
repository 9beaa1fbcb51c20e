"""One process's part in the search over whole networks."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from optuna.trial import TrialState

from regraft.errors import RecipeError
from regraft.evaluation.tuning import heads, networks
from regraft.evaluation.tuning.axis import Axis
from regraft.evaluation.tuning.book import HEAD, NETWORK, Entry, Proposal, Taken
from regraft.evaluation.tuning.halving import Halving
from regraft.evaluation.tuning.jobs import Bench
from regraft.evaluation.tuning.outcomes import Outcome
from regraft.evaluation.tuning.sampling import MOST_COMBINATIONS, grid_of, sampled
from regraft.evaluation.tuning.search import ELSEWHERE, GRID, SAMPLED, Search
from regraft.evaluation.tuning.winner import best_head, best_network
from regraft.progress.pace import time_in_words
from regraft.recipe import Recipe

REDRAWS = 20  # of settings that were tried already


def search_networks(search: Search) -> None:
    """What ``train`` would train, then the grid, or what the sampler proposes."""
    bench = search.jobs.of(search.jobs.asked)
    ended = [one for one in search.book.entries() if one.kind == HEAD and one.complete]
    own = best_head([one for one in ended if one.origin != ELSEWHERE] or ended, search.counts)
    train_head = best_head([one for one in ended if one.origin in {heads.PLAN, heads.OF_TRAIN}], search.counts)
    images, large = len(bench.job.split.train), bench.job.plan.size.verdict == "large"
    first = [
        replace(one, params=networks.params_in(one.recipe, search.space.networks, images, large))
        for one in networks.networks_of_train(bench, train_head)
    ]
    search.book.enter(search.allowed(first) if search.limits.any else first)
    work_on_networks(search)
    base, axes = networks.base_of(bench, own), search.space.networks
    if not axes:
        return
    if search.sampler == "grid":
        enter_grid(search, bench, base, axes)
        work_on_networks(search)
        search.left = sum(one.kind == NETWORK and not one.state.is_finished() for one in search.book.entries())
        return
    while time.monotonic() + networks.LEAST_SECONDS < search.end:
        if not propose(search, bench, base, axes):
            break
        work_on_networks(search)
    search.no_network = why_none(search, bench, base, axes)


def why_none(search: Search, bench: Bench, base: Recipe, axes: Sequence[Axis]) -> str:
    """Why no whole network was begun, where that is so and the time is limited."""
    left = max(0.0, search.end - time.monotonic())
    if not math.isfinite(left) or any(
        one.kind == NETWORK and one.state != TrialState.WAITING for one in search.book.entries()
    ):
        return ""
    axis = next((one for one in axes if one.name == "epochs"), None)
    fewest = int(min(axis.values) if axis.values else axis.low) if axis else base.optimisation.epochs
    seconds = networks.seconds_of(bench, base.but(epochs=fewest), ())
    if seconds is None or left < networks.LEAST_SECONDS:
        return f"a training takes {networks.LEAST_SECONDS:.0f} s at least, and {time_in_words(left)} was left"
    shortest = f"its shortest training ({fewest} epoch{'' if fewest == 1 else 's'}) takes" if fewest else "it takes"
    return f"{shortest} about {time_in_words(seconds)}, and {time_in_words(left)} was left"


def work_on_networks(search: Search) -> None:
    """Train what is entered, until none is left or the time is."""
    while time.monotonic() + (networks.LEAST_SECONDS if math.isfinite(search.end) else 0) < search.end:
        taken = search.book.take(NETWORK)
        if taken is None:
            return
        search.carry_out(taken, partial(train, search))
        ended = networks_ended(search)
        best = best_network([one for one in ended if one.complete])
        search.book.drop_checkpoints(but=best.key if best else None)
        say_network(search, taken, ended)


def networks_ended(search: Search) -> list[Entry]:
    """Whole networks whose training has ended."""
    return [one for one in search.book.entries() if one.kind == NETWORK and one.outcome]


def say_network(search: Search, taken: Taken, ended: Sequence[Entry]) -> None:
    """A line on a training that has ended."""
    outcome = search.book.outcome(taken.entry.key)
    figures = outcome.figures if outcome else None
    if figures is None:
        return
    came = figures.note if figures.shared is None else f"{figures.shared:.1%}"
    end = f" ({figures.note})" if figures.note and figures.shared is not None else ""
    epochs = f"{figures.epochs} epoch{'' if figures.epochs == 1 else 's'}, "
    took = f"{epochs}{time_in_words(figures.seconds)}"
    search.progress.say(f"Trial {taken.entry.number}, network {len(ended)}: {taken.entry.name}: {came}, {took}{end}")


def train(search: Search, taken: Taken) -> Outcome:
    """A whole network; KeyboardInterrupt where it was interrupted, with its checkpoint left."""
    entry, bench = taken.entry, search.jobs.of(taken.entry.recipe)
    stopping = entry.recipe.stopping
    watch = Halving(search.book, taken, stopping.monitor, stopping.sign, drops=entry.origin != GRID)
    trained = replace(bench.trainer, onlooker=watch).train(entry.recipe, entry.key, search.end)
    if trained.interrupted:
        raise KeyboardInterrupt
    return search.outcome_of(trained)


def enter_grid(search: Search, bench: Bench, base: Recipe, axes: Sequence[Axis]) -> None:
    """All of a grid, after a word on how much that is."""
    total = math.prod(len(axis.grid()) for axis in axes)
    if total > MOST_COMBINATIONS:
        raise RecipeError(f"the grid has {total:,} combinations; list fewer values, or take --sampler random")
    backbones = search.jobs.own_settings()
    made = [networks.proposal_of(base, axes, params, GRID, backbones) for params in grid_of(axes)]
    fitting = [one for one in made if one is not None]
    if not fitting:
        raise RecipeError("no combination of the grid has settings that go together; see docs/tune.md")
    if len(fitting) < total:
        gone = total - len(fitting)
        search.notes[f"{gone:,} of {total:,} combinations do not go together and are left out"] = None
    fitting = search.allowed(fitting) if search.limits.any else fitting
    ended = networks_ended(search)
    seconds = [networks.seconds_of(bench, one.recipe, ended) for one in fitting]
    known = [one for one in seconds if one is not None]
    about = f", about {time_in_words(sum(known))}" if len(known) == len(seconds) else ""
    search.progress.say(f"The grid has {len(fitting):,} combinations{about}")
    search.book.enter(fitting)


def propose(search: Search, bench: Bench, base: Recipe, axes: Sequence[Axis]) -> bool:
    """Enter the sampler's next settings; False where there are none, or enough were tried."""
    with search.book.alone():
        entries = [one for one in search.book.entries() if one.kind == NETWORK]
        if len(entries) >= search.most:
            return False
        known, backbones = {one.key for one in entries}, search.jobs.own_settings()
        for redraw in range(REDRAWS):
            attempt = len(entries) * REDRAWS + redraw
            params = sampled(axes, entries, search.sampler, base.seed, attempt)
            one = networks.proposal_of(base, axes, params, SAMPLED, backbones)
            seconds = networks.seconds_of(bench, one.recipe, [e for e in entries if e.outcome]) if one else None
            fitted = networks.fitted(axes, params, search.end - time.monotonic(), seconds)
            if one is None or fitted is None:
                continue
            one = networks.proposal_of(base, axes, fitted, SAMPLED, backbones) if fitted != params else one
            if one and search.book.key(one.recipe) not in known and not too_much(search, one):
                return search.book.enter_now([one]) > 0
    return False


def too_much(search: Search, one: Proposal) -> bool:
    """Whether a network is beyond the limits."""
    return search.limits.any and not search.allowed([one])
