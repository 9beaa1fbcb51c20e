"""Go on with a head that was trained before: what is fitted is the difference from it, which the weight decay holds.

A strong decay leaves the head as it was, a weak one learns it anew; validation chooses, as for any other head.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regraft.features.axes import Axes, axes_of
from regraft.features.head import (
    DECAYS,
    Fold,
    HeadSettings,
    Trial,
    best_trial,
    few_enough,
    fitting_rows,
    raw_head,
    weights_of_classes,
)
from regraft.features.objective import ROUGHLY, TOLERANCE, Labelled, fit_one_layer
from regraft.features.probe import sums_of
from regraft.features.threads import one_thread
from regraft.network.head import Head

HOLDING = (100.0, 30.0, 10.0, 3.0)  # decays that leave a head nearly as it was
PENALTY = 10.0  # of the discriminant whose rows new classes begin at


@dataclass(frozen=True, eq=False)
class Start:
    """A head and which of its rows are for which class now."""

    head: Head  # of one or two layers, for the features as they are
    rows: tuple[int, ...]  # (classes,) of the last layer; 0 where there is none
    known: tuple[bool, ...]  # (classes,) whether there is one

    def before_last(self, features: np.ndarray) -> np.ndarray:
        """What the last layer takes."""
        hidden = features.astype(np.float32, copy=False)
        for weights, biases in list(zip(self.head.weights, self.head.biases, strict=True))[:-1]:
            hidden = np.maximum(hidden @ weights.T + biases, 0)
        return hidden

    def last_layer(self, fresh: Head) -> Head:
        """The last layer; classes without a row have that of ``fresh``, brought to the level of the others.

        Probabilities are the same where all rows have something added to them: that makes the rows of two heads
        comparable, by those of the classes that both have.
        """
        known, rows = np.array(self.known), list(self.rows)
        weights, biases = self.head.weights[-1][rows].copy(), self.head.biases[-1][rows].copy()
        level, height = weights - fresh.weights[0], biases - fresh.biases[0]
        weights[~known] = fresh.weights[0][~known] + level[known].mean(axis=0)
        biases[~known] = fresh.biases[0][~known] + height[known].mean()
        return Head((weights,), (biases,))

    def whole(self, last: Head) -> Head:
        """The head with another last layer."""
        return Head((*self.head.weights[:-1], *last.weights), (*self.head.biases[:-1], *last.biases))


def go_on(
    features: np.ndarray,
    labels: np.ndarray,
    start: Start,
    folds: Sequence[Fold],
    rows: np.ndarray,
    settings: HeadSettings,
    decays: Sequence[float] = (),
) -> tuple[tuple[Trial, ...], Head]:
    """The decays tried, and the head of ``start`` fitted on to ``rows`` with the best, as choose_and_solve has them.

    Of two layers the first stays as it is.
    """
    few, share = few_enough(folds, settings.seed)
    hidden = start.before_last(features)
    with one_thread():
        fitting = fitting_rows(few)
        axes = axes_of(hidden[fitting])
        problem = Onward(axes, hidden, axes.apply(hidden), labels, start, settings)
        trials = problem.trials(few, tuple(decays) or (*HOLDING, *DECAYS))
        decay = best_trial(trials).decay * (1 if decays else share)
        return tuple(trials), start.whole(problem.solve(rows, decay))


@dataclass(frozen=True, eq=False)
class Onward:
    """A last layer to go on with."""

    axes: Axes
    hidden: np.ndarray  # (images, inputs), what it takes
    x: np.ndarray  # (images, axes): the same along the axes
    labels: np.ndarray
    start: Start
    settings: HeadSettings

    def from_here(self, rows: np.ndarray) -> tuple[Head, Labelled]:
        """The layer before it is fitted on ``rows``, and what the difference is fitted to."""
        classes, x, labels = len(self.start.known), self.x[rows], self.labels[rows]
        weights, biases = sums_of(x, labels, classes).discriminant(PENALTY)
        told = Head(((1 + PENALTY) * weights.T.astype(np.float32),), (biases.astype(np.float32),))
        base = self.start.last_layer(raw_head(told, self.axes))
        counts = weights_of_classes(labels, classes, self.settings.class_weights)
        return base, Labelled(x, labels, classes, counts, base.logits(self.hidden[rows]))

    def trials(self, folds: Sequence[Fold], decays: Sequence[float]) -> list[Trial]:
        """Each of ``decays``, from strong to weak, fitted and judged on every fold."""
        judged = np.concatenate([fold.judge for fold in folds])
        logits = {decay: np.zeros((len(self.labels), len(self.start.known)), np.float32) for decay in decays}
        for fold in folds:
            base, images = self.from_here(fold.fit)
            before = base.logits(self.hidden[fold.judge])
            changes = fit_one_layer(images, self.axes.variance, decays, ROUGHLY)
            for decay, change in zip(decays, changes, strict=True):
                logits[decay][fold.judge] = before + change.logits(self.x[fold.judge])
        return [Trial(decay, judged, self.labels[judged], own[judged]) for decay, own in logits.items()]

    def solve(self, rows: np.ndarray, decay: float) -> Head:
        """The layer fitted on ``rows``, for what it takes."""
        base, images = self.from_here(rows)
        stronger = [one for one in (*HOLDING, *DECAYS) if one > decay]
        *_, change = fit_one_layer(images, self.axes.variance, (*stronger, decay), TOLERANCE)
        change = raw_head(change, self.axes)
        return Head((base.weights[0] + change.weights[0],), (base.biases[0] + change.biases[0],))
