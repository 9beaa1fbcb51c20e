"""One process's part in the search over heads."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from optuna.trial import TrialState

from regraft.evaluation.tuning import heads
from regraft.evaluation.tuning.book import HEAD, Entry, Proposal, Taken
from regraft.evaluation.tuning.outcomes import DROPPED, Figures, Outcome
from regraft.evaluation.tuning.search import ELSEWHERE, WAIT, Search, figure_on
from regraft.evaluation.tuning.winner import best_head
from regraft.progress.pace import time_in_words
from regraft.recipe import Recipe

DEAR_PLACES = 2  # where heads of two layers are tried


def search_heads(search: Search) -> None:
    """What ``train`` would try, then every combination."""
    own: list[Proposal] = []
    every: list[Proposal] = []
    for bench, planned in search.benches():
        heads_here = heads.heads_of_train(bench, search.progress)
        own += heads_here if planned else [replace(one, origin=ELSEWHERE) for one in heads_here]
        every += heads.every_head(bench, search.space.heads, search.space.own, search.progress)
    if search.limits.any:
        own, every = search.allowed(own), search.allowed(every)
    enter_and_solve(search, own)
    cheap = [one for one in every if one.recipe.head.layers == 1 or search.space.own]
    enter_and_solve(search, promising_first(search, cheap))
    enter_and_solve(search, dear(search, own, cheap, every))
    say_heads(search)


def go_on_with_heads(search: Search) -> None:
    """The heads that were left, in what whole networks leave of a limited time."""
    left = search.end - time.monotonic()
    waiting = any(one.kind == HEAD and one.state == TrialState.WAITING for one in search.book.entries())
    if not waiting or not 0 < left < math.inf:
        return
    why = f"Fine-tuning is not begun: {search.no_network}. " if search.no_network else ""
    search.progress.say(f"{why}Heads go on for {time_in_words(left)}")
    search.heads_end = search.end
    search_heads(search)


def enter_and_solve(search: Search, proposals: Sequence[Proposal]) -> None:
    """Enter heads, as many as there may be, and solve them."""
    room = None if search.kinds.networks else max(0, search.most - heads_entered(search))
    search.book.enter(proposals, room)
    work_on_heads(search)


def promising_first(search: Search, proposals: Sequence[Proposal]) -> list[Proposal]:
    """Heads at every place first; then those that differ in one setting, at the places that did best; and so on."""
    if not proposals:
        return []
    best: dict[tuple[object, ...], float] = {}
    for one in [one for one in solved(search) if one.origin != heads.PRODUCT]:
        place, accuracy = place_of(one.recipe), (one.outcome.figures.accuracy or 0.0) if one.outcome else 0.0
        best[place] = max(accuracy, best.get(place, 0.0))
    usual = proposals[0].recipe

    def order(one: Proposal) -> tuple[int, float]:
        return heads.apart(one.recipe, usual), -best.get(place_of(one.recipe), 0.0)

    return sorted(proposals, key=order)


def dear(
    search: Search, own: Sequence[Proposal], cheap: Sequence[Proposal], every: Sequence[Proposal]
) -> list[Proposal]:
    """Heads of two layers, which take long, where heads of one do best."""
    quick_ones = [one for one in solved(search) if one.recipe.head.layers == 1]
    ranked = sorted(quick_ones, key=lambda one: -(one.outcome.figures.accuracy or 0) if one.outcome else 0)
    places = list(dict.fromkeys(place_of(one.recipe) for one in ranked))[:DEAR_PLACES]
    quick = {search.book.key(one.recipe) for one in (*own, *cheap)}
    return [one for one in every if place_of(one.recipe) in places and search.book.key(one.recipe) not in quick]


def solved(search: Search) -> list[Entry]:
    """Heads that ran to their end."""
    return [one for one in search.book.entries() if one.kind == HEAD and one.complete]


def heads_entered(search: Search) -> int:
    """How many heads there are, done or not."""
    return sum(one.kind == HEAD for one in search.book.entries())


def work_on_heads(search: Search) -> None:
    """Solve heads until none is left, or the time for them is."""
    while time.monotonic() < search.heads_end:
        taken = search.book.take(HEAD)
        if taken is None:
            if not search.book.running_elsewhere(HEAD):
                return
            time.sleep(WAIT)
            continue
        search.carry_out(taken, partial(solve, search))
        states = [trial.state.is_finished() for trial in search.book.trials()]
        search.progress("Searching heads", sum(states), len(states), "heads")


def say_heads(search: Search) -> None:
    """What the heads came to, in a line."""
    ended = [entry for entry in search.book.entries() if entry.kind == HEAD and entry.outcome]
    best = best_head([entry for entry in ended if entry.complete], search.counts)
    dropped = sum(entry.outcome is not None and entry.outcome.figures.state == DROPPED for entry in ended)
    if best and best.outcome and best.outcome.figures.accuracy is not None:
        least = f", {dropped:,} dropped after one fold" if dropped else ""
        search.progress.say(
            f"{len(ended):,} heads tried{least}; the best is {best.name}: {best.outcome.figures.accuracy:.1%}"
        )


def solve(search: Search, taken: Taken) -> Outcome:
    """A head, dropped after one fold where it surely lies behind the best one."""
    entry, bench = taken.entry, search.jobs.of(taken.entry.recipe)
    ended = [one for one in search.book.entries() if one.kind == HEAD and one.complete]
    best = best_head(ended, search.counts)
    if entry.origin == heads.PRODUCT and best and best.outcome:
        first = heads.first_fold(bench, entry.recipe)
        if first and (why := heads.surely_behind(first, best.outcome.judged, search.counts)):
            figures = Figures(DROPPED, None, figure_on(first.judged, search.shared, search.counts), None, note=why)
            return Outcome(replace(figures, seconds=first.seconds), first.judged.rows, first.judged.hits)
    return search.outcome_of(bench.trainer.train(entry.recipe, entry.key))


def place_of(recipe: Recipe) -> tuple[object, ...]:
    """Where a head sits, in which network."""
    network, planning = recipe.network, recipe.planning
    return network.backbone, network.image_size, planning.cuts or (planning.cut,)
