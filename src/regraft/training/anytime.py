"""Several candidates in turn: a usable result first, better with time; evidence decides what is kept.

First heads on features that are there already, judged against one another; then the whole network trained from the best
of them, in the time that there is for it.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from regraft.data.prefetch import map_ahead
from regraft.errors import RegraftError
from regraft.features.threads import one_thread
from regraft.planning.prepare import Job
from regraft.progress import silent
from regraft.progress.pace import time_in_words
from regraft.training.candidates import Candidate, frozen_candidates, tuned_candidates
from regraft.training.choosing import PRACTICALLY_EQUAL, Gain, best_of, counts_for, gain_of
from regraft.training.curve import improving, prospect_of
from regraft.training.examples import rows_for_tuning
from regraft.training.result import Attempt, Trained
from regraft.training.strategy import Trainer, or_from_scratch
from regraft.training.verdict import UNCHANGED, against, against_head, apart, ending, is_unchanged

LEAST_SECONDS = 10.0  # no training of the whole network starts with less left
LEAST_ERROR = 0.02  # of the best head on held-out images, for the whole network to compete without a time limit
NO_TIME = "no time was left for it"


@dataclass
class Contest:
    """What was tried so far, and the best of it."""

    trainer: Trainer
    counts: np.ndarray | None  # what each image counts, as counts_for says
    tried: list[Attempt] = field(default_factory=list)
    best: Trained | None = None
    leader: str = "the best head"  # what ``best`` is called
    needed: float | None = None  # seconds that all epochs of a whole network take, once one was trained
    interrupted: bool = False

    def train(self, candidate: Candidate, deadline: float) -> Trained | Attempt:
        """A candidate trained; or why there is nothing of it."""
        try:
            return self.trainer.train(candidate.recipe, candidate.name.replace(" ", "-"), deadline)
        except RegraftError as error:
            return Attempt(candidate.name, note=str(error))

    def heads(self, candidates: Sequence[Candidate], deadline: float) -> Trained:
        """Solve heads, several at once, and keep the best; the first, which the rule gives, is returned."""
        first, *others = candidates
        rule = self.best = self.trainer.train(first.recipe, first.name.replace(" ", "-"), deadline)
        entered, quiet = {first.name: rule}, replace(self, trainer=replace(self.trainer, progress=silent))
        head = first.recipe.head
        workers = 1 if head.views or head.layers > 1 else 0  # torch draws from one generator for all threads

        def solve(candidate: Candidate) -> Trained | Attempt:
            late = time.monotonic() > deadline
            return Attempt(candidate.name, note=NO_TIME) if late else quiet.train(candidate, deadline)

        try:
            with one_thread():  # each of several
                for done, (candidate, outcome) in enumerate(map_ahead(solve, others, workers, 1, 1), 1):
                    self.trainer.progress("Trying heads", done, len(others), "heads")
                    if isinstance(outcome, Trained):
                        entered[candidate.name] = outcome
                    else:
                        self.tried.append(outcome)
        except KeyboardInterrupt:
            self.interrupted = True
        self.compare(entered)
        return rule

    def compare(self, entered: Mapping[str, Trained]) -> None:
        """Keep the best of the heads, by what each has over the first of them."""
        heads = list(entered.values())
        gains = [gain_of(trained.judged, heads[0].judged, self.counts) for trained in heads]
        winner = best_of([trained.judged for trained in heads], gains)
        self.best = best = heads[winner]
        for place, (name, trained) in enumerate(entered.items()):
            own, kept = gains[place], place == winner
            lead = gain_of(trained.judged, best.judged, self.counts)
            self.tried.append(
                Attempt(
                    name=name,
                    accuracy=own.accuracy,
                    before=own.before if place else None,
                    gain=own.expected if place else None,
                    kept=kept,
                    seconds=trained.seconds,
                    note="" if place else "the rule",
                    images=own.images,
                    why="" if kept else against_head(lead, trained.judged.loss, best.judged.loss),
                )
            )

    def dearer(self, candidate: Candidate, deadline: float) -> None:
        """Train a candidate that costs more than what is there, and keep it where it is worth that."""
        assert self.best, "a head was trained before"
        left = deadline - time.monotonic()
        if left < LEAST_SECONDS:
            more = "" if self.needed is None else f"about {time_in_words(self.needed - left)} more would let it run"
            self.tried.append(Attempt(candidate.name, note=NO_TIME, prospect=more))
            return
        limit = f", with {time_in_words(left)} left" if math.isfinite(left) else ""
        self.trainer.progress.say(f"Trying {candidate.name}{limit}")
        try:
            trained = self.train(candidate, deadline)
        except KeyboardInterrupt:
            self.interrupted, trained = True, Attempt(candidate.name, note="interrupted")
        if isinstance(trained, Attempt):
            self.tried.append(trained)
            return
        self.interrupted = trained.interrupted
        gain = gain_of(trained.judged, self.best.judged, self.counts)
        attempt = self.judged(candidate.name, trained, gain)
        if attempt.kept:
            self.tried = [self.overtaken(one, candidate.name, gain) if one.kept else one for one in self.tried]
            self.best, self.leader = trained, candidate.name
        self.tried.append(attempt)

    def judged(self, name: str, trained: Trained, gain: Gain) -> Attempt:
        """What a whole network came to beside the best before it."""
        planned = trained.recipe.optimisation.epochs or 0
        epochs = max((int(row["epoch"]) for row in trained.history), default=0)
        self.needed = trained.seconds * planned / max(epochs, 1)
        unchanged = is_unchanged(trained.history)
        kept = gain.expected > PRACTICALLY_EQUAL and not unchanged
        said = UNCHANGED if unchanged else against(self.leader, gain, kept)
        why = filter(None, (said, ending(trained.history, planned, trained.stopped)))
        return Attempt(
            name=name,
            accuracy=gain.accuracy,
            before=gain.before,
            gain=gain.expected,
            kept=kept,
            seconds=trained.seconds,
            images=gain.images,
            epochs=epochs,
            planned_epochs=planned,
            why="; ".join(why),
            prospect=prospect_of(trained.history, trained.stopped),
            improving=improving(trained.history),
        )

    def overtaken(self, attempt: Attempt, name: str, gain: Gain) -> Attempt:
        """What was the best so far, which ``name`` turned out to be better than."""
        was = f"{self.leader}; " if self.leader != attempt.name else ""
        return replace(attempt, kept=False, why=f"{was}{name}: {apart(gain, 'better')}")


def train_in_turn(job: Job, trainer: Trainer, deadline: float = math.inf) -> Trained:
    """Try what the plan lets compete; the whole network is trained by ``deadline``, one of time.monotonic().

    The result carries what was tried, kept and turned down, and what the rule's head would have given.
    """
    counts = counts_for(job.recipe.stopping.monitor, job.features.labels)
    contest = Contest(trainer, counts, list(baseline_attempts(trainer)))
    heads = frozen_candidates(job.planned_recipe(), job.plan, trainer.examples, job.features.cuts, trainer.progress)
    rule = contest.heads(list(heads), deadline)
    best = contest.best
    assert best, "a head was trained"
    enough = not math.isfinite(deadline) and best.judged.accuracy > 1 - LEAST_ERROR
    for candidate in tuned_candidates(best.recipe, job.recipe, job.plan):
        if enough:
            right = f"it is right on {best.judged.accuracy:.1%} of {len(best.judged.rows):,} images"
            contest.tried.append(Attempt(candidate.name, note="the best head leaves too little to gain", why=right))
        elif not contest.interrupted:
            contest.dearer(candidate, min(deadline, time.monotonic() + candidate.seconds))
    best = replace(contest.best or best, tried=tuple(contest.tried))
    interrupted = contest.interrupted
    random_too = job.plan.case == "large-different" and job.recipe.network.continue_from is None
    if not interrupted and not best.frozen and random_too and time.monotonic() < deadline:
        best = or_from_scratch(best, trainer, job.recipe, deadline)
    ruled = rule if job.recipe.network.continue_from is None else None
    return replace(best, rule=ruled, interrupted=interrupted or best.interrupted)


def baseline_attempts(trainer: Trainer) -> Iterator[Attempt]:
    """The majority class and the nearest neighbour, on the fold or part that validates."""
    started, (_, judges) = time.perf_counter(), rows_for_tuning(trainer.examples.split)
    for name, accuracy in trainer.baselines_on_validation().items():
        seconds = time.perf_counter() - started
        yield Attempt(name.replace("_", " "), accuracy, seconds=seconds, note="baseline", images=len(judges))
