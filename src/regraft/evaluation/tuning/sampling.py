"""Which settings to try next: by Optuna's sampler from the trials so far, at random, or all of a grid."""

import itertools
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, RandomSampler, TPESampler
from optuna.trial import TrialState, create_trial

from regraft.evaluation.tuning.axis import Axis
from regraft.evaluation.tuning.book import Entry, distribution_of

SAMPLERS = ("tpe", "random", "grid")
SEEDS_APART = 100_003  # between the seeds of one search and the next
MOST_COMBINATIONS = 10_000  # of a grid


def sampled(axes: Sequence[Axis], past: Sequence[Entry], sampler: str, seed: int, attempt: int) -> dict[str, Any]:
    """Settings for the next trial: from the trials before it, the seed, and which attempt it is.

    The trials are copied into a study in memory, so that heads, which have other settings, do not count.
    """
    distributions = {axis.name: distribution_of(axis) for axis in axes}
    own: BaseSampler
    number = (seed * SEEDS_APART + attempt) % 2**31
    own = TPESampler(seed=number) if sampler == "tpe" else RandomSampler(seed=number)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the sampler says of its options is of no use to who searches
        study = optuna.create_study(direction="maximize", sampler=own)
        for entry in past:
            if (copy := copied(entry, distributions)) is not None:
                study.add_trial(copy)
        return dict(study.ask(distributions).params)


def copied(entry: Entry, distributions: Mapping[str, BaseDistribution]) -> optuna.trial.FrozenTrial | None:
    """A trial as the sampler takes it; None of one that lacks a setting, or came to nothing."""
    if set(entry.params) != set(distributions) or entry.state in {TrialState.WAITING, TrialState.FAIL}:
        return None
    value = entry.outcome.figures.shared if entry.complete and entry.outcome else None
    return create_trial(
        state=entry.state,
        value=value,
        params=dict(entry.params),
        distributions=dict(distributions),
        intermediate_values=dict(entry.curve),
    )


def grid_of(axes: Sequence[Axis]) -> Iterator[dict[str, Any]]:
    """Every combination of the axes' values."""
    for values in itertools.product(*(axis.grid() for axis in axes)):
        yield {axis.name: value for axis, value in zip(axes, values, strict=True)}
