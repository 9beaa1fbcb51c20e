"""Which searched settings mattered, with intervals: fANOVA (Hutter et al., 2014) on resampled trials."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import optuna
from optuna.importance import FanovaImportanceEvaluator, get_param_importances
from optuna.trial import TrialState, create_trial

from regraft.evaluation.tuning.axis import Axis
from regraft.evaluation.tuning.book import Entry, distribution_of

FEWEST = 20  # trials, under which nothing is said
RESAMPLES, TREES = 30, 16
LOW, HIGH = 2.5, 97.5  # percentiles of the interval


@dataclass(frozen=True)
class Importance:
    """A setting's share of what the trials' figures vary by."""

    name: str
    share: float
    low: float
    high: float


def importance_of(entries: Sequence[Entry], axes: Sequence[Axis], seed: int) -> tuple[Importance, ...]:
    """Of whole networks that ran to their end, in falling order; none where they are too few or all alike."""
    names = [axis.name for axis in axes if not axis.values or len(axis.values) > 1]
    distributions = {axis.name: distribution_of(axis) for axis in axes if axis.name in names}
    trials = [
        create_trial(
            state=TrialState.COMPLETE,
            value=entry.outcome.figures.shared,
            params={name: entry.params[name] for name in names},
            distributions=distributions,
        )
        for entry in entries
        if entry.complete and entry.outcome and set(names) <= set(entry.params)
    ]
    if len(trials) < FEWEST or not names or len({trial.value for trial in trials}) < 2:  # noqa: PLR2004
        return ()
    draw, shares = np.random.default_rng(seed), []
    for _ in range(RESAMPLES):
        chosen = [trials[place] for place in draw.integers(0, len(trials), len(trials))]
        if len({trial.value for trial in chosen}) > 1:
            shares.append(shares_of(chosen, names, seed))
    whole = shares_of(trials, names, seed)
    low, high = np.percentile(np.array(shares), (LOW, HIGH), axis=0)
    found = [Importance(name, whole[place], float(low[place]), float(high[place])) for place, name in enumerate(names)]
    return tuple(sorted(found, key=lambda one: -one.share))


def shares_of(trials: Sequence[optuna.trial.FrozenTrial], names: Sequence[str], seed: int) -> list[float]:
    """The shares of some trials, by the settings' order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the evaluator's own parts
        study = optuna.create_study(direction="maximize")
        study.add_trials(trials)
        found = get_param_importances(study, evaluator=FanovaImportanceEvaluator(n_trees=TREES, seed=seed))
    return [float(found.get(name, 0.0)) for name in names]
