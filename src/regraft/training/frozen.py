"""Cases 1 and 2: a head solved on cached features, everything else as it was."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regraft.data.split import Split
from regraft.features.head import DECAYS, Fold, HeadSettings, Trial, best_trial, choose_and_solve, folds_from
from regraft.network.backbone import Backbone
from regraft.network.cuts import Cut
from regraft.network.graft import Graft
from regraft.network.head import Head
from regraft.network.state import hash_of_state, state_of
from regraft.progress import Progress
from regraft.recipe import Recipe
from regraft.training.examples import Examples
from regraft.training.result import Judged, Trained


@dataclass(frozen=True)
class Solved:
    """A head, the weight decays that were tried for it, and what judged them."""

    head: Head
    trials: tuple[Trial, ...]
    judged: Judged
    passed: int  # augmented views that went through the network


def head_settings(recipe: Recipe) -> HeadSettings:
    """The recipe's part that concerns the head."""
    own = recipe.head
    return HeadSettings(own.layers, own.hidden, own.initialiser, own.class_weights, recipe.seed)


def cuts_in_use(backbone: Backbone, recipe: Recipe) -> list[Cut]:
    """The cuts whose features the head takes: the recipe's, or the last one where it names none."""
    planning = recipe.planning
    names = planning.cuts or ((planning.cut,) if planning.cut else ())
    return [backbone.cut_of(name) for name in names] or [backbone.cuts[-1]]


def train_frozen(backbone: Backbone, examples: Examples, recipe: Recipe, progress: Progress) -> Trained:
    """Solve a head as ``recipe`` says, which names the strategy and its cut or cuts."""
    started = time.perf_counter()
    cuts = cuts_in_use(backbone, recipe)
    progress("Training the head", 0, 1)
    before = hash_of_state(state_of(backbone.model)) if backbone.built else None
    decay = recipe.optimisation.weight_decay
    solved = solved_head(backbone, examples, recipe, cuts, examples.split.train, decay, progress)
    if before and hash_of_state(state_of(backbone.model)) != before:
        raise AssertionError("the frozen backbone changed while its head was trained")
    graft = Graft(backbone, tuple(cuts), solved.head, recipe.head.pooling)
    progress("Training the head", 1, 1)
    return Trained(
        recipe=recipe,
        graft=graft,
        judged=solved.judged,
        history=tuple({"weight_decay": t.decay, "val_accuracy": t.accuracy, "val_loss": t.loss} for t in solved.trials),
        trainable=solved.head.parameters,
        seconds=time.perf_counter() - started,
        frozen_hash=hash_of_state(graft.body_state),
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
        from regraft.training.augmented_features import features_of_views

        train = examples.split.train
        of_views, passed = features_of_views(backbone, examples, recipe, cuts, train, progress)
        folds = [Fold(with_views(fold.fit, len(chosen), len(train), views), fold.judge) for fold in folds]
        at = with_views(at, len(chosen), len(train), views)
        x, y = np.concatenate([x, of_views]), np.concatenate([y, np.tile(labels[train], views)])
    decays = DECAYS if decay is None else (decay,)
    trials, head = choose_and_solve(x, y, examples.classes, folds, at, settings, decays)
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
