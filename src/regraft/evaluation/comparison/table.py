"""From trainings to a table: each strategy's figures, the plan against the others, and its regret."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from regraft.evaluation.comparison.entries import COMPARED, JOINED, TRAINED
from regraft.evaluation.comparison.regret import regret_of
from regraft.evaluation.comparison.trainings import Scored
from regraft.metrics import Metrics, measure
from regraft.metrics.comparisons import Difference, holm, mean_over_repeats, on_images, over_repeats

PLAN = "plan"
SEED = 0  # of the bootstrap and of the halves


@dataclass(frozen=True)
class Row:
    """One strategy."""

    strategy: str
    accuracy: float
    low: float  # ends of the 95% interval
    high: float
    balanced_accuracy: float
    negative_log_likelihood: float  # mean over test images, in nats
    epochs: float  # mean over repeats; 0 of a head alone
    seconds: float  # of its training, mean over repeats
    settings: Mapping[str, int]  # how often each was chosen by validation


@dataclass(frozen=True)
class Contrast:
    """The plan against another strategy."""

    other: str
    difference: Difference  # the plan's accuracy less the other's
    adjusted_p: float | None  # by Holm over the planned contrasts; None of one that was not planned


@dataclass(frozen=True)
class Table:
    """All strategies at one number of training images, under one budget."""

    budget: str
    training_images: int
    test_images: int
    repeats: int
    planned: Mapping[str, int]  # in how many repeats the plan took which strategy
    plan: Row
    rows: tuple[Row, ...]
    contrasts: tuple[Contrast, ...]
    lead: Difference | None  # of the best strategy that trains every layer over the best frozen one
    regret: tuple[float, float | None, float | None]  # of following the plan, and its interval over repeats
    uneven: bool  # whether the classes differ much in size

    @property
    def usual(self) -> str:
        """The strategy that the plan takes, most often."""
        return max(self.planned, key=lambda name: self.planned[name])

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        contrasts = [
            {"against": one.other, "adjusted_p": one.adjusted_p, **asdict(one.difference)} for one in self.contrasts
        ]
        return asdict(self) | {"contrasts": contrasts, "regret": list(self.regret), "usual": self.usual}


def table_of(scored: Sequence[Scored], classes: Sequence[str]) -> Table:
    """The table of one size and one budget; ``scored``: one for each repeat."""
    strategies = [name for name in COMPARED if all(name in one.outcomes for one in scored)]
    measured = {name: [metrics_of(one, name, classes) for one in scored] for name in strategies}
    measured[PLAN] = [measured[one.planned][repeat] for repeat, one in enumerate(scored)]
    planned = Counter(one.planned for one in scored)
    usual = planned.most_common(1)[0][0]
    others = [name for name in strategies if name != usual]
    differences = [compared(scored, [one.planned for one in scored], name) for name in others]
    planned_ones = [name != JOINED for name in others]
    adjusted = holm([one.p if own else np.nan for one, own in zip(differences, planned_ones, strict=True)])
    return Table(
        budget=str(scored[0].budget),
        training_images=round(float(np.mean([one.part.images for one in scored]))),
        test_images=round(float(np.mean([len(one.part.labels) for one in scored]))),
        repeats=len(scored),
        planned=dict(planned),
        plan=row_of(PLAN, scored, measured[PLAN]),
        rows=tuple(row_of(name, scored, measured[name]) for name in strategies),
        contrasts=tuple(
            Contrast(name, difference, p if own and np.isfinite(p) else None)
            for name, difference, p, own in zip(others, differences, adjusted, planned_ones, strict=True)
        ),
        lead=lead_of(scored, strategies),
        regret=regret(scored, strategies),
        uneven=any(metrics.uneven for metrics in measured[PLAN]),
    )


def metrics_of(one: Scored, strategy: str, classes: Sequence[str]) -> Metrics:
    """A strategy's figures on one repeat's test images."""
    part = one.part
    probabilities = one.outcomes[strategy].probabilities
    return measure(probabilities, part.labels, classes, part.job.split.reported, SEED, part.groups)


def row_of(name: str, scored: Sequence[Scored], measured: Sequence[Metrics]) -> Row:
    """A strategy's figures over the repeats; intervals of one test set where there is one repeat."""
    outcomes = [one.outcomes[one.planned if name == PLAN else name] for one in scored]
    accuracies = [metrics.accuracy for metrics in measured]
    if len(scored) > 1:
        accuracy, low, high = mean_over_repeats(accuracies, mean_of(scored, lambda one: one.part.ratio))
        low, high = max(0.0, low), min(1.0, high)
    else:
        accuracy, (low, high) = accuracies[0], measured[0].intervals["accuracy"]
    return Row(
        strategy=name,
        accuracy=accuracy,
        low=low,
        high=high,
        balanced_accuracy=float(np.mean([metrics.balanced_accuracy for metrics in measured])),
        negative_log_likelihood=float(np.mean([loss_of(metrics) for metrics in measured])),
        epochs=float(np.mean([outcome.figures.epochs for outcome in outcomes])),
        seconds=float(np.mean([outcome.figures.seconds for outcome in outcomes])),
        settings=dict(Counter(outcome.figures.setting or "by itself" for outcome in outcomes)),
    )


def loss_of(metrics: Metrics) -> float:
    """The mean negative log likelihood, in nats."""
    return metrics.probabilities.negative_log_likelihood.value


def lead_of(scored: Sequence[Scored], strategies: Sequence[str]) -> Difference | None:
    """What the best strategy that trains every layer has over the best frozen one; None where one kind is missing."""
    means = {name: mean_of(scored, lambda one, name=name: right_of(one, name).mean()) for name in strategies}  # type: ignore[misc]
    trained, frozen = ([name for name in means if (name in TRAINED) is kind] for kind in (True, False))
    if not trained or not frozen:
        return None
    best, other = (max(names, key=lambda name: means[name]) for names in (trained, frozen))
    return compared(scored, [best] * len(scored), other)


def compared(scored: Sequence[Scored], mine: Sequence[str], other: str) -> Difference:
    """A strategy's accuracy, named for each repeat, less another one's: over repeats, or on the one test set."""
    pairs = [(right_of(one, own), right_of(one, other)) for one, own in zip(scored, mine, strict=True)]
    if len(scored) == 1:
        return on_images(*pairs[0], SEED, scored[0].part.groups)
    differences = [float(plan.mean() - its.mean()) for plan, its in pairs]
    return over_repeats(differences, mean_of(scored, lambda one: one.part.ratio))


def right_of(one: Scored, strategy: str) -> np.ndarray:
    """Which test images (images,) a strategy has right."""
    return np.asarray(one.outcomes[strategy].probabilities.argmax(axis=1) == one.part.labels)


def regret(scored: Sequence[Scored], strategies: Sequence[str]) -> tuple[float, float | None, float | None]:
    """Of following the plan, and its interval where there are repeats."""
    values = [
        regret_of({name: right_of(one, name) for name in strategies}, one.planned, SEED, one.part.groups)
        for one in scored
    ]
    if len(values) == 1:
        return values[0], None, None
    return mean_over_repeats(values, mean_of(scored, lambda one: one.part.ratio))


def mean_of(scored: Sequence[Scored], figure: Callable[[Scored], float]) -> float:
    """A figure's mean over the repeats."""
    return float(np.mean([figure(one) for one in scored]))
