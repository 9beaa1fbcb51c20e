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
from lightning.fabric.loggers.tensorboard import TensorBoardLogger
from torch import nn
from torch.nn.functional import cross_entropy

from regraft.errors import RunError
from regraft.features.features import Progress, silent
from regraft.intervals import summaries
from regraft.training.augmentation import Mix, View
from regraft.training.checkpoint import Identity
from regraft.training.depthwise import depthwise_in_float32
from regraft.training.ema import Weights, averaged, copy_of, follow
from regraft.training.optimiser import factor, set_rates
from regraft.training.samples import Samples
from regraft.training import checkpoint

OUT_OF_TIME = "the time limit was reached"
NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")  # in PyTorch's messages
DIVERGED = 2.0  # times the loss of knowing nothing
SEEDS = 2**63  # a generator takes no larger one


@dataclass(frozen=True)
class TuneSettings:
    """How long and how a network is trained."""

    epochs: int
    batch_size: int
    schedule: str  # cosine, constant or one-cycle
    warm_up: float  # share of all steps
    label_smoothing: float  # 0..1
    clip: float  # largest norm of the gradient; 0: no limit
    ema: float  # decay a step of the averaged weights; 0: no average
    patience: int  # epochs without improvement, of the monitored metric or of validation's loss, before it stops
    min_improvement: float  # of the monitored metric, to count
    monitor: str  # a figure of the history
    mode: str  # max, min or auto: the least of a loss, the most of anything else
    checkpoint_name: str  # of the best one, with {epoch}, {metric} and {value}
    seed: int
    checkpoint_minutes: float  # between checkpoints inside an epoch

    @property
    def sign(self) -> int:
        """1 where more of the monitored figure is better, else -1."""
        least = self.mode == "min" or (self.mode == "auto" and self.monitor.endswith("loss"))
        return -1 if least else 1


@dataclass
class State:
    """Where a training is: all that resuming needs beside the model and the optimiser."""

    epoch: int = 0  # epochs finished
    step: int = 0  # steps done in the epoch that is under way
    total_loss: float = 0.0  # over those steps
    right: int = 0  # training images that were right over those steps
    best_epoch: int = 0
    best_value: float = -math.inf  # of the monitored metric, signed so that more is better
    best_loss: float = math.inf  # of validation at the best epoch; it breaks ties
    best_hits: list[bool] = field(default_factory=list)  # per validation image, whether the best epoch is right
    parts: int = 1  # a batch goes through in so many, more than one where memory ran out
    seconds: float = 0.0
    stopped: str = ""  # why it ended before its last epoch
    interrupted: bool = False
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
    mix: Mix | None = None
    deadline: float = math.inf  # of time.monotonic(); the schedule ends by then
    progress: Progress = silent

    @property
    def classes(self) -> int:
        """Classes among the labels."""
        return int(self.samples.labels.max()) + 1

    @property
    def steps(self) -> int:
        """Steps in an epoch; a last batch that is not full is left for another epoch's draw."""
        return max(1, len(self.train_rows) // self.settings.batch_size)


def run(job: Job, resume: bool) -> State:
    """Train until the last epoch, the patience's or the time's end, a loss out of bounds, or Ctrl-C; keep the best."""
    resume = resume and (job.folder / checkpoint.LAST).exists()
    job.model.to(job.device)  # before the optimiser's state is read, which goes where the parameters are
    state, average = State(), copy_of(job.model) if job.settings.ema else {}
    best = restore(job, state, average) if resume else copy_of(job.model)
    fabric = fabric_for(job, state.epoch)
    model, optimiser = fabric.setup(job.model.to(memory_format=torch.channels_last), job.optimiser)
    if not resume:
        judge(job, fabric, model, state)
    started = time.monotonic()
    try:
        while state.epoch < job.settings.epochs and not state.stopped:
            with depthwise_in_float32(job.model, job.device):
                train_epoch(job, fabric, model, optimiser, state, best, average, started)
            with averaged(job.model, average):
                if judge(job, fabric, model, state):
                    best = copy_of(job.model)
                    keep(job, state, best)
            state.stopped = state.stopped or reason_to_stop(job, state)
            save(job, state, best, average)
    except KeyboardInterrupt:
        state.stopped, state.interrupted = "interrupted", True
    job.model.load_state_dict(best)
    return state


def reason_to_stop(job: Job, state: State) -> str:
    """Why the training ends before its last epoch, or nothing."""
    settings, most = job.settings, DIVERGED * math.log(max(2, job.classes))
    losses = [row["train_loss"] for row in state.history[1:]][-2:]  # the first row is from before any training
    if len(losses) == 2 and not min(losses) < most:  # noqa: PLR2004 - one epoch may bear a start that was far off
        return f"the loss rose to {losses[-1]:.2f}: try a smaller --learning-rate or --clip 1"
    least = min(state.history, key=lambda row: row["val_loss"])  # counts too, where any improvement does
    improved = max(state.best_epoch, 0 if settings.min_improvement else least["epoch"])
    if state.epoch - improved >= settings.patience and state.epoch < settings.epochs:
        return f"no improvement for {settings.patience} epochs"
    return ""


def train_epoch(
    job: Job,
    fabric: Fabric,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    state: State,
    best: Weights,
    average: Weights,
    began: float,
) -> None:
    """The steps of one epoch that are not done yet; ``began`` is when this call of ``run`` did."""
    settings, started = job.settings, time.monotonic()
    saved = started
    order = torch.randperm(len(job.train_rows), generator=generator(settings.seed, state.epoch)).numpy()
    model.train()
    for step in range(state.step, job.steps):
        rows = job.train_rows[order[step * settings.batch_size : (step + 1) * settings.batch_size]]
        done = state.epoch * job.steps + step
        share = max((done + 0.5) / (settings.epochs * job.steps), (time.monotonic() - began) / (job.deadline - began))
        set_rates(optimiser, factor(settings.schedule, share, settings.warm_up))
        loss, right = gradients(job, fabric, model, optimiser, rows, state)
        if not math.isfinite(loss):
            state.stopped = "the loss is no number any more: try a smaller --learning-rate or --clip 1"
            break
        if settings.clip:
            fabric.clip_gradients(model, optimiser, max_norm=settings.clip, error_if_nonfinite=False)
        optimiser.step()
        if average:
            follow(average, job.model, min(settings.ema, (1 + done) / (10 + done)))
        state.step, state.total_loss, state.right = step + 1, state.total_loss + loss, state.right + right
        job.progress("Training", done + 1, settings.epochs * job.steps)
        if time.monotonic() > job.deadline:
            state.stopped = OUT_OF_TIME
            break
        if time.monotonic() - saved > 60 * settings.checkpoint_minutes:
            save(job, state, best, average)
            saved = time.monotonic()
    state.seconds += time.monotonic() - started
    state.epoch += 1


def gradients(
    job: Job, fabric: Fabric, model: nn.Module, optimiser: torch.optim.Optimizer, rows: np.ndarray, state: State
) -> tuple[float, int]:
    """Loss and number of right images of one batch, and its gradients.

    Where memory runs out the batch goes through in twice as many parts, from then on; RunError where that is
    no help.
    """
    while True:
        torch.manual_seed(((1_000_003 * job.settings.seed + state.epoch) * 1_000_003 + state.step) % SEEDS)
        optimiser.zero_grad()
        total, hits = 0.0, 0
        try:
            for part in np.array_split(rows, state.parts):
                loss, right = one_batch(job, fabric, model, part)
                share = loss * (len(part) / len(rows))
                fabric.backward(share)
                total, hits = total + share.item(), hits + right
        except RuntimeError as error:  # CUDA has a kind of its own below it, the CPU has not
            if not any(words in str(error) for words in NO_MEMORY):
                raise
            if len(rows) < 4 * state.parts:  # batch norm needs two images
                raise RunError(
                    f"memory ran out with {-(-len(rows) // state.parts)} images of {job.samples.preprocessing.size}"
                    " pixels at a time; use a smaller --image-size, or --strategy head"
                ) from None
            state.parts *= 2
        else:
            return total, hits


def one_batch(job: Job, fabric: Fabric, model: nn.Module, rows: np.ndarray) -> tuple[torch.Tensor, int]:
    """Loss and number of right images of one batch of training images."""
    logits, labels = forward(job, fabric, model, rows, job.view, job.mix)
    weights = None if job.class_weights is None else job.class_weights.to(logits.device)
    loss = cross_entropy(logits, labels, weight=weights, label_smoothing=job.settings.label_smoothing)
    truth = labels if labels.ndim == 1 else labels.argmax(1)
    return loss, int((logits.argmax(1) == truth).sum())


def forward(
    job: Job, fabric: Fabric, model: nn.Module, rows: np.ndarray, view: View, mix: Mix | None = None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits (rows, classes) in float32, and labels (rows,), or (rows, classes) where images were mixed."""
    images = fabric.to_device(job.samples.batch(rows.tolist(), view))
    labels = fabric.to_device(job.samples.labels[torch.from_numpy(rows)])
    if mix and len(rows) > 1:
        images, labels = mix(images, labels)
    return model(images).float(), labels


@torch.no_grad()
def judge(job: Job, fabric: Fabric, model: nn.Module, state: State) -> bool:
    """Validate, add a row to the history, and say whether this is the best so far."""
    model.eval()
    logits, labels = [], []
    for rows in batches(job.val_rows, max(1, 2 * job.settings.batch_size // state.parts)):
        found = forward(job, fabric, model, rows, job.val_view)
        logits.append(found[0].cpu())
        labels.append(found[1].cpu())
    scores, truth = torch.cat(logits), torch.cat(labels)
    predicted = scores.argmax(1)
    accuracy, balanced, macro = summaries(truth.numpy(), predicted.numpy())
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
    fabric.log_dict({name: value for name, value in row.items() if math.isfinite(value)}, step=state.epoch)
    fabric.logger.save()
    state.step, state.total_loss, state.right = 0, 0.0, 0
    return note_if_best(job, state, row, (predicted == truth).tolist())


def note_if_best(job: Job, state: State, row: dict[str, float], hits: list[bool]) -> bool:
    """Whether the epoch is the best so far: by the monitored figure, and of equals by the smaller validation loss."""
    value = job.settings.sign * row[job.settings.monitor]
    least = job.settings.min_improvement if math.isfinite(state.best_value) else 0.0
    tied = least == 0 and value == state.best_value and row["val_loss"] < state.best_loss
    improved = math.isfinite(row["val_loss"]) and (value > state.best_value + least or tied)
    if improved or not state.best_hits:
        state.best_epoch, state.best_hits, state.best_loss = state.epoch, hits, row["val_loss"]
        state.best_value = value if math.isfinite(value) else -math.inf
    return improved


def batches(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Consecutive parts of ``rows``."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def generator(seed: int, epoch: int) -> torch.Generator:
    """The generator of an epoch's order."""
    return torch.Generator().manual_seed((1_000_003 * seed + epoch) % SEEDS)


def precision_of(device: torch.device) -> Any:
    """bf16 mixed precision where the hardware has it, else float32."""
    if device.type == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    capabilities: Callable[[], dict[str, Any]] = getattr(torch.cpu, "get_capabilities", dict)
    return "bf16-mixed" if capabilities().get("avx512_bf16") or capabilities().get("amx_bf16") else "32-true"


def fabric_for(job: Job, epoch: int) -> Fabric:
    """Fabric for one device, which writes the history from ``epoch`` on for TensorBoard."""
    for part in ("lightning.fabric", "lightning.pytorch"):  # whichever was imported last says which precision it uses
        logging.getLogger(part).setLevel(logging.WARNING)
    logger = TensorBoardLogger(job.folder / "tensorboard", name="", version="", purge_step=epoch)
    devices: Any = [job.device.index] if job.device.index is not None else 1
    return Fabric(accelerator=job.device.type, devices=devices, precision=precision_of(job.device), loggers=logger)


def save(job: Job, state: State, best: Weights, average: Weights) -> None:
    """Write the last checkpoint."""
    checkpoint.write(
        job.folder,
        checkpoint.LAST,
        {
            **asdict(job.identity),
            "model": job.model.state_dict(),
            "best": best,
            "average": average,
            "optimiser": job.optimiser.state_dict(),
            "state": asdict(state),
        },
    )


def keep(job: Job, state: State, best: Weights) -> None:
    """Write the best checkpoint."""
    settings = job.settings
    value = state.best_value * settings.sign
    name = settings.checkpoint_name.format(epoch=state.best_epoch, metric=settings.monitor, value=value)
    checkpoint.keep_best(
        job.folder, name, {"epoch": state.best_epoch, "metric": settings.monitor, "value": value, "model": best}
    )


def restore(job: Job, state: State, average: Weights) -> Weights:
    """Put the last checkpoint into the job's model and optimiser, ``state`` and ``average``; return the best."""
    found = checkpoint.read(job.folder, job.identity)
    job.model.load_state_dict(found["model"])
    job.optimiser.load_state_dict(found["optimiser"])
    for name, value in found["state"].items():
        setattr(state, name, value)
    if state.stopped == OUT_OF_TIME:
        state.stopped = ""
    average.update({name: value.to(job.device) for name, value in found["average"].items()})
    best: Weights = found["best"]
    return best
