"""Solve a head on features: logistic regression, linear discriminants, or a small network of two linear layers.

The features are standardised for the solver and the standardisation is folded into the first layer
afterwards, so that the head takes the features as the network gives them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from regraft.features.axes import Axes, axes_of
from regraft.features.objective import ROUGHLY, TOLERANCE, Labelled, fit_one_layer, fit_two_layers
from regraft.features.on_disk import rows_of
from regraft.features.probe import PENALTIES, calibrated, calibration, loss_of, sums_of
from regraft.features.threads import one_thread
from regraft.network.head import Head, head_of
from regraft.progress import Progress, silent

if TYPE_CHECKING:
    from torch import nn

DECAYS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)  # L2 per image on standardised features, to choose from
CHOOSING_IMAGES = 10_000  # at most so many images choose the weight decay
PATIENCE = 2  # decays in turn that may be worse than the best, before weaker ones are left out
NEIGHBOURS = 3  # decays that are tried with two layers
TINY = 1e-12
NEAREST_MEAN = 1_000.0  # a penalty so large that a discriminant is the nearest class's mean


@dataclass(frozen=True)
class HeadSettings:
    """What a head is made of and how it is solved."""

    layers: int = 1  # linear ones, one or two
    hidden: int = 256  # units between two of them
    initialiser: str = "xavier_uniform_"  # of the weights of two, a name in torch.nn.init
    class_weights: str = "none"  # as weights_of_classes takes it
    seed: int = 0  # of the initial weights
    solver: str = "logistic"  # or discriminant (Fisher, 1936), of one layer

    @property
    def decays(self) -> tuple[float, ...]:
        """What the weight decay is chosen from; a discriminant's is the penalty on the variance inside the classes."""
        return DECAYS if self.solver == "logistic" else (NEAREST_MEAN, *PENALTIES)


def weights_of_classes(labels: np.ndarray, classes: int, how: str) -> np.ndarray | None:
    """None, or a weight for each class (classes,) with mean 1 over the images; absent classes weigh nothing.

    ``how``: none; auto or inverse-frequency; effective-number (Cui et al., 2019, with beta 1 - 1/images of a class).
    """
    if how == "none":
        return None
    counts = np.bincount(labels, minlength=classes).astype(np.float64)
    amount = counts
    if how == "effective-number":
        beta = 1 - 1 / max(counts.sum() / (counts > 0).sum(), 2.0)
        amount = (1 - beta**counts) / (1 - beta)
    weights = np.where(counts > 0, 1 / np.maximum(amount, 1), 0.0)
    return np.asarray(weights * len(labels) / (weights * counts).sum(), dtype=np.float32)


def fresh_head(inputs: int, classes: int, settings: HeadSettings) -> nn.Sequential:
    """A head with random weights, drawn from the settings' seed alone."""
    import torch

    from regraft.network.surgery import new_head

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(settings.seed)
        return new_head(inputs, classes, settings.layers, settings.hidden, settings.initialiser)


@dataclass(frozen=True)
class Fold:
    """Rows that fit and rows that judge."""

    fit: np.ndarray
    judge: np.ndarray


def folds_from(folds: np.ndarray) -> list[Fold]:
    """Fold numbers per row -> the folds that have rows on both sides."""
    pairs = [Fold(np.flatnonzero(folds != f), np.flatnonzero(folds == f)) for f in np.unique(folds)]
    return [pair for pair in pairs if len(pair.fit) and len(pair.judge)]


@dataclass(frozen=True, eq=False)
class Trial:
    """One weight decay and what the judged images said."""

    decay: float
    rows: np.ndarray  # of the judged images among all that were given
    labels: np.ndarray  # (rows,)
    logits: np.ndarray  # (rows, classes), of heads that did not see the row
    scale: float = 1.0  # that the logits were multiplied by, so that they fit the labels

    @cached_property
    def right(self) -> np.ndarray:
        """Which rows were right: (rows,) bool."""
        return np.asarray(self.logits.argmax(axis=1) == self.labels)

    @cached_property
    def loss(self) -> float:
        """Mean cross-entropy."""
        return loss_of(self.logits, self.labels)

    @property
    def accuracy(self) -> float:
        """Share of the judged rows that were right."""
        return float(self.right.mean())


@dataclass(frozen=True, eq=False)
class Problem:
    """A head to be solved on rows of the same images at one decay after another."""

    axes: Axes  # of the images that fit
    x: np.ndarray  # (images, axes): the features along them
    labels: np.ndarray  # (images,)
    classes: int
    settings: HeadSettings

    def fit(self, rows: np.ndarray, decays: Sequence[float], tolerance: float = TOLERANCE) -> Iterator[Head]:
        """Heads on the rows of x, one for each of ``decays``, from strong to weak."""
        labels = self.labels[rows]
        weights = weights_of_classes(labels, self.classes, self.settings.class_weights)
        images = Labelled(rows_of(self.x, rows), labels, self.classes, weights)
        if self.settings.solver == "discriminant":
            return self.discriminants(images, decays)
        if self.settings.layers == 1:
            return fit_one_layer(images, self.axes.variance, decays, tolerance)
        start = head_of(fresh_head(len(self.axes.directions), self.classes, self.settings))
        start = replace(start, weights=(start.weights[0] @ self.axes.directions, start.weights[1]))
        return (fit_two_layers(images, decay, start) for decay in decays)  # not convex: each gets the same start

    def discriminants(self, images: Labelled, penalties: Sequence[float]) -> Iterator[Head]:
        """Linear discriminants under one penalty after another; what a class counts goes into its prior.

        The penalised covariance is brought back to its scale, so that the prior counts the same under each penalty.
        """
        sums = sums_of(images.x, images.labels, images.classes)
        prior = sums.prior
        counted = prior if images.weights is None else prior + np.log(np.maximum(images.weights, TINY))
        for penalty in penalties:
            weights, biases = sums.discriminant(penalty)
            weights, biases = weights * (1 + penalty), (biases - prior) * (1 + penalty) + counted
            yield Head((weights.T.astype(np.float32),), (biases.astype(np.float32),))

    def solve(self, rows: np.ndarray, decay: float) -> Head:
        """A head fitted on the rows, which takes the features as they were given."""
        convex = self.settings.layers == 1 and self.settings.solver == "logistic"
        stronger = [one for one in DECAYS if one > decay] if convex else []
        *_, head = self.fit(rows, (*stronger, decay))
        return self.for_features(head)

    def for_features(self, head: Head) -> Head:
        """The head that takes the features as they were given."""
        return raw_head(head, self.axes)

    def trials(self, folds: Sequence[Fold], decays: Sequence[float], progress: Progress = silent) -> list[Trial]:
        """Each of ``decays`` fitted and judged on every fold, but for weak ones with which the first loses patience."""
        judged = np.concatenate([fold.judge for fold in folds])
        logits = {decay: np.zeros((len(self.labels), self.classes), np.float32) for decay in decays}
        for place, fold in enumerate(folds):
            losses: list[float] = []
            for decay, head in zip(decays, self.fit(fold.fit, decays, ROUGHLY), strict=True):
                logits[decay][fold.judge] = own = head.logits(self.x[fold.judge])
                truth = self.labels[fold.judge]
                losses.append(loss_of(own if self.settings.solver == "logistic" else calibrated(own, truth), truth))
                progress("Training the head", place * len(decays) + len(losses), len(folds) * len(decays) + 1, "fits")
                if fold is folds[0] and len(losses) > np.argmin(losses) + PATIENCE:
                    decays = decays[: len(losses)]
                    break
        labels = self.labels[judged]
        outputs = {decay: logits[decay][judged] for decay in decays}
        if self.settings.solver == "logistic":
            return [Trial(decay, judged, labels, own) for decay, own in outputs.items()]
        trials = []
        for decay, own in outputs.items():
            scale = calibration(own, labels)  # which no loss has settled
            trials.append(Trial(decay, judged, labels, np.float32(scale) * own, scale))
        return trials

    def trials_near_the_best(
        self, folds: Sequence[Fold], decays: Sequence[float], progress: Progress = silent
    ) -> list[Trial]:
        """The same; two layers get the decay with which one layer's loss is smallest, and its neighbours."""
        if self.settings.layers > 1 and len(decays) > NEIGHBOURS:
            single = replace(self, settings=replace(self.settings, layers=1)).trials(folds, decays, progress)
            best = int(np.argmin([trial.loss for trial in single]))
            decays = decays[max(best - 1, 0) : best + 2]
        return self.trials(folds, decays, progress)


def raw_head(head: Head, axes: Axes) -> Head:
    """The head that takes features as they are, of one that takes them along ``axes``."""
    first = head.weights[0] @ axes.directions.T / axes.scale.std
    return Head((first, *head.weights[1:]), (head.biases[0] - first @ axes.scale.mean, *head.biases[1:]))


def problem_of(
    features: np.ndarray, labels: np.ndarray, classes: int, folds: Sequence[Fold], settings: HeadSettings
) -> Problem:
    """The problem on ``features`` (images, channels), which the images give scale and axes that fit in some fold."""
    fitting = fitting_rows(folds)
    axes = axes_of(features if len(fitting) == len(features) else rows_of(features, fitting))
    return Problem(axes, axes.apply(features), labels, classes, settings)


def fitting_rows(folds: Sequence[Fold]) -> np.ndarray:
    """The rows that fit in some fold."""
    return np.unique(np.concatenate([fold.fit for fold in folds]))


def try_decays(
    features: np.ndarray,
    labels: np.ndarray,
    classes: int,
    folds: Sequence[Fold],
    settings: HeadSettings,
    decays: Sequence[float] = DECAYS,
) -> list[Trial]:
    """Fit each decay, from strong to weak, on every fold; weak ones are left out where the first fold gets worse.

    features: (images, channels) float32; labels: (images,) int64. Two layers get the decays next to the one with which
    one layer's loss is smallest.
    """
    with one_thread():
        return problem_of(features, labels, classes, folds, settings).trials_near_the_best(folds, decays)


def best_trial(trials: Sequence[Trial]) -> Trial:
    """The most accurate trial; of equals the one with the smallest loss."""
    return max(trials, key=lambda trial: (trial.accuracy, -trial.loss))


def few_enough(folds: Sequence[Fold], seed: int) -> tuple[Sequence[Fold], float]:
    """The folds as they are; or part of the first, and how much of it, where it has more than CHOOSING_IMAGES.

    A decay that was chosen on the part is scaled to the whole: the same prior spread over more images.
    """
    share = min(1.0, CHOOSING_IMAGES / max(len(fold.fit) for fold in folds))
    if share == 1:
        return folds, share
    draw, first = np.random.default_rng(seed), folds[0]
    fit = draw.choice(first.fit, int(len(first.fit) * share), replace=False)
    return [Fold(fit, draw.permutation(first.judge)[:CHOOSING_IMAGES])], share


def choose_and_solve(
    features: np.ndarray,
    labels: np.ndarray,
    classes: int,
    folds: Sequence[Fold],
    rows: np.ndarray,
    settings: HeadSettings,
    decays: Sequence[float] = (),
    progress: Progress = silent,
) -> tuple[tuple[Trial, ...], Head]:
    """The decays tried (none given: the settings' own), and a head fitted on ``rows`` with the best.

    A single decay is taken as it is. The scale of the features is that of all the images that fit in some fold.
    """
    few, share = few_enough(folds, settings.seed)
    decays = decays or settings.decays
    with one_thread():
        problem = problem_of(features, labels, classes, few, settings)
        trials = problem.trials_near_the_best(few, decays, progress)
        best = best_trial(trials)
        decay = best.decay * (share if len(decays) > 1 and settings.solver == "logistic" else 1)
        if not np.isin(rows, fitting_rows(few)).all():
            del problem  # which is as large as the features
            problem = problem_of(features, labels, classes, [Fold(rows, rows)], settings)
        head = problem.solve(rows, decay).times(best.scale)
    progress("Training the head", 1, 1)
    return tuple(trials), head


def solve(features: np.ndarray, labels: np.ndarray, classes: int, decay: float, settings: HeadSettings) -> Head:
    """A trained head that takes ``features`` (images, channels) as they are."""
    rows = np.arange(len(features))
    with one_thread():
        return problem_of(features, labels, classes, [Fold(rows, rows)], settings).solve(rows, decay)
