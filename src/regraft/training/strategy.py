"""The plan's strategy carried out: what is prepared -> a grafted network, with the evidence for it."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from regraft.errors import RegraftError
from regraft.features.features import Progress
from regraft.metrics import baselines, softmax
from regraft.network.engine import device_of
from regraft.planning.defaults import TRAIN_BATCH
from regraft.planning.prepare import Prepared
from regraft.recipe import FROZEN_STRATEGIES, Recipe
from regraft.training.augmentation import centre_view
from regraft.training.frozen import train_frozen
from regraft.training.full import rows_for_tuning, train_whole
from regraft.training.loop import batches
from regraft.training.result import Trained

TRIAL_SHARE = 0.25  # of fine-tuning's epochs, that random weights get to overtake it in case 4

Carrier = Callable[[Recipe, str, float], Trained]  # a recipe that names its strategy, checkpoints' folder, deadline


def carrier(prepared: Prepared, folder: Path, resume: bool, progress: Progress) -> Carrier:
    """What carries any recipe out on what is prepared; ``folder`` keeps the checkpoints."""

    def carry(recipe: Recipe, name: str, deadline: float) -> Trained:
        if recipe.strategy in FROZEN_STRATEGIES:
            return train_frozen(prepared, recipe, progress)
        return train_whole(prepared, recipe, folder / name, resume, progress, deadline)

    return carry


def planned_recipe(prepared: Prepared) -> Recipe:
    """The recipe with the plan's strategy and cuts in it."""
    plan = prepared.plan
    joined = plan.cuts if len(plan.cuts) > 1 else ()
    views = prepared.recipe.views if plan.strategy in FROZEN_STRATEGIES else 0
    return prepared.recipe.but(strategy=plan.strategy, cut=None if joined else plan.cut, cuts=joined, views=views)


def carry_out(prepared: Prepared, carry: Carrier, deadline: float) -> Trained:
    """Train as the plan says; in case 4 random weights are the fallback, unless a strategy was asked for.

    ``deadline`` is one of time.monotonic().
    """
    recipe = planned_recipe(prepared)
    trained = carry(recipe, str(recipe.strategy), deadline)
    if prepared.recipe.strategy or prepared.plan.case != "large-different" or trained.interrupted:
        return trained
    return or_from_scratch(prepared, trained, carry, deadline)


def or_from_scratch(prepared: Prepared, tuned: Trained, carry: Carrier, deadline: float) -> Trained:
    """Case 4: keep ``tuned`` unless it fails against the nearest neighbour or the curve of random weights.

    Random weights get a quarter of fine-tuning's epochs with a whole schedule in them; ahead of fine-tuning at
    that epoch they are trained in full, and the better of the two is kept.
    """
    scratch = prepared.recipe.but(strategy="from-scratch", cut=None, cuts=(), unfreeze_from=None, views=0)
    rival, mine = baselines_on_validation(prepared)["nearest_neighbour"], tuned.judged.accuracy
    why = f"fine-tuning validated at {mine:.1%}, no better than the nearest neighbour's {rival:.1%}"
    try:
        if mine > rival:
            epochs = math.ceil(TRIAL_SHARE * (tuned.recipe.epochs or 1))
            then = max(row["val_accuracy"] for row in tuned.history if row["epoch"] <= epochs)
            why = f"fine-tuning validated at {then:.1%} after {epochs} epochs"
            trial = carry(scratch.but(epochs=epochs), "from-scratch-trial", deadline)
            sizes = f"{trial.judged.accuracy:.1%} after {epochs} epochs, where fine-tuning had {then:.1%}"
            if trial.judged.accuracy <= then or trial.interrupted:
                note = f"random weights were tried too and validated at {sizes}; the pre-trained start was kept"
                return replace(tuned, notes=(*tuned.notes, note), interrupted=trial.interrupted)
            why = f"random weights validated at {sizes}"
        found = carry(scratch, "from-scratch", deadline)
    except (RegraftError, KeyboardInterrupt) as error:
        note = f"{why}, but the training of random weights broke off: {str(error) or 'interrupted'}"
        return replace(tuned, notes=(*tuned.notes, note), interrupted=isinstance(error, KeyboardInterrupt))
    better = max(tuned, found, key=lambda t: t.judged.accuracy)
    note = (
        f"{why}, so random weights were trained in full: {found.judged.accuracy:.1%}; {better.strategy} was kept,"
        " the better of the two"
    )
    return replace(better, notes=(*better.notes, note), interrupted=found.interrupted)


def baselines_on_validation(prepared: Prepared) -> dict[str, float]:
    """The baselines on the rows that validate a fine-tuning."""
    train, val = rows_for_tuning(prepared.split)
    last, labels = [prepared.traced.cuts[-1]], prepared.features.labels
    pooled = prepared.features.pooled
    return baselines(pooled(last, train), labels[train], pooled(last, val), labels[val])


@torch.inference_mode()
def probabilities_of(prepared: Prepared, trained: Trained, rows: Sequence[int] | np.ndarray) -> np.ndarray:
    """Class probabilities (rows, classes) of the network that is saved, from cached features where it is frozen."""
    model, rows = trained.model, np.asarray(rows)
    if trained.frozen:
        features = prepared.features.pooled(model.cuts, rows, model.pooling)
        return softmax(model.head(torch.from_numpy(features)).numpy())
    view, device = centre_view(prepared.backbone.preprocessing.size), device_of(trained.recipe.device)
    model.to(device)
    parts = [
        model(prepared.samples.batch(part.tolist(), view).to(device)).cpu().numpy()
        for part in batches(rows, TRAIN_BATCH)
    ]
    model.cpu()
    return softmax(np.concatenate(parts))
