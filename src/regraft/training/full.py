"""Cases 3 and 4: every layer trained, from the pre-trained weights or from random ones."""

import copy
import math
import time
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from regraft.data.split import Split
from regraft.errors import BackboneError, RecipeError, reason_of
from regraft.features.features import Progress
from regraft.features.head import fresh_head, weights_of_classes
from regraft.network.backbone import stages_of
from regraft.network.cuts import Traced, trace
from regraft.network.engine import device_of
from regraft.network.surgery import POOLINGS, Tunable, graft
from regraft.planning.defaults import batch_of, completed
from regraft.planning.prepare import Prepared
from regraft.recipe import Recipe
from regraft.training.augmentation import centre_view, mixing, training_view
from regraft.training.checkpoint import Identity
from regraft.training.frozen import head_settings, solved_head
from regraft.training.optimiser import make_optimiser
from regraft.training.result import Judged, Trained
from regraft.training import loop as finetune

VALIDATING = 4_000  # images, or about so many, that fine-tuning sets aside of train to validate on at most
SMALL_BATCH = 16  # batch norm keeps its running statistics in smaller ones


def train_whole(
    prepared: Prepared,
    recipe: Recipe,
    folder: Path,
    resume: bool,
    progress: Progress,
    deadline: float = math.inf,
) -> Trained:
    """Train as ``recipe`` says, which names the strategy; ``folder`` keeps the checkpoints.

    The prepared backbone stays as it is. ``deadline`` is one of time.monotonic().
    """
    started = time.perf_counter()
    scratch = recipe.strategy == "from-scratch"
    torch.manual_seed(recipe.seed)
    model, traced = copy.deepcopy(prepared.backbone.model), prepared.traced
    if scratch:
        model = prepared.backbone.architecture.build()
        traced = trace(model, prepared.backbone.preprocessing.size, stages_of(model))
    train_rows, val_rows = rows_for_tuning(prepared.split)
    head = first_head(prepared, recipe, traced, train_rows, progress)
    size = prepared.plan.size
    recipe = completed(recipe, size.images, size.verdict == "large")
    batch = batch_of(recipe, len(train_rows))
    network = tunable(recipe, model, traced, head, batch, small=size.verdict == "small")
    trainable = sum(p.numel() for p in network.parameters() if p.requires_grad)
    job = job_for(prepared, recipe, network, folder, progress, deadline)
    state = finetune.run(job, resume)
    return Trained(
        recipe=recipe,
        model=graft(model.cpu(), prepared.backbone.architecture, traced, [traced.cuts[-1]], head.cpu(), recipe.pooling),
        judged=Judged(val_rows, np.array(state.best_hits)),
        history=tuple(history_row(job.folder.name, row, state.best_epoch) for row in state.history),
        trainable=trainable,
        seconds=time.perf_counter() - started,
        notes=notes_on(job, state),
        interrupted=state.interrupted,
    )


def rows_for_tuning(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Rows that train and rows that validate: the given validation part, else a fold of train, about VALIDATING of it.

    Copies and members of one group stay on one side.
    """
    if len(split.val):
        return split.train, split.val
    fold = split.folds == 0
    found, first = np.unique(split.units[fold], return_index=True)
    in_turn = found[np.argsort(first)]
    chosen = fold & np.isin(split.units, in_turn[:: math.ceil(fold.sum() / VALIDATING)])
    return split.train[~chosen], split.train[chosen]


def first_head(
    prepared: Prepared, recipe: Recipe, traced: Traced, rows: np.ndarray, progress: Progress
) -> nn.Sequential:
    """The head that training starts from: solved on the features of ``rows``, or random."""
    last = traced.cuts[-1]
    if recipe.strategy == "from-scratch" or recipe.head_start == "random":
        inputs = last.channels * len(POOLINGS[recipe.pooling])
        return fresh_head(inputs, len(prepared.images.classes), head_settings(recipe))
    return solved_head(prepared, recipe, [last], rows, None, progress).head


def tunable(recipe: Recipe, model: nn.Module, traced: Traced, head: nn.Sequential, batch: int, small: bool) -> Tunable:
    """The network ready to train on small or large data in batches of ``batch``, frozen where the recipe says so."""
    scratch = recipe.strategy == "from-scratch"
    try:
        network = Tunable(model, traced, traced.cuts[-1], head, recipe.pooling)
    except Exception as error:  # tracing for training runs the network's own code
        why = reason_of(error)[:120]
        raise BackboneError(f"{recipe.backbone} cannot be trained as a whole: {why}; use --strategy head") from None
    solved = recipe.head_start == "solved" and small  # on what the running statistics give
    if recipe.batch_norm == "frozen" or (
        recipe.batch_norm == "auto" and not scratch and (solved or batch < SMALL_BATCH)
    ):
        network.freeze_norms()
    if recipe.unfreeze_from and not scratch:
        network.freeze_up_to(model, traced, traced.cut_of(recipe.unfreeze_from))
    if batch == 1 and network.has_adapting_norms():
        raise RecipeError("batch norm learns nothing from one image at a time; raise --batch-size to two or more")
    return network


def job_for(
    prepared: Prepared, recipe: Recipe, network: Tunable, folder: Path, progress: Progress, deadline: float
) -> finetune.Job:
    """All that the training loop needs."""
    scratch = recipe.strategy == "from-scratch"
    train_rows, val_rows = rows_for_tuning(prepared.split)
    classes, size = len(prepared.images.classes), prepared.backbone.preprocessing.size
    labels = torch.from_numpy(prepared.features.labels[train_rows])
    progress("Decoding for training", 0, 1)
    samples = prepared.samples
    progress("Decoding for training", 1, 1)
    return finetune.Job(
        model=network,
        optimiser=make_optimiser(
            recipe.optimiser,
            list(network.head.parameters()),
            network.stages,
            recipe.learning_rate or 0.0,
            1.0 if scratch else recipe.layer_decay,
            recipe.weight_decay or 0.0,
        ),
        samples=samples,
        train_rows=train_rows,
        val_rows=val_rows,
        view=training_view(recipe.augmentation, size, recipe.flip == "yes"),
        val_view=centre_view(size),
        class_weights=weights_of_classes(labels, classes, recipe.class_weights),
        settings=tune_settings(recipe, len(train_rows)),
        folder=folder,
        identity=Identity(asdict(recipe.but(time_limit=None)), prepared.features.fingerprint(prepared.split.part_of())),
        device=device_of(recipe.device),
        mix=mixing(recipe.mix, classes),
        deadline=deadline,
        progress=progress,
    )


def tune_settings(recipe: Recipe, images: int) -> finetune.TuneSettings:
    """The completed recipe's settings for the loop, which have the recipe's names."""
    named = {field.name: getattr(recipe, field.name) for field in fields(finetune.TuneSettings)}
    return finetune.TuneSettings(**named | {"batch_size": batch_of(recipe, images)})


def history_row(phase: str, row: Mapping[str, float], best_epoch: int) -> dict[str, Any]:
    """A row of history.csv; epoch 0, before any training, has no training figures."""
    figures = {name: None if math.isnan(value) else value for name, value in row.items()}
    return {"phase": phase, **figures, "epoch": int(row["epoch"]), "best": row["epoch"] == best_epoch}


def notes_on(job: finetune.Job, state: finetune.State) -> tuple[str, ...]:
    """What the user should know of how the training went."""
    notes = [f"training stopped after epoch {state.epoch}: {state.stopped}"] if state.stopped else []
    if state.parts > 1:
        size = job.settings.batch_size
        notes += [f"memory ran out, so batches of {size} went through in {state.parts} parts of {size // state.parts}"]
    return tuple(notes)
