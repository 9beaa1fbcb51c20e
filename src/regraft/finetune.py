"""Train a whole network: one loop for training and validation, on Lightning Fabric.

Everything random in a step follows from (seed, epoch, step), so that a run that was interrupted anywhere goes on
with the very same steps.
"""

import logging
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric import Fabric
from torch import nn
from torch.nn.functional import cross_entropy

from regraft import checkpoint
from regraft.augmentation import View
from regraft.checkpoint import Identity
from regraft.features import Progress, silent
from regraft.metrics import summaries
from regraft.optimiser import factor, set_rates
from regraft.samples import Samples

MONITORS = {"val_loss": -1, "val_accuracy": 1, "val_balanced_accuracy": 1, "val_macro_f1": 1}  # +1: more is better


@dataclass(frozen=True)
class TuneSettings:
    """How long and how a network is trained."""

    epochs: int
    batch_size: int
    schedule: str  # cosine, constant or one-cycle
    warm_up: float  # share of all steps
    label_smoothing: float  # 0..1
    clip: float  # largest norm of the gradient; 0: no limit
    patience: int  # epochs without improvement before it stops
    min_improvement: float  # of the monitored metric, to count
    monitor: str  # a key of MONITORS
    seed: int
    checkpoint_minutes: float  # between checkpoints inside an epoch


@dataclass
class State:
    """Where a training is: all that resuming needs beside the model and the optimiser."""

    epoch: int = 0  # epochs finished
    step: int = 0  # steps done in the epoch that is under way
    total_loss: float = 0.0  # over those steps
    right: int = 0  # training images that were right over those steps
    best_epoch: int = 0
    best_value: float = -math.inf  # of the monitored metric, signed so that more is better
    seconds: float = 0.0
    stopped: str = ""  # why it ended before its last epoch
    history: list[dict[str, float]] = field(default_factory=list)


@dataclass(frozen=True)
class Job:
    """One training's parts. ``model`` maps images to logits; the best weights are in it when ``run`` returns."""

    model: nn.Module
    optimiser: torch.optim.Optimizer
    samples: Samples
    train_rows: np.ndarray
    val_rows: np.ndarray
    view: View
    val_view: View
    class_weights: torch.Tensor | None
    settings: TuneSettings
    folder: Path  # of the checkpoints
    identity: Identity
    device: torch.device
    progress: Progress = silent

    @property
    def steps(self) -> int:
        """Steps in an epoch; a last batch that is not full is left for another epoch's draw."""
        return max(1, len(self.train_rows) // self.settings.batch_size)


def run(job: Job, resume: bool) -> State:
    """Train until the last epoch, the patience's end, a loss that is no number, or Ctrl-C; the best is kept."""
    for part in ("lightning.fabric", "lightning.pytorch"):  # whichever was imported last says which precision it uses
        logging.getLogger(part).setLevel(logging.WARNING)
    fabric = Fabric(accelerator=job.device.type, devices=1, precision=precision_of(job.device))
    model, optimiser = fabric.setup(job.model.to(memory_format=torch.channels_last), job.optimiser)
    state = State()
    best = copy_of(job.model)
    if resume and (job.folder / checkpoint.LAST).exists():
        best = restore(job, state)
    else:
        judge(job, fabric, model, state)
    epochs = job.settings.epochs
    try:
        while state.epoch < epochs and not state.stopped:
            train_epoch(job, fabric, model, optimiser, state, best)
            if not state.stopped and judge(job, fabric, model, state):
                best = copy_of(job.model)
                keep(job, state, best)
            if state.epoch - state.best_epoch >= job.settings.patience and state.epoch < epochs:
                state.stopped = f"no improvement for {job.settings.patience} epochs"
            save(job, state, best)
    except KeyboardInterrupt:
        state.stopped = "interrupted; the same command with --out and --resume goes on"
    job.model.load_state_dict(best)
    return state


def train_epoch(
    job: Job, fabric: Fabric, model: nn.Module, optimiser: torch.optim.Optimizer, state: State, best: dict[str, Any]
) -> None:
    """The steps of one epoch that are not done yet."""
    settings, started = job.settings, time.monotonic()
    saved = started
    order = torch.randperm(len(job.train_rows), generator=generator(settings.seed, state.epoch)).numpy()
    model.train()
    for step in range(state.step, job.steps):
        torch.manual_seed((1_000_003 * settings.seed + state.epoch) * 1_000_003 + step)
        rows = job.train_rows[order[step * settings.batch_size : (step + 1) * settings.batch_size]]
        share = (state.epoch * job.steps + step + 0.5) / (settings.epochs * job.steps)
        set_rates(optimiser, factor(settings.schedule, share, settings.warm_up))
        loss, right = one_batch(job, fabric, model, rows, job.view)
        if not torch.isfinite(loss):
            state.stopped = "the loss is no number any more: try a smaller --learning-rate or --clip 1"
            return
        optimiser.zero_grad()
        fabric.backward(loss)
        if settings.clip:
            fabric.clip_gradients(model, optimiser, max_norm=settings.clip, error_if_nonfinite=False)
        optimiser.step()
        state.step, state.total_loss, state.right = step + 1, state.total_loss + loss.item(), state.right + right
        job.progress("Training", state.epoch * job.steps + step + 1, settings.epochs * job.steps)
        if time.monotonic() - saved > 60 * settings.checkpoint_minutes:
            save(job, state, best)
            saved = time.monotonic()
    state.seconds += time.monotonic() - started
    state.epoch += 1


def one_batch(job: Job, fabric: Fabric, model: nn.Module, rows: np.ndarray, view: View) -> tuple[torch.Tensor, int]:
    """Loss and number of right images of one batch, for training and validation alike."""
    logits, labels = forward(job, fabric, model, rows, view)
    smoothing = job.settings.label_smoothing if model.training else 0.0
    weights = None if job.class_weights is None else job.class_weights.to(logits.device)
    loss = cross_entropy(logits, labels, weight=weights, label_smoothing=smoothing)
    return loss, int((logits.argmax(1) == labels).sum())


def forward(
    job: Job, fabric: Fabric, model: nn.Module, rows: np.ndarray, view: View
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (rows, classes) in float32, and labels (rows,)."""
    images = fabric.to_device(job.samples.batch(rows.tolist(), view))
    labels = fabric.to_device(job.samples.labels[torch.from_numpy(rows)])
    return model(images).float(), labels


@torch.no_grad()
def judge(job: Job, fabric: Fabric, model: nn.Module, state: State) -> bool:
    """Validate, add a row to the history, and say whether this is the best so far."""
    model.eval()
    logits, labels = [], []
    for rows in batches(job.val_rows, 2 * job.settings.batch_size):
        found = forward(job, fabric, model, rows, job.val_view)
        logits.append(found[0].cpu())
        labels.append(found[1].cpu())
    scores, truth = torch.cat(logits), torch.cat(labels)
    classes = scores.shape[1]
    cells = torch.bincount(truth * classes + scores.argmax(1), minlength=classes**2).reshape(1, classes, classes)
    accuracy, balanced, macro = summaries(cells.numpy())[0]
    row = {
        "epoch": float(state.epoch),
        "train_loss": state.total_loss / state.step if state.step else math.nan,
        "train_accuracy": state.right / (state.step * job.settings.batch_size) if state.step else math.nan,
        "val_loss": float(cross_entropy(scores, truth)),
        "val_accuracy": float(accuracy),
        "val_balanced_accuracy": float(balanced),
        "val_macro_f1": float(macro),
        "seconds": state.seconds,
    }
    state.history.append(row)
    state.step, state.total_loss, state.right = 0, 0.0, 0
    value = MONITORS[job.settings.monitor] * row[job.settings.monitor]
    if value > state.best_value + (job.settings.min_improvement if math.isfinite(state.best_value) else 0):
        state.best_value, state.best_epoch = value, state.epoch
        return True
    return False


def batches(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Consecutive parts of ``rows``."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def generator(seed: int, epoch: int) -> torch.Generator:
    """The generator of an epoch's order."""
    return torch.Generator().manual_seed(1_000_003 * seed + epoch)


def precision_of(device: torch.device) -> Any:
    """bf16 mixed precision where the hardware has it, else float32."""
    if device.type == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    capabilities: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    return "bf16-mixed" if capabilities().get("avx512_bf16") or capabilities().get("amx_bf16") else "32-true"


def copy_of(model: nn.Module) -> dict[str, torch.Tensor]:
    """The model's parameters and buffers, copied to the CPU."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def save(job: Job, state: State, best: dict[str, torch.Tensor]) -> None:
    """Write the last checkpoint."""
    checkpoint.write(
        job.folder,
        checkpoint.LAST,
        {
            **asdict(job.identity),
            "model": job.model.state_dict(),
            "best": best,
            "optimiser": job.optimiser.state_dict(),
            "state": asdict(state),
        },
    )


def keep(job: Job, state: State, best: dict[str, torch.Tensor]) -> None:
    """Write the best checkpoint."""
    value = state.best_value * MONITORS[job.settings.monitor]
    checkpoint.keep_best(job.folder, state.best_epoch, job.settings.monitor, value, best)


def restore(job: Job, state: State) -> dict[str, torch.Tensor]:
    """Put the last checkpoint into the job's model, optimiser and ``state``; return the best weights."""
    found = checkpoint.read(job.folder, job.identity)
    job.model.load_state_dict(found["model"])
    job.optimiser.load_state_dict(found["optimiser"])
    for name, value in found["state"].items():
        setattr(state, name, value)
    best: dict[str, torch.Tensor] = found["best"]
    return best
