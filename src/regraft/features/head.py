"""Solve a head on features: multinomial logistic regression, or a small network of two linear layers.

The features are standardised for the solver and the standardisation is folded into the first layer
afterwards, so that the head takes the features as the network gives them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from regraft.network.surgery import new_head

DECAYS = (1.0, 0.3, 0.1, 0.03, 0.01, 0.003, 0.001, 0.0003)  # L2 per image on standardised features, to choose from
CHOOSING_IMAGES = 10_000  # at most so many images choose the weight decay
SMALLEST_STD = 0.1  # of a channel, as a share of the channels' mean
STEPS = 100  # of L-BFGS at most, for one head
REMEMBERED = 20  # steps from which L-BFGS estimates the curvature


@dataclass(frozen=True)
class HeadSettings:
    """What a head is made of and how it is solved."""

    layers: int = 1  # linear ones, one or two
    hidden: int = 256  # units between two of them
    initialiser: str = "xavier_uniform_"  # of the weights, a name in torch.nn.init
    class_weights: str = "none"  # as weights_of_classes takes it
    seed: int = 0  # of the initial weights


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each feature: (channels,)."""

    mean: torch.Tensor
    std: torch.Tensor

    def apply(self, features: torch.Tensor) -> torch.Tensor:
        """Features (images, channels) made to mean 0 and deviation 1."""
        return (features - self.mean) / self.std

    def fold_into(self, head: nn.Sequential) -> None:
        """Change the first layer so that it takes features that were not standardised."""
        first = head[0]
        assert isinstance(first, nn.Linear)
        with torch.no_grad():
            first.weight.div_(self.std)
            first.bias.sub_(first.weight @ self.mean)


def scale_of(features: torch.Tensor) -> Scale:
    """The scale of ``features`` (images, channels); channels that hardly vary are not blown up to the others' size."""
    std, mean = torch.std_mean(features, dim=0, correction=0)
    return Scale(mean, std.clamp(min=max(SMALLEST_STD * float(std.mean()), 1e-12)))


def weights_of_classes(labels: torch.Tensor, classes: int, how: str) -> torch.Tensor | None:
    """None, or a weight for each class (classes,) with mean 1 over the images; absent classes weigh nothing.

    ``how``: none; auto or inverse-frequency; effective-number (Cui et al., 2019, with beta 1 - 1/images of a class).
    """
    if how == "none":
        return None
    counts = torch.bincount(labels, minlength=classes).double()
    present = counts > 0
    amount = counts
    if how == "effective-number":
        beta = 1 - 1 / (counts.sum() / present.sum()).clamp(min=2)
        amount = (1 - beta**counts) / (1 - beta)
    weights = torch.where(present, 1 / amount.clamp(min=1), torch.zeros_like(counts))
    return (weights * len(labels) / (weights * counts).sum()).float()


def fit(
    head: nn.Sequential, features: torch.Tensor, labels: torch.Tensor, decay: float, weights: torch.Tensor | None
) -> None:
    """Minimise cross-entropy plus half ``decay`` times the squared weights, in place, by L-BFGS."""
    parameters = list(head.parameters())
    matrices = [p for p in parameters if p.ndim > 1]
    solver = torch.optim.LBFGS(
        parameters,
        max_iter=STEPS,
        history_size=REMEMBERED,
        tolerance_grad=1e-5,
        tolerance_change=1e-7,
        line_search_fn="strong_wolfe",
    )

    def closure() -> torch.Tensor:
        solver.zero_grad()
        loss = cross_entropy(head(features), labels, weight=weights)
        loss = loss + 0.5 * decay * sum((m.square().sum() for m in matrices), torch.zeros(()))
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    solver.step(closure)  # type: ignore[no-untyped-call]


def fresh_head(inputs: int, classes: int, settings: HeadSettings) -> nn.Sequential:
    """A head with random weights, drawn from the settings' seed alone."""
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


@dataclass(frozen=True)
class Trial:
    """One weight decay and what the judged images said."""

    decay: float
    rows: np.ndarray  # of the judged images among all that were given
    right: np.ndarray  # (rows,) bool
    loss: float  # mean cross-entropy

    @property
    def accuracy(self) -> float:
        """Share of the judged rows that were right."""
        return float(self.right.mean())


def try_decays(
    features: np.ndarray,
    labels: np.ndarray,
    classes: int,
    folds: Sequence[Fold],
    settings: HeadSettings,
    decays: Sequence[float] = DECAYS,
) -> list[Trial]:
    """Fit each decay on every fold, from strong to weak, each starting where the one before ended.

    features: (images, channels) float32; labels: (images,) int64.
    """
    x, y = torch.from_numpy(features), torch.from_numpy(labels)
    right = {decay: np.zeros(len(labels), dtype=bool) for decay in decays}
    losses = dict.fromkeys(decays, 0.0)
    for fold in folds:
        scale = scale_of(x[fold.fit])
        train, judge = scale.apply(x[fold.fit]), scale.apply(x[fold.judge])
        weights = weights_of_classes(y[fold.fit], classes, settings.class_weights)
        head = fresh_head(x.shape[1], classes, settings)
        for decay in decays:
            if settings.layers > 1:  # not convex: each decay gets the same start
                head = fresh_head(x.shape[1], classes, settings)
            fit(head, train, y[fold.fit], decay, weights)
            with torch.no_grad():
                logits = head(judge)
            right[decay][fold.judge] = (logits.argmax(1) == y[fold.judge]).numpy()
            losses[decay] += float(cross_entropy(logits, y[fold.judge], reduction="sum"))
    judged = np.concatenate([fold.judge for fold in folds])
    return [Trial(decay, judged, right[decay][judged], losses[decay] / len(judged)) for decay in decays]


def best_trial(trials: Sequence[Trial]) -> Trial:
    """The most accurate trial; of equals the one with the smallest loss."""
    return max(trials, key=lambda trial: (trial.accuracy, -trial.loss))


def choose_decay(
    features: np.ndarray,
    labels: np.ndarray,
    classes: int,
    folds: Sequence[Fold],
    settings: HeadSettings,
    decays: Sequence[float] = DECAYS,
) -> tuple[tuple[Trial, ...], float]:
    """The decays tried, and the one that validates best.

    With more than CHOOSING_IMAGES images to fit on, a random part of them chooses, and the decay is
    scaled to the whole: the same prior spread over more images.
    """
    largest = max(len(fold.fit) for fold in folds)
    share = min(1.0, CHOOSING_IMAGES / largest)
    if share < 1:
        draw = np.random.default_rng(settings.seed)
        folds = [
            Fold(
                draw.choice(f.fit, int(len(f.fit) * share), replace=False), draw.permutation(f.judge)[:CHOOSING_IMAGES]
            )
            for f in folds[:1]
        ]
    trials = tuple(try_decays(features, labels, classes, folds, settings, decays))
    return trials, best_trial(trials).decay * share


def solve(
    features: np.ndarray, labels: np.ndarray, classes: int, decay: float, settings: HeadSettings
) -> nn.Sequential:
    """A trained head that takes ``features`` (images, channels) as they are."""
    x, y = torch.from_numpy(features), torch.from_numpy(labels)
    scale = scale_of(x)
    head = fresh_head(x.shape[1], classes, settings)
    fit(head, scale.apply(x), y, decay, weights_of_classes(y, classes, settings.class_weights))
    scale.fold_into(head)
    return head.requires_grad_(True)
