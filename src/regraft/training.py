"""One strategy carried out: what is prepared -> a grafted network, its test predictions and how it came about."""

import math
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from regraft import finetune
from regraft.augmentation import centre_view, training_view
from regraft.checkpoint import Identity
from regraft.cuts import Cut, trace
from regraft.engine import device_of
from regraft.errors import BackboneError
from regraft.features import Progress
from regraft.graft import Grafted, Tunable, graft, state_hash
from regraft.head import (
    Fold,
    HeadSettings,
    Trial,
    best_trial,
    choose_decay,
    folds_from,
    fresh_head,
    solve,
    weights_of_classes,
)
from regraft.metrics import baselines, softmax
from regraft.optimiser import make_optimiser
from regraft.prepared import Prepared
from regraft.recipe import FROZEN_STRATEGIES, Recipe
from regraft.samples import read_samples
from regraft.split import Split

TRAIN_BATCH = 32
SMALL_BATCH = 16  # batch norm keeps its running statistics in smaller ones
IMAGES_TO_SEE = 20_000  # fine-tuning sees so many, in FEWEST_EPOCHS to MOST_EPOCHS epochs
FEWEST_EPOCHS, MOST_EPOCHS = 6, 30
SCRATCH_FACTOR = 3  # random weights take so many times the epochs
WEIGHT_DECAY = 0.05


@dataclass(frozen=True)
class Trained:
    """A grafted network with its test predictions and how it was chosen."""

    strategy: str
    model: Grafted
    probabilities: np.ndarray  # (test images, classes)
    history: tuple[Mapping[str, Any], ...]  # one row an epoch, or one a weight decay
    validation: float | None  # accuracy on what chose the settings
    frozen_hash: str | None  # of the frozen body's parameters and buffers
    trainable: int  # parameters that were trained
    seconds: float
    notes: tuple[str, ...] = ()


def carry_out(prepared: Prepared, folder: Path, resume: bool, progress: Progress) -> Trained:
    """Train as the plan says. ``folder`` keeps the checkpoints of a training of the whole network."""
    strategy = prepared.plan.strategy
    if strategy in FROZEN_STRATEGIES:
        return train_frozen(prepared, progress)
    trained = train_whole(prepared, strategy, folder / strategy, resume, progress)
    asked = prepared.recipe.strategy is not None
    if asked or prepared.plan.case != "large-different" or trained.validation is None:
        return trained
    rival = nearest_neighbour_on_validation(prepared)
    if trained.validation > rival:
        return trained
    scratch = train_whole(prepared, "from-scratch", folder / "from-scratch", resume, progress)
    better = max(trained, scratch, key=lambda t: t.validation or 0)
    note = (
        f"fine-tuning validated at {trained.validation:.1%}, no better than the nearest neighbour's {rival:.1%}, so"
        f" random weights were tried: {scratch.validation:.1%}; the better of the two was kept"
    )
    return replace(better, notes=(*better.notes, note))


def head_settings(recipe: Recipe) -> HeadSettings:
    """The recipe's part that concerns the head."""
    return HeadSettings(recipe.head_layers, recipe.hidden, recipe.initialiser, recipe.class_weights, recipe.seed)


def train_frozen(prepared: Prepared, progress: Progress) -> Trained:
    """Cases 1 and 2: solve a head on cached features; everything else stays as it was."""
    started = time.perf_counter()
    features, split = prepared.features, prepared.split
    cuts = cuts_in_use(prepared)
    progress("Training the head", 0, 1)
    before = state_hash(prepared.backbone.model)
    head, trials = solved_head(prepared, split.train)
    if state_hash(prepared.backbone.model) != before:
        raise AssertionError("the frozen backbone changed while its head was trained")
    model = graft(prepared.backbone.model, prepared.backbone.architecture, prepared.traced, cuts, head)
    progress("Training the head", 1, 1)
    with torch.inference_mode():
        probabilities = softmax(head(torch.from_numpy(features.pooled(cuts, split.test))).numpy())
    return Trained(
        strategy=prepared.plan.strategy,
        model=model,
        probabilities=probabilities,
        history=tuple({"weight_decay": t.decay, "val_accuracy": t.accuracy, "val_loss": t.loss} for t in trials),
        validation=best_trial(trials).accuracy if trials else None,
        frozen_hash=state_hash(model.body),
        trainable=model.parameter_counts()[0],
        seconds=time.perf_counter() - started,
    )


def cuts_in_use(prepared: Prepared) -> list[Cut]:
    """The cuts whose features the head takes: the plan's, or the last one where it has none."""
    return [prepared.traced.cut_of(prepared.plan.cut) if prepared.plan.cut else prepared.traced.cuts[-1]]


def solved_head(prepared: Prepared, rows: np.ndarray) -> tuple[nn.Sequential, tuple[Trial, ...]]:
    """A head on the features of ``rows`` at the plan's cut (the last one where it has none), and the decays tried."""
    features, recipe = prepared.features, prepared.recipe
    cuts = cuts_in_use(prepared)
    settings, classes = head_settings(recipe), len(prepared.images.classes)
    trials: tuple[Trial, ...] = ()
    decay = recipe.weight_decay if prepared.plan.strategy in FROZEN_STRATEGIES else None
    if decay is None:
        chosen, folds = choosing_rows(prepared.split)
        trials, decay = choose_decay(features.pooled(cuts, chosen), features.labels[chosen], classes, folds, settings)
    return solve(features.pooled(cuts, rows), features.labels[rows], classes, decay, settings), trials


def choosing_rows(split: Split) -> tuple[np.ndarray, list[Fold]]:
    """The rows that choose the settings, and their folds: validation where given, else folds inside train."""
    if not len(split.val):
        return split.train, folds_from(split.folds)
    rows = np.concatenate([split.train, split.val])
    return rows, [Fold(np.arange(len(split.train)), np.arange(len(split.train), len(rows)))]


def rows_for_tuning(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Rows that train and rows that validate: the given validation part, else a fold of train."""
    if len(split.val):
        return split.train, split.val
    return split.train[split.folds != 0], split.train[split.folds == 0]


def nearest_neighbour_on_validation(prepared: Prepared) -> float:
    """The nearest-neighbour baseline on the rows that validate a fine-tuning."""
    train, val = rows_for_tuning(prepared.split)
    last, labels = [prepared.traced.cuts[-1]], prepared.features.labels
    pooled = prepared.features.pooled
    return baselines(pooled(last, train), labels[train], pooled(last, val), labels[val])["nearest_neighbour"]


def train_whole(prepared: Prepared, strategy: str, folder: Path, resume: bool, progress: Progress) -> Trained:
    """Cases 3 and 4: train every layer, from the pre-trained weights or from random ones."""
    started = time.perf_counter()
    recipe, backbone, labels = prepared.recipe, prepared.backbone, prepared.features.labels
    train_rows, val_rows = rows_for_tuning(prepared.split)
    scratch = strategy == "from-scratch"
    torch.manual_seed(recipe.seed)
    traced = prepared.traced
    model = backbone.model
    if scratch:
        model = backbone.architecture.build()
        traced = trace(model, backbone.preprocessing.size)
    last = traced.cuts[-1]
    if scratch or recipe.head_start == "random":
        head = fresh_head(last.channels, len(prepared.images.classes), head_settings(recipe))
    else:
        head, _ = solved_head(prepared, train_rows)
    network = tunable(prepared, model, head, scratch)
    progress("Decoding for training", 0, 1)
    paths = [file.path for file in prepared.images.files]
    samples = read_samples(paths, torch.from_numpy(labels), backbone.preprocessing, recipe.workers)
    progress("Decoding for training", 1, 1)
    settings = tune_settings(recipe, len(train_rows), scratch)
    size = backbone.preprocessing.size
    job = finetune.Job(
        model=network,
        optimiser=make_optimiser(
            recipe.optimiser,
            list(head.parameters()),
            network.stages,
            recipe.learning_rate,
            1.0 if scratch else recipe.layer_decay,
            WEIGHT_DECAY if recipe.weight_decay is None else recipe.weight_decay,
        ),
        samples=samples,
        train_rows=train_rows,
        val_rows=val_rows,
        view=training_view(recipe.augmentation, size, recipe.flip == "yes"),
        val_view=centre_view(size),
        class_weights=weights_of_classes(
            torch.from_numpy(labels[train_rows]), len(prepared.images.classes), recipe.class_weights
        ),
        settings=settings,
        folder=folder,
        identity=Identity(asdict(recipe), prepared.features.fingerprint()),
        device=device_of(recipe.device),
        progress=progress,
    )
    state = finetune.run(job, resume)
    trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
    grafted = graft(model.cpu(), backbone.architecture, traced, [last], head.cpu())
    notes = [f"training stopped after epoch {state.epoch}: {state.stopped}"] if state.stopped else []
    return Trained(
        strategy=strategy,
        model=grafted,
        probabilities=probabilities_of(grafted, job, prepared.split.test),
        history=tuple(history_row(strategy, row, state.best_epoch) for row in state.history),
        validation=next(row["val_accuracy"] for row in state.history if row["epoch"] == state.best_epoch),
        frozen_hash=None,
        trainable=trainable,
        seconds=time.perf_counter() - started,
        notes=tuple(notes),
    )


def history_row(strategy: str, row: Mapping[str, float], best_epoch: int) -> dict[str, Any]:
    """A row of history.csv; epoch 0, before any training, has no training figures."""
    figures = {name: None if math.isnan(value) else value for name, value in row.items()}
    return {"phase": strategy, **figures, "epoch": int(row["epoch"]), "best": row["epoch"] == best_epoch}


def tunable(prepared: Prepared, model: nn.Module, head: nn.Sequential, scratch: bool) -> Tunable:
    """The network ready to train, frozen where the recipe says so."""
    recipe, traced = prepared.recipe, prepared.traced
    try:
        network = Tunable(model, traced, traced.cuts[-1], head)
    except Exception as error:  # tracing for training runs the network's own code
        why = str(error).strip().splitlines()[0][:120] if str(error).strip() else type(error).__name__
        raise BackboneError(f"{recipe.backbone} cannot be trained as a whole: {why}; use --strategy head") from None
    batch = recipe.batch_size or TRAIN_BATCH
    if recipe.batch_norm == "frozen" or (recipe.batch_norm == "auto" and batch < SMALL_BATCH and not scratch):
        network.freeze_norms()
    if recipe.unfreeze_from and not scratch:
        network.freeze_up_to(model, traced, traced.cut_of(recipe.unfreeze_from))
    return network


def tune_settings(recipe: Recipe, images: int, scratch: bool) -> finetune.TuneSettings:
    """The recipe's settings with what it leaves open filled in by the number of training images."""
    epochs = recipe.epochs or min(max(math.ceil(IMAGES_TO_SEE / images), FEWEST_EPOCHS), MOST_EPOCHS)
    if scratch and recipe.epochs is None:
        epochs *= SCRATCH_FACTOR
    return finetune.TuneSettings(
        epochs=epochs,
        batch_size=min(recipe.batch_size or TRAIN_BATCH, images),
        schedule=recipe.schedule,
        warm_up=recipe.warm_up,
        label_smoothing=recipe.label_smoothing,
        clip=recipe.clip,
        patience=recipe.patience or max(3, epochs // 3),
        min_improvement=recipe.min_improvement,
        monitor=recipe.monitor,
        seed=recipe.seed,
        checkpoint_minutes=recipe.checkpoint_minutes,
    )


@torch.inference_mode()
def probabilities_of(model: Grafted, job: finetune.Job, rows: np.ndarray) -> np.ndarray:
    """The saved network's probabilities (rows, classes), in float32."""
    parts = [
        model(job.samples.batch(part.tolist(), job.val_view)).numpy() for part in finetune.batches(rows, TRAIN_BATCH)
    ]
    return softmax(np.concatenate(parts))
