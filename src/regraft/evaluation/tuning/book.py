"""The trials of a search, in Optuna's journal: entered once each, taken by one process at a time, gone on with."""

import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from regraft.evaluation.kept_folder import CHECKPOINTS, TRAININGS
from regraft.evaluation.tuning import outcomes
from regraft.evaluation.tuning.axis import Axis
from regraft.evaluation.tuning.journal import JOURNAL, ProcessLock
from regraft.evaluation.tuning.outcomes import COMPLETE, Outcome
from regraft.recipe import Recipe
from regraft.runs.claim import Held, hold, release

CLAIMS = "claims"  # a locked folder for each trial that a process is at
HEAD, NETWORK = "head", "network"  # kinds of trials
KIND, NAME, KEY, ORIGIN, CHANGES = "kind", "name", "key", "origin", "recipe"  # of a trial, in the journal


@dataclass(frozen=True)
class Proposal:
    """A trial to be entered."""

    name: str
    kind: str  # head or network
    origin: str  # the plan, train's candidates, the product of heads, the sampler, the grid
    recipe: Recipe  # that names its strategy
    params: Mapping[str, Any] = field(default_factory=dict)  # the settings that are searched, by name


@dataclass(frozen=True)
class Entry:
    """A trial that was entered."""

    number: int
    name: str
    kind: str
    origin: str
    key: str
    recipe: Recipe
    params: Mapping[str, Any]
    state: TrialState
    curve: Mapping[int, float]  # the monitored figure after each epoch
    outcome: Outcome | None

    @property
    def complete(self) -> bool:
        """Whether it ran to its end."""
        return self.outcome is not None and self.outcome.figures.state == COMPLETE


@dataclass(frozen=True)
class Taken:
    """A trial that this process is at."""

    entry: Entry
    trial: Trial
    claim: int  # the lock


def distribution_of(axis: Axis) -> BaseDistribution:
    """A setting's values in Optuna's words."""
    if axis.values:
        return CategoricalDistribution(list(axis.values))
    if axis.whole:
        return IntDistribution(int(axis.low), int(axis.high), log=axis.log)
    return FloatDistribution(axis.low, axis.high, log=axis.log)


@dataclass
class Book:
    """The trials in one folder."""

    folder: Path
    study: optuna.Study
    asked: Recipe
    facts: Sequence[Any]  # what determines outcomes beside the recipe
    axes: Mapping[str, Axis]
    completing: Callable[[Recipe], Recipe]  # fills in what a recipe leaves open, so that the same one is known again
    read: dict[str, Outcome] = field(default_factory=dict)  # outcomes that were read before
    recipes: dict[str, Recipe] = field(default_factory=dict)  # by key, as they were made before

    @contextmanager
    def alone(self) -> Iterator[None]:
        """No other process enters or takes trials meanwhile."""
        lock = ProcessLock(self.folder / "entering")
        lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def entries(self) -> list[Entry]:
        """All trials, in the order in which they were entered."""
        return [self.entry_of(trial) for trial in self.trials()]

    def trials(self) -> list[FrozenTrial]:
        """As Optuna has them now; those that others entered by hand are left out."""
        return [trial for trial in self.study.get_trials(deepcopy=False) if KEY in trial.user_attrs]

    def entry_of(self, trial: FrozenTrial) -> Entry:
        """A trial with what it came to."""
        own = trial.user_attrs
        if own[KEY] not in self.recipes:
            self.recipes[own[KEY]] = self.asked.but(**own[CHANGES])
        return Entry(
            number=trial.number,
            name=own[NAME],
            kind=own[KIND],
            origin=own[ORIGIN],
            key=own[KEY],
            recipe=self.recipes[own[KEY]],
            params=trial.params,
            state=trial.state,
            curve=trial.intermediate_values,
            outcome=self.outcome(own[KEY]) if trial.state.is_finished() else None,
        )

    def outcome(self, key: str) -> Outcome | None:
        """What a recipe came to, where it is known."""
        if key not in self.read and (found := outcomes.read(self.folder / TRAININGS, key)):
            self.read[key] = found
        return self.read.get(key)

    def key(self, recipe: Recipe) -> str:
        """The name of a recipe's outcome."""
        return outcomes.key_for(self.completing(recipe), self.facts)

    def enter(self, proposals: Sequence[Proposal], most: int | None = None) -> int:
        """Enter trials that are not there yet, ``most`` of them, for any process to take: how many were new."""
        with self.alone():
            return self.enter_now(proposals, most)

    def enter_now(self, proposals: Sequence[Proposal], most: int | None = None) -> int:
        """The same where this process is alone already."""
        known, new = {trial.user_attrs[KEY] for trial in self.trials()}, 0
        usual = self.asked.flat()
        for one in proposals:
            key = self.key(one.recipe)
            if key in known or new == most:
                continue
            known.add(key)
            new += 1
            changes = {name: value for name, value in one.recipe.flat().items() if value != usual[name]}
            attributes = {NAME: one.name, KIND: one.kind, KEY: key, ORIGIN: one.origin, CHANGES: changes}
            fitting = {name: value for name, value in one.params.items() if self.holds(name, value)}
            self.study.add_trial(
                create_trial(
                    state=TrialState.WAITING,
                    params=fitting,
                    distributions={name: distribution_of(self.axes[name]) for name in fitting},
                    user_attrs=attributes,
                )
            )
        return new

    def holds(self, name: str, value: Any) -> bool:
        """Whether a setting is searched, and the value is among its values."""
        return name in self.axes and self.axes[name].holds(value)

    def take(self, kind: str | None = None) -> Taken | None:
        """The next trial to be trained: one whose process or outcome is gone, else one that waits; None without one."""
        with self.alone():
            own = [trial for trial in self.trials() if kind in {None, trial.user_attrs[KIND]}]
            for trial in own:
                stale = trial.state == TrialState.RUNNING or (
                    trial.state.is_finished() and self.outcome(trial.user_attrs[KEY]) is None
                )
                if stale and (taken := self.claimed(trial.number)):
                    return taken
            first = next((trial for trial in own if trial.state == TrialState.WAITING), None)
            if first is None:
                return None
            self.study._storage.set_trial_state_values(first._trial_id, TrialState.RUNNING)  # as Study.ask does
            taken = self.claimed(first.number)
            assert taken, "a trial that waits is nobody's"
            return taken

    def claimed(self, number: int) -> Taken | None:
        """A running trial for this process, or None where another one is at it."""
        kept = self.study.get_trials(deepcopy=False)[number]
        try:
            claim = hold(self.folder / CLAIMS / kept.user_attrs[KEY])
        except Held:
            return None
        trial = Trial(self.study, kept._trial_id)
        if not kept.state.is_finished():
            trial.set_user_attr("process", f"{socket.gethostname()} {os.getpid()} {time.strftime('%Y-%m-%dT%H:%M:%S')}")
        return Taken(self.entry_of(self.study.get_trials(deepcopy=False)[number]), trial, claim)

    def running_elsewhere(self, kind: str | None = None) -> int:
        """How many trials other processes are at."""
        count = 0
        for trial in self.trials():
            if trial.state == TrialState.RUNNING and kind in {None, trial.user_attrs[KIND]}:
                try:
                    release(hold(self.folder / CLAIMS / trial.user_attrs[KEY]))
                except Held:
                    count += 1
        return count

    def end(self, taken: Taken, outcome: Outcome) -> None:
        """Keep what a trial came to, and tell the study."""
        key, figures = taken.entry.key, outcome.figures
        if self.outcome(key) is None:
            outcomes.write(self.folder / TRAININGS, key, outcome)
            self.read[key] = outcome
        if taken.entry.state.is_finished():  # it was told before, and what it came to was lost
            self.leave(taken)
            return
        told: dict[str, Any] = {"validation": figures.accuracy, "images": len(outcome.rows), "loss": figures.loss}
        told |= {"epochs": figures.epochs, "seconds": round(figures.seconds, 2), "note": figures.note}
        for name, value in told.items():
            if value not in {None, "", 0}:
                taken.trial.set_user_attr(name, value)
        states = {COMPLETE: TrialState.COMPLETE, outcomes.DROPPED: TrialState.PRUNED}
        state = states.get(figures.state, TrialState.FAIL)
        if state == TrialState.PRUNED and figures.shared is not None and not taken.entry.curve:
            taken.trial.report(figures.shared, 0)
        self.study.tell(taken.trial, figures.shared if state == TrialState.COMPLETE else None, state)
        self.leave(taken)

    def leave(self, taken: Taken) -> None:
        """Let another process have a trial; one that has not ended is gone on with."""
        with suppress(OSError):
            (self.folder / CLAIMS / taken.entry.key).rmdir()
        release(taken.claim)

    def drop_checkpoints(self, but: str | None) -> None:
        """Remove the checkpoints of trials that have ended, ``but`` those of the one whose key is given."""
        with self.alone():
            for trial in self.trials():
                key = trial.user_attrs[KEY]
                if trial.state.is_finished() and key != but:
                    shutil.rmtree(self.folder / CHECKPOINTS / key, ignore_errors=True)

    @property
    def path(self) -> Path:
        """The journal."""
        return self.folder / JOURNAL
