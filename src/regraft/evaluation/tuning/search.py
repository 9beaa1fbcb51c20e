"""The search itself: heads on cached features first, then whole networks, until the trials or the time are spent."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from regraft.errors import BackboneError, RecipeError, RegraftError
from regraft.evaluation.tuning import heads, networks
from regraft.evaluation.tuning.axis import Axis
from regraft.evaluation.tuning.book import HEAD, NETWORK, Book, Entry, Proposal, Taken
from regraft.evaluation.tuning.halving import DROPPED as DROPPED_BY_HALVING
from regraft.evaluation.tuning.halving import Halving
from regraft.evaluation.tuning.jobs import Bench, Jobs
from regraft.evaluation.tuning.limits import Limits, reason_against
from regraft.evaluation.tuning.outcomes import COMPLETE, DROPPED, Figures, Outcome, failed
from regraft.evaluation.tuning.sampling import MOST_COMBINATIONS, grid_of, sampled
from regraft.evaluation.tuning.space import Kinds, Space
from regraft.evaluation.tuning.winner import best_head, best_network
from regraft.progress import Progress
from regraft.progress.pace import time_in_words
from regraft.recipe import Recipe
from regraft.training.result import Judged, Trained

GRID, SAMPLED, ELSEWHERE = "the grid", "the sampler", "another backbone or size"
REDRAWS = 20  # of settings that were tried already
DEAR_PLACES = 2  # where heads of two layers are tried
WAIT = 0.2  # seconds, until another process is asked for again
USUAL_TRIALS = 20  # whole networks, where neither a number nor a time is given


@dataclass
class Search:
    """One process's part of it."""

    jobs: Jobs
    book: Book
    space: Space
    kinds: Kinds
    sampler: str
    most: int  # whole networks; heads, where they alone are searched
    limits: Limits
    heads_end: float  # of time.monotonic()
    end: float
    shared: np.ndarray  # rows that judge every trial
    counts: np.ndarray | None  # what an image of each row counts
    progress: Progress
    trained: int = 0  # trials, by this process
    left: int = 0  # combinations of a grid that there was no time for
    notes: dict[str, None] = field(default_factory=dict)
    beyond: dict[object, str] = field(default_factory=dict)  # why networks are beyond the limits

    def run(self) -> None:
        """All of it."""
        if self.kinds.heads:
            self.search_heads()
        if self.kinds.networks:
            self.search_networks()

    def benches(self) -> Iterator[tuple[Bench, bool]]:
        """Every backbone and image size whose heads are searched, and whether it is the plan's."""
        asked = self.jobs.asked
        first = self.jobs.of(asked)
        yield first, True
        sizes = next(
            (axis.values for axis in self.space.heads if axis.name == "image_size"), (asked.network.image_size,)
        )
        for name, _ in self.jobs.backbones:
            for size in sizes:
                bench = self.jobs.of(asked.but(backbone=name, image_size=size))
                if bench is not first:
                    yield bench, False

    def allowed(self, proposals: Sequence[Proposal]) -> list[Proposal]:
        """Those within the limits; the others are counted in a note."""
        fitting = []
        for one in proposals:
            why = reason_against(self.jobs.of(one.recipe), one.recipe, self.limits, self.beyond)
            if why:
                self.notes[f"{one.recipe.network.backbone}, as {one.name}, is left out: {why}"] = None
            else:
                fitting.append(one)
        return fitting

    def search_heads(self) -> None:
        """What ``train`` would try, then every combination."""
        own: list[Proposal] = []
        every: list[Proposal] = []
        for bench, planned in self.benches():
            heads_here = heads.heads_of_train(bench, self.progress)
            own += heads_here if planned else [replace(one, origin=ELSEWHERE) for one in heads_here]
            every += heads.every_head(bench, self.space.heads, self.space.own, self.progress)
        if self.limits.any:
            own, every = self.allowed(own), self.allowed(every)
        cheap = [one for one in every if one.recipe.head.layers == 1 or self.space.own]
        for batch in (own, cheap, self.dear(own, cheap, every)):
            room = None if self.kinds.networks else max(0, self.most - self.heads_entered())
            self.book.enter(batch, room)
            self.work_on_heads()
        self.say_heads()

    def dear(self, own: Sequence[Proposal], cheap: Sequence[Proposal], every: Sequence[Proposal]) -> list[Proposal]:
        """Heads of two layers, which take long, where heads of one do best."""
        ended = [one for one in self.book.entries() if one.kind == HEAD and one.complete]
        ranked = sorted(ended, key=lambda one: -(one.outcome.figures.accuracy or 0) if one.outcome else 0)
        places = list(dict.fromkeys(place_of(one.recipe) for one in ranked))[:DEAR_PLACES]
        quick = {self.book.key(one.recipe) for one in (*own, *cheap)}
        return [one for one in every if place_of(one.recipe) in places and self.book.key(one.recipe) not in quick]

    def heads_entered(self) -> int:
        """How many heads there are, done or not."""
        return sum(one.kind == HEAD for one in self.book.entries())

    def work_on_heads(self) -> None:
        """Solve heads until none is left, or the time for them is."""
        while time.monotonic() < self.heads_end:
            taken = self.book.take(HEAD)
            if taken is None:
                if not self.book.running_elsewhere(HEAD):
                    return
                time.sleep(WAIT)
                continue
            self.carry_out(taken, self.solve)
            states = [trial.state.is_finished() for trial in self.book.trials()]
            self.progress("Searching heads", sum(states), len(states), "heads")

    def say_heads(self) -> None:
        """What the heads came to, in a line."""
        ended = [entry for entry in self.book.entries() if entry.kind == HEAD and entry.outcome]
        best = best_head([entry for entry in ended if entry.complete], self.counts)
        dropped = sum(entry.outcome is not None and entry.outcome.figures.state == DROPPED for entry in ended)
        if best and best.outcome and best.outcome.figures.accuracy is not None:
            least = f", {dropped:,} dropped after one fold" if dropped else ""
            self.progress.say(
                f"{len(ended):,} heads tried{least}; the best is {best.name}: {best.outcome.figures.accuracy:.1%}"
            )

    def carry_out(self, taken: Taken, how: "How") -> None:
        """Train what was taken; whatever happens, another process can have it afterwards."""
        started = time.monotonic()
        known = self.book.outcome(taken.entry.key)
        try:
            if known is None:
                try:
                    known = how(taken)
                except RegraftError as error:
                    known = failed(str(error), time.monotonic() - started)
                self.trained += 1
            self.book.end(taken, known)
        except BaseException:
            self.book.leave(taken)
            raise

    def solve(self, taken: Taken) -> Outcome:
        """A head, dropped after one fold where it surely lies behind the best one."""
        entry, bench = taken.entry, self.jobs.of(taken.entry.recipe)
        ended = [one for one in self.book.entries() if one.kind == HEAD and one.complete]
        best = best_head(ended, self.counts)
        if entry.origin == heads.PRODUCT and best and best.outcome:
            first = heads.first_fold(bench, entry.recipe)
            if first and (why := heads.surely_behind(first, best.outcome.judged, self.counts)):
                figures = Figures(DROPPED, None, figure_on(first.judged, self.shared, self.counts), None, note=why)
                return Outcome(replace(figures, seconds=first.seconds), first.judged.rows, first.judged.hits)
        return self.outcome_of(bench.trainer.train(entry.recipe, entry.key))

    def outcome_of(self, trained: Trained) -> Outcome:
        """What a training came to."""
        judged, stopped = trained.judged, trained.stopped
        figures = Figures(
            state=DROPPED if stopped.startswith(DROPPED_BY_HALVING) else COMPLETE,
            accuracy=figure_on(judged, judged.rows, self.counts),
            shared=figure_on(judged, self.shared, self.counts),
            loss=judged.loss if math.isfinite(judged.loss) else None,
            epochs=0 if trained.frozen else max(int(row["epoch"]) for row in trained.history),
            planned_epochs=0 if trained.frozen else trained.recipe.optimisation.epochs or 0,
            seconds=trained.seconds,
            note=stopped,
        )
        return Outcome(figures, judged.rows, judged.hits)

    def search_networks(self) -> None:
        """What ``train`` would train, then the grid, or what the sampler proposes."""
        bench = self.jobs.of(self.jobs.asked)
        ended = [one for one in self.book.entries() if one.kind == HEAD and one.complete]
        own = best_head([one for one in ended if one.origin != ELSEWHERE] or ended, self.counts)
        train_head = best_head([one for one in ended if one.origin in {heads.PLAN, heads.OF_TRAIN}], self.counts)
        first = networks.networks_of_train(bench, train_head)
        self.book.enter(self.allowed(first) if self.limits.any else first)
        self.work_on_networks()
        base, axes = networks.base_of(bench, own), self.space.networks
        if not axes:
            return
        if self.sampler == "grid":
            self.enter_grid(bench, base, axes)
            self.work_on_networks()
            self.left = sum(not trial.state.is_finished() for trial in self.book.trials())
            return
        while time.monotonic() + networks.LEAST_SECONDS < self.end:
            if not self.propose(bench, base, axes):
                return
            self.work_on_networks()

    def work_on_networks(self) -> None:
        """Train what is entered, until none is left or the time is."""
        while time.monotonic() + (networks.LEAST_SECONDS if math.isfinite(self.end) else 0) < self.end:
            taken = self.book.take(NETWORK)
            if taken is None:
                return
            self.carry_out(taken, self.train)
            ended = self.networks_ended()
            best = best_network([one for one in ended if one.complete])
            self.book.drop_checkpoints(but=best.key if best else None)
            self.say_network(taken, ended)

    def networks_ended(self) -> list[Entry]:
        """Whole networks whose training has ended."""
        return [one for one in self.book.entries() if one.kind == NETWORK and one.outcome]

    def say_network(self, taken: Taken, ended: Sequence[Entry]) -> None:
        """A line on a training that has ended."""
        outcome = self.book.outcome(taken.entry.key)
        figures = outcome.figures if outcome else None
        if figures is None:
            return
        came = figures.note if figures.shared is None else f"{figures.shared:.1%}"
        end = f" ({figures.note})" if figures.note and figures.shared is not None else ""
        epochs = f"{figures.epochs} epoch{'' if figures.epochs == 1 else 's'}, "
        took = f"{epochs}{time_in_words(figures.seconds)}"
        self.progress.say(f"Trial {taken.entry.number}, network {len(ended)}: {taken.entry.name}: {came}, {took}{end}")

    def train(self, taken: Taken) -> Outcome:
        """A whole network; KeyboardInterrupt where it was interrupted, with its checkpoint left."""
        entry, bench = taken.entry, self.jobs.of(taken.entry.recipe)
        stopping = entry.recipe.stopping
        watch = Halving(self.book, taken, stopping.monitor, stopping.sign)
        trained = replace(bench.trainer, watch=watch).train(entry.recipe, entry.key, self.end)
        if trained.interrupted:
            raise KeyboardInterrupt
        return self.outcome_of(trained)

    def enter_grid(self, bench: Bench, base: Recipe, axes: Sequence[Axis]) -> None:
        """All of a grid, after a word on how much that is."""
        total = math.prod(len(axis.grid()) for axis in axes)
        if total > MOST_COMBINATIONS:
            raise RecipeError(f"the grid has {total:,} combinations; list fewer values, or take --sampler random")
        made = [networks.proposal_of(base, axes, params, GRID) for params in grid_of(axes)]
        fitting = [one for one in made if one is not None]
        if not fitting:
            raise RecipeError("no combination of the grid has settings that go together; see docs/tune.md")
        if len(fitting) < total:
            gone = total - len(fitting)
            self.notes[f"{gone:,} of {total:,} combinations do not go together and are left out"] = None
        fitting = self.allowed(fitting) if self.limits.any else fitting
        ended = self.networks_ended()
        seconds = [networks.seconds_of(bench, one.recipe, ended) for one in fitting]
        known = [one for one in seconds if one is not None]
        about = f", about {time_in_words(sum(known))}" if len(known) == len(seconds) else ""
        self.progress.say(f"The grid has {len(fitting):,} combinations{about}")
        self.book.enter(fitting)

    def propose(self, bench: Bench, base: Recipe, axes: Sequence[Axis]) -> bool:
        """Enter the sampler's next settings; False where there are none, or enough were tried."""
        with self.book.alone():
            entries = [one for one in self.book.entries() if one.kind == NETWORK]
            if len(entries) >= self.most:
                return False
            known = {one.key for one in entries}
            for redraw in range(REDRAWS):
                attempt = len(entries) * REDRAWS + redraw
                params = sampled(axes, entries, self.sampler, base.seed, attempt)
                one = networks.proposal_of(base, axes, params, SAMPLED)
                seconds = networks.seconds_of(bench, one.recipe, [e for e in entries if e.outcome]) if one else None
                fitted = networks.fitted(axes, params, self.end - time.monotonic(), seconds)
                if one is None or fitted is None:
                    continue
                one = networks.proposal_of(base, axes, fitted, SAMPLED) if fitted != params else one
                if one and self.book.key(one.recipe) not in known and not self.too_much(one):
                    return self.book.enter_now([one]) > 0
        return False

    def too_much(self, one: Proposal) -> bool:
        """Whether a network is beyond the limits, or its backbone cannot be had."""
        try:
            return self.limits.any and not self.allowed([one])
        except BackboneError as error:
            self.notes[str(error)] = None
            return True


How = Callable[[Taken], Outcome]


def place_of(recipe: Recipe) -> tuple[object, ...]:
    """Where a head sits, in which network."""
    network, planning = recipe.network, recipe.planning
    return network.backbone, network.image_size, planning.cuts or (planning.cut,)


def figure_on(judged: Judged, rows: np.ndarray, counts: np.ndarray | None) -> float | None:
    """The share that is right of the images ``rows``; None where none of them judged. Rare ones may count more."""
    chosen = np.isin(judged.rows, rows)
    if not chosen.any():
        return None
    weights = np.ones(int(chosen.sum())) if counts is None else counts[judged.rows[chosen]]
    return float(weights @ judged.hits[chosen].astype(float) / weights.sum())
