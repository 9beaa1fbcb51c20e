"""Cases 1 and 2: a head solved on cached features, everything else as it was."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regraft.data.split import Split
from regraft.features.going_on import go_on
from regraft.features.head import Fold, HeadSettings, Trial, best_trial, choose_and_solve, folds_from
from regraft.features.probe import calibrated, calibration, loss_of
from regraft.network.backbone import Backbone
from regraft.network.cuts import POOLINGS, Cut
from regraft.network.graft import Graft
from regraft.network.head import Head
from regraft.network.state import hash_of_state, state_of
from regraft.progress import Progress
from regraft.recipe import Recipe
from regraft.training.calibrating import calibrate
from regraft.training.examples import Examples
from regraft.training.result import HeldOut, Judged, Trained


@dataclass(frozen=True)
class Solved:
    """A head, the weight decays that were tried for it, and what judged them."""

    head: Head
    trials: tuple[Trial, ...]
    rows: np.ndarray  # (images,) of the image set, that judged
    labels: np.ndarray  # (images,) theirs
    logits: np.ndarray  # (images, classes), of heads that did not see the image
    passed: int  # augmented views that went through the network

    @property
    def judged(self) -> Judged:
        """Which images judged, and which of them were right."""
        hits = np.asarray(self.logits.argmax(axis=1) == self.labels)
        return Judged(self.rows, hits, loss_of(calibrated(self.logits, self.labels), self.labels))


def head_settings(recipe: Recipe) -> HeadSettings:
    """The recipe's part that concerns the head."""
    own = recipe.head
    return HeadSettings(own.layers, own.hidden, own.initialiser, own.class_weights, recipe.seed, own.solver)


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
    head, said = calibrate(solved.head, solved.logits, solved.labels)
    graft = Graft(backbone, tuple(cuts), head, recipe.head.pooling)
    progress("Training the head", 1, 1)
    return Trained(
        recipe=recipe,
        graft=graft,
        judged=solved.judged,
        history=tuple({"weight_decay": t.decay, "val_accuracy": t.accuracy, "val_loss": t.loss} for t in solved.trials),
        trainable=solved.head.parameters,
        seconds=time.perf_counter() - started,
        frozen_hash=hash_of_state(graft.body_state),
        calibration=said,
        passed=solved.passed,
        held_out=HeldOut(solved.rows, solved.logits / np.float32(said.temperature)),
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
    if len(cuts) > 1 and recipe.head.joining == "averaged":
        apart = [solved_head(backbone, examples, recipe, [cut], rows, decay, progress) for cut in cuts]
        return averaged(apart, cuts, recipe.head.pooling)
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
    decays = () if decay is None else (decay,)
    if examples.start:
        trials, head = go_on(x, y, examples.start, folds, at, settings, decays)
    else:
        trials, head = choose_and_solve(x, y, examples.classes, folds, at, settings, decays, progress)
    best = best_trial(trials)
    return Solved(head, trials, chosen[best.rows], best.labels, best.logits, passed)


def averaged(solved: Sequence[Solved], cuts: Sequence[Cut], pooling: str) -> Solved:
    """The average of the logits of a head on each cut: again a linear head, on the joined features."""
    pools = len(POOLINGS[pooling])
    split = [np.split(one.head.weights[0], pools, axis=1) for one in solved]  # by pool, as one cut's features lie
    weights = np.concatenate([own[pool] for pool in range(pools) for own in split], axis=1) / len(cuts)
    bias = np.mean([one.head.biases[0] for one in solved], axis=0)
    logits = np.mean([one.logits for one in solved], axis=0)  # all on the same images, in the same order
    scale = calibration(logits, solved[0].labels)  # an average is less sure than its parts
    head = Head((weights.astype(np.float32),), (bias.astype(np.float32),)).times(scale)
    trials = tuple(trial for one in solved for trial in one.trials)
    passed = sum(one.passed for one in solved)
    return Solved(head, trials, solved[0].rows, solved[0].labels, scale * logits, passed)


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
