"""Cases 3 and 4: every layer trained, from the pre-trained weights or from random ones."""

import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from regraft.errors import BackboneError, RecipeError, reason_of
from regraft.features.head import fresh_head, weights_of_classes
from regraft.network.backbone import Backbone
from regraft.network.cuts import POOLINGS, Cut
from regraft.network.engine import device_of
from regraft.network.graft import Graft
from regraft.network.head import Head, head_of
from regraft.network.surgery import Tunable
from regraft.planning.defaults import TRAIN_BATCH, batch_of, completed
from regraft.progress import Progress, silent
from regraft.recipe import Recipe
from regraft.training.augmentation import centre_view, mixing, training_view
from regraft.training.calibrating import calibrate
from regraft.training.checkpoint import Identity
from regraft.training.early_stopping import cross_fitted
from regraft.training.examples import Examples, rows_for_tuning
from regraft.training.frozen import cuts_in_use, head_settings, solved_head
from regraft.training.loop import run
from regraft.training.onlooker import Onlooker, nobody
from regraft.training.optimiser import make_optimiser
from regraft.training.ranks import ALONE, Ranks
from regraft.training.result import HeldOut, Judged, Trained
from regraft.training.samples import batches
from regraft.training.state import State
from regraft.training.task import Task

NOWHERE = Path(os.devnull) / "checkpoints"  # where ranks that write nothing keep them
SMALL_BATCH = 16  # batch norm keeps its running statistics in smaller ones


def train_full(
    backbone: Backbone,
    examples: Examples,
    recipe: Recipe,
    folder: Path,
    resume: bool,
    progress: Progress,
    deadline: float = math.inf,
    ranks: Ranks = ALONE,
    onlooker: Onlooker = nobody,
) -> Trained:
    """Train as ``recipe`` says, which names the strategy; ``folder`` keeps the checkpoints.

    Of several ``ranks`` this is the one that leads; the others train with it as ``take_part`` does.

    The backbone stays as it is. ``deadline`` is one of time.monotonic(). ``onlooker`` may end it after any epoch.
    """
    started = time.perf_counter()
    network = starting_point(backbone, recipe)
    train_rows, _ = rows_for_tuning(examples.split)
    cuts = cuts_in_use(network, recipe)
    head = first_head(network, examples, recipe, cuts, train_rows, progress)
    recipe = completed(recipe, len(examples.split.train), examples.large)
    ranks.tell(Order(recipe, head_of(head), examples.large, resume, deadline - time.monotonic()))
    tunable, task = ranks.agreed(
        lambda: tunable_and_task(network, examples, recipe, head, folder, progress, deadline, ranks)
    )
    trainable = sum(p.numel() for p in tunable.parameters() if p.requires_grad)
    task = replace(task, onlooker=onlooker)
    state = run(task, resume)
    held_out = logits_of(tunable, examples, task.val_rows, recipe.network.device)
    calibrated, said = calibrate(head_of(head), held_out, examples.labels[task.val_rows])
    network.model.cpu()
    return Trained(
        recipe=recipe,
        graft=Graft(network, tuple(cuts), calibrated, recipe.head.pooling),
        judged=Judged(task.val_rows, cross_fitted(state.hits)),
        history=tuple(history_row(folder.name, row, state.best_epoch) for row in state.history),
        trainable=trainable,
        seconds=time.perf_counter() - started,
        calibration=said,
        notes=notes_on(task, state),
        stopped=state.stopped,
        interrupted=state.interrupted,
        held_out=HeldOut(task.val_rows, held_out / np.float32(said.temperature)),
    )


@dataclass(frozen=True)
class Order:
    """What rank 0 tells the others of a training that begins."""

    recipe: Recipe  # completed
    head: Head
    large: bool
    resume: bool
    left: float  # seconds until the deadline


def take_part(backbone: Backbone, examples: Examples, order: Order, ranks: Ranks) -> None:
    """Train with rank 0, which keeps what comes of it."""
    recipe, examples = order.recipe, replace(examples, large=order.large)
    network, head, deadline = starting_point(backbone, recipe), order.head.module(), time.monotonic() + order.left
    _, task = ranks.agreed(lambda: tunable_and_task(network, examples, recipe, head, NOWHERE, silent, deadline, ranks))
    run(task, order.resume)


def tunable_and_task(
    network: Backbone,
    examples: Examples,
    recipe: Recipe,
    head: nn.Sequential,
    folder: Path,
    progress: Progress,
    deadline: float,
    ranks: Ranks,
) -> tuple[Tunable, Task]:
    """The network ready to train on a completed recipe, and all else that the loop needs."""
    cuts, (train_rows, _) = cuts_in_use(network, recipe), rows_for_tuning(examples.split)
    tunable = make_tunable(network, recipe, cuts, head, batch_of(recipe, len(train_rows)), small=not examples.large)
    return tunable, task_for(tunable, examples, recipe, folder, progress, deadline, ranks)


def starting_point(backbone: Backbone, recipe: Recipe) -> Backbone:
    """A copy of the backbone to train, or the same architecture with random weights drawn from the recipe's seed."""
    if recipe.planning.strategy != "from-scratch":
        return backbone.copied()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        return backbone.fresh()


def first_head(
    backbone: Backbone, examples: Examples, recipe: Recipe, cuts: Sequence[Cut], rows: np.ndarray, progress: Progress
) -> nn.Sequential:
    """The head on ``cuts`` that training starts from: solved on the features of ``rows``, or random."""
    if recipe.planning.strategy == "from-scratch" or recipe.optimisation.head_start == "random":
        inputs = sum(cut.channels for cut in cuts) * len(POOLINGS[recipe.head.pooling])
        return fresh_head(inputs, examples.classes, head_settings(recipe))
    return solved_head(backbone, examples, recipe, cuts, rows, None, progress).head.module()


def make_tunable(
    backbone: Backbone, recipe: Recipe, cuts: Sequence[Cut], head: nn.Sequential, batch: int, small: bool
) -> Tunable:
    """The network ready to train on small or large data in batches of ``batch``, frozen where the recipe says so."""
    own, traced = recipe.optimisation, backbone.traced
    try:
        tunable = Tunable(backbone.model, traced, [traced.cut_of(cut.name) for cut in cuts], head, recipe.head.pooling)
    except Exception as error:  # tracing for training runs the network's own code
        why = reason_of(error)[:120]
        raise BackboneError(f"{backbone.name} cannot be trained as a whole: {why}; use --strategy head") from None
    if keeps_norms(recipe, batch, small):
        tunable.freeze_norms()
    if own.unfreeze_from and recipe.planning.strategy != "from-scratch":
        tunable.freeze_up_to(backbone.model, traced, traced.cut_of(own.unfreeze_from))
    if batch == 1 and tunable.has_adapting_norms():
        raise RecipeError("batch norm learns nothing from one image at a time; raise --batch-size to two or more")
    return tunable


def keeps_norms(recipe: Recipe, batch: int | None, small: bool) -> bool:
    """Whether batch norm's running statistics stay as they are on small or large data in batches of ``batch``."""
    own = recipe.optimisation
    solved = own.head_start == "solved" and small  # on what the running statistics give
    left_open = own.batch_norm == "auto" and recipe.planning.strategy != "from-scratch"
    return own.batch_norm == "frozen" or (left_open and (solved or (batch or TRAIN_BATCH) < SMALL_BATCH))


def task_for(
    tunable: Tunable,
    examples: Examples,
    recipe: Recipe,
    folder: Path,
    progress: Progress,
    deadline: float,
    ranks: Ranks = ALONE,
) -> Task:
    """All that the training loop needs; the recipe is a completed one."""
    own, size = recipe.optimisation, examples.preprocessing.size
    train_rows, val_rows = rows_for_tuning(examples.split)
    weights = weights_of_classes(examples.labels[train_rows], examples.classes, recipe.head.class_weights)
    progress("Decoding for training", 0, 1)
    samples = examples.samples
    progress("Decoding for training", 1, 1)
    return Task(
        recipe=recipe,
        batch_size=batch_of(recipe, len(train_rows)),
        model=tunable,
        optimiser=make_optimiser(
            own.optimiser,
            list(tunable.head.parameters()),
            tunable.stages,
            own.learning_rate or 0.0,
            1.0 if recipe.planning.strategy == "from-scratch" else own.layer_decay,
            own.weight_decay or 0.0,
        ),
        samples=samples,
        train_rows=train_rows,
        val_rows=val_rows,
        view=training_view(recipe.augmentation.preset, size, recipe.augmentation.flip == "yes"),
        val_view=centre_view(size),
        class_weights=None if weights is None else torch.from_numpy(weights),
        folder=folder,
        identity=Identity(recipe.but(time_limit=None).flat(), examples.features.fingerprint(examples.split.part_of())),
        device=ranks.device or device_of(recipe.network.device),
        mix=mixing(recipe.augmentation.mix, examples.classes),
        deadline=deadline,
        progress=progress,
        ranks=ranks,
    )


def history_row(phase: str, row: Mapping[str, float], best_epoch: int) -> dict[str, Any]:
    """A row of history.csv; epoch 0, before any training, has no training figures."""
    figures = {name: None if math.isnan(value) else value for name, value in row.items()}
    return {"phase": phase, **figures, "epoch": int(row["epoch"]), "best": row["epoch"] == best_epoch}


def notes_on(task: Task, state: State) -> tuple[str, ...]:
    """What the user should know of how the training went."""
    notes = [f"training stopped after epoch {state.epoch}: {state.stopped}"] if state.stopped else []
    if state.share_of_end < 1:
        share = f"{state.share_of_end:.0%}"
        notes.append(f"the weights that were kept lie {share} of the way from the start to epoch {state.best_epoch}")
    if state.parts > 1:
        size = task.batch_size
        notes += [f"memory ran out, so batches of {size} went through in {state.parts} parts of {size // state.parts}"]
    return tuple(notes)


@torch.inference_mode()
def logits_of(network: nn.Module, examples: Examples, rows: np.ndarray, device: str) -> np.ndarray:
    """Logits (rows, classes) of a trained network, from the decoded images."""
    view, place = centre_view(examples.preprocessing.size), device_of(device)
    network.eval().to(place)
    parts = [
        network(examples.samples.batch(part.tolist(), view).to(place)).cpu().numpy()
        for part in batches(rows, TRAIN_BATCH)
    ]
    network.cpu()
    return np.concatenate(parts)
