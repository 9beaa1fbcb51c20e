"""Several candidates in turn: a usable result first, better with time; evidence decides what is kept.

First heads on features that are there already, judged against one another; then the whole network trained from the best
of them, in the time that there is for it.
"""

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from regraft.errors import RegraftError
from regraft.planning.prepare import Job
from regraft.training.candidates import Candidate, frozen_candidates, tuned_candidates
from regraft.training.choosing import PRACTICALLY_EQUAL, best_of, counts_for, gain_of
from regraft.training.result import Attempt, Trained
from regraft.training.strategy import Trainer, or_from_scratch

LEAST_SECONDS = 10.0  # no training of the whole network starts with less left
NO_TIME = "no time was left for it"


@dataclass
class Contest:
    """What was tried so far, and the best of it."""

    trainer: Trainer
    counts: np.ndarray | None  # what each image counts, as counts_for says
    tried: list[Attempt] = field(default_factory=list)
    best: Trained | None = None
    interrupted: bool = False

    def train(self, candidate: Candidate, deadline: float) -> Trained | None:
        """A candidate trained; None, and why among what was tried, where that fails and there is another."""
        try:
            trained = self.trainer.train(candidate.recipe, candidate.name.replace(" ", "-"), deadline)
        except (RegraftError, KeyboardInterrupt) as error:
            if self.best is None:
                raise
            self.interrupted = isinstance(error, KeyboardInterrupt)
            self.tried.append(Attempt(candidate.name, note=str(error) or "interrupted"))
            return None
        self.interrupted = trained.interrupted
        self.best = self.best or trained
        return trained

    def heads(self, candidates: Iterator[Candidate], deadline: float) -> Trained:
        """Train heads, the rule's first, and keep the best; the first is returned."""
        entered: dict[str, Trained] = {}
        for candidate in candidates:
            if self.interrupted:
                break
            if entered and time.monotonic() > deadline:
                self.tried.append(Attempt(candidate.name, note=NO_TIME))
            elif trained := self.train(candidate, deadline):
                entered[candidate.name] = trained
        rule, *_ = entered.values()
        gains = [gain_of(trained.judged, rule.judged, self.counts) for trained in entered.values()]
        winner = best_of([trained.judged for trained in entered.values()], gains)
        for place, (name, trained) in enumerate(entered.items()):
            own = gains[place]
            before, gain = (own.before, own.expected) if place else (None, None)
            self.tried.append(Attempt(name, own.accuracy, before, gain, place == winner, trained.seconds))
        self.best = list(entered.values())[winner]
        return rule

    def dearer(self, candidate: Candidate, deadline: float) -> None:
        """Train a candidate that costs more than what is there, and keep it where it is worth that."""
        left = deadline - time.monotonic()
        if left < LEAST_SECONDS:
            self.tried.append(Attempt(candidate.name, note=NO_TIME))
        elif trained := self.train(candidate, time.monotonic() + candidate.share * left):
            assert self.best, "a head was trained before"
            gain = gain_of(trained.judged, self.best.judged, self.counts)
            kept, notes = gain.expected > PRACTICALLY_EQUAL, "; ".join(trained.notes)
            attempt = Attempt(candidate.name, gain.accuracy, gain.before, gain.expected, kept, trained.seconds, notes)
            self.tried.append(attempt)
            self.best = trained if kept else self.best


def train_in_turn(job: Job, trainer: Trainer, deadline: float = math.inf) -> Trained:
    """Try what the plan lets compete; the whole network is trained by ``deadline``, one of time.monotonic().

    The result carries what was tried, kept and turned down, and what the rule's head would have given.
    """
    counts = counts_for(job.recipe.stopping.monitor, job.features.labels)
    contest = Contest(trainer, counts, list(baseline_attempts(trainer)))
    heads = frozen_candidates(job.planned_recipe(), job.plan, trainer.examples, trainer.backbone.cuts, trainer.progress)
    rule = contest.heads(heads, deadline)
    best = contest.best
    assert best, "a head was trained"
    for candidate in tuned_candidates(best.recipe, job.recipe, job.plan):
        if not contest.interrupted:
            contest.dearer(candidate, deadline)
    best = contest.best or best
    interrupted = contest.interrupted
    if not interrupted and not best.frozen and job.plan.case == "large-different" and time.monotonic() < deadline:
        best = or_from_scratch(best, trainer, job.recipe, deadline)
    return replace(best, tried=tuple(contest.tried), rule=rule, interrupted=interrupted or best.interrupted)


def baseline_attempts(trainer: Trainer) -> Iterator[Attempt]:
    """The majority class and the nearest neighbour, on the fold or part that validates."""
    started = time.perf_counter()
    for name, accuracy in trainer.baselines_on_validation().items():
        seconds = time.perf_counter() - started
        yield Attempt(name.replace("_", " "), accuracy, seconds=seconds, note="baseline")
