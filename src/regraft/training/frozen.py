"""Cases 1 and 2: a head solved on cached features, everything else as it was."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import nn

from regraft.data.split import Split
from regraft.features.head import DECAYS, Fold, HeadSettings, Trial, best_trial, choose_decay, folds_from, solve
from regraft.network.backbone import Backbone
from regraft.network.cuts import Cut
from regraft.network.surgery import graft, state_hash
from regraft.progress import Progress
from regraft.recipe import Recipe
from regraft.training.augmented_features import features_of_views
from regraft.training.examples import Examples
from regraft.training.result import Judged, Trained


@dataclass(frozen=True)
class Solved:
    """A head, the weight decays that were tried for it, and what judged them."""

    head: nn.Sequential
    trials: tuple[Trial, ...]
    judged: Judged
    passed: int  # augmented views that went through the network


def head_settings(recipe: Recipe) -> HeadSettings:
    """The recipe's part that concerns the head."""
    own = recipe.head
    return HeadSettings(own.layers, own.hidden, own.initialiser, own.class_weights, recipe.seed)


def cuts_in_use(backbone: Backbone, recipe: Recipe) -> list[Cut]:
    """The cuts whose features the head takes: the recipe's, or the last one where it names none."""
    planning, traced = recipe.planning, backbone.traced
    names = planning.cuts or ((planning.cut,) if planning.cut else ())
    return [traced.cut_of(name) for name in names] or [traced.cuts[-1]]


def train_frozen(backbone: Backbone, examples: Examples, recipe: Recipe, progress: Progress) -> Trained:
    """Solve a head as ``recipe`` says, which names the strategy and its cut or cuts."""
    started = time.perf_counter()
    cuts = cuts_in_use(backbone, recipe)
    progress("Training the head", 0, 1)
    before = state_hash(backbone.model)
    decay = recipe.optimisation.weight_decay
    solved = solved_head(backbone, examples, recipe, cuts, examples.split.train, decay, progress)
    if state_hash(backbone.model) != before:
        raise AssertionError("the frozen backbone changed while its head was trained")
    model = graft(backbone, cuts, solved.head, recipe.head.pooling)
    progress("Training the head", 1, 1)
    return Trained(
        recipe=recipe,
        model=model,
        judged=solved.judged,
        history=tuple({"weight_decay": t.decay, "val_accuracy": t.accuracy, "val_loss": t.loss} for t in solved.trials),
        trainable=model.parameter_counts()[0],
        seconds=time.perf_counter() - started,
        frozen_hash=state_hash(model.body),
        passed=solved.passed,
    )


def solved_head(
    backbone: Backbone,
    examples: Examples,
    recipe: Recipe,
    cuts: Sequence[Cut],
    rows: np.ndarray,
    decay: float | None,
    progress: Progress,
) -> Solved:
    """A head on the features of ``rows`` at ``cuts``; ``decay`` None is chosen by validation."""
    features, labels, settings = examples.features, examples.labels, head_settings(recipe)
    chosen, folds = choosing_rows(examples.split)
    at = np.flatnonzero(np.isin(chosen, rows))  # rows are among the chosen ones
    x, y, passed = features.pooled(cuts, chosen, recipe.head.pooling), labels[chosen], 0
    if views := recipe.head.views:
        train = examples.split.train
        of_views, passed = features_of_views(backbone, examples, recipe, cuts, train, progress)
        folds = [Fold(with_views(fold.fit, len(chosen), len(train), views), fold.judge) for fold in folds]
        at = with_views(at, len(chosen), len(train), views)
        x, y = np.concatenate([x, of_views]), np.concatenate([y, np.tile(labels[train], views)])
    decays = DECAYS if decay is None else (decay,)
    trials, best = choose_decay(x, y, examples.classes, folds, settings, decays)
    head = solve(x[at], y[at], examples.classes, best if decay is None else decay, settings)
    judge = best_trial(trials)
    return Solved(head, trials, Judged(chosen[judge.rows], judge.right), passed)


def with_views(places: np.ndarray, images: int, train: int, views: int) -> np.ndarray:
    """Places among ``images``, whose first ``train`` have ``views`` each behind them all, and those views' places."""
    trained = places[places < train]
    return np.concatenate([places, *(images + view * train + trained for view in range(views))])


def choosing_rows(split: Split) -> tuple[np.ndarray, list[Fold]]:
    """The rows that choose the settings, train's first, and their folds: validation where given, else inside train."""
    if not len(split.val):
        return split.train, folds_from(split.folds)
    rows = np.concatenate([split.train, split.val])
    return rows, [Fold(np.arange(len(split.train)), np.arange(len(split.train), len(rows)))]
