"""Train a whole network: one loop for training and validation, on Lightning Fabric.

Everything random in a step follows from (seed, epoch, step), so that a run that was interrupted anywhere goes on
with the very same steps. The caller's random state stays as it was.
"""

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from regraft.errors import RunError
from regraft.metrics import summaries
from regraft.progress import Progress, silent
from regraft.recipe import Recipe
from regraft.training import checkpoint
from regraft.training.augmentation import Mix, View
from regraft.training.checkpoint import Identity
from regraft.training.depthwise import quick_depthwise
from regraft.training.early_stopping import note_if_best, reason_to_stop
from regraft.training.ema import Weights, averaged, between, copy_of, follow
from regraft.training.epoch_lines import closing, epoch_line, opening, steps_in_time
from regraft.training.fitting import check_fits
from regraft.training.optimiser import factor, set_rates
from regraft.training.order import SEEDS, order_of
from regraft.training.precision import fabric_for, log
from regraft.training.samples import Samples, batches
from regraft.training.state import LAST, OUT_OF_TIME, State, state_from
from regraft.training.watch import Watch, unwatched

NO_MEMORY = ("out of memory", "can't allocate memory", "not enough memory")  # in PyTorch's messages
SHARES = (0.25, 0.5, 0.75)  # of the way from the start to the best epoch
HISTORY = (
    "epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_balanced_accuracy", "val_macro_f1",
    "seconds",
)  # fmt: skip


@dataclass(frozen=True)
class Task:
    """One training's parts. ``model`` maps images to logits; the best weights are in it at the end."""

    recipe: Recipe  # completed
    batch_size: int
    model: nn.Module
    optimiser: torch.optim.Optimizer
    samples: Samples
    train_rows: np.ndarray
    val_rows: np.ndarray
    view: View
    val_view: View
    class_weights: torch.Tensor | None
    folder: Path  # of the checkpoints
    identity: Identity
    device: torch.device
    mix: Mix | None = None
    deadline: float = math.inf  # of time.monotonic(); the schedule ends by then; -inf: nothing more is trained
    progress: Progress = silent
    watch: Watch = unwatched

    @property
    def epochs(self) -> int:
        """How often training goes through the images."""
        assert self.recipe.optimisation.epochs, "a completed recipe has epochs"
        return self.recipe.optimisation.epochs

    @property
    def steps(self) -> int:
        """Steps in an epoch; a last batch that is not full is left for another epoch's draw."""
        return max(1, len(self.train_rows) // self.batch_size)


def run(task: Task, resume: bool) -> State:
    """Train until the last epoch, the patience's or the time's end, a loss out of bounds, or Ctrl-C; keep the best."""
    with torch.random.fork_rng(devices=[task.device] if task.device.type == "cuda" else []):
        return Loop(task, resume).run()


class Loop:
    """A training under way."""

    def __init__(self, task: Task, resume: bool) -> None:
        self.task, self.state = task, State()
        self.optimisation, self.stopping = task.recipe.optimisation, task.recipe.stopping
        self.resumed = resume and (task.folder / LAST).exists()
        self.start = copy_of(task.model)
        task.model.to(task.device)  # before the optimiser's state is read, which goes where the parameters are
        self.best: Weights = self.start
        self.average: Weights = copy_of(task.model) if self.optimisation.ema and not self.resumed else {}
        if self.resumed:
            self.restore()
        self.fabric = fabric_for(task.device, task.folder, self.state.epoch)
        channels_last = task.model.to(memory_format=torch.channels_last)
        self.model, self.optimiser = self.fabric.setup(channels_last, task.optimiser)
        self.began = 0.0  # of time.monotonic(): when the steps of this call did
        self.before = self.state.epoch * task.steps + self.state.step  # steps of earlier calls

    def run(self) -> State:
        """All epochs that are left."""
        task, state = self.task, self.state
        task.progress.say(opening(task.recipe, state.epoch, (len(task.train_rows), len(task.val_rows)), task.deadline))
        if not self.resumed:
            self.judge()
        self.began, classes = time.monotonic(), int(task.samples.labels.max()) + 1
        try:
            while state.epoch < task.epochs and not state.stopped and task.deadline > -math.inf:
                with quick_depthwise(task.model, task.device):
                    self.train_epoch()
                with averaged(task.model, self.average):
                    if self.judge():
                        self.best = copy_of(task.model)
                        self.keep_best()
                state.stopped = state.stopped or reason_to_stop(state, self.stopping, task.epochs, classes)
                state.stopped = state.stopped or task.watch(state.history, task.epochs)
                self.save()
            self.interpolate()
        except KeyboardInterrupt:
            state.stopped, state.interrupted = "interrupted", True
        if state.stopped:
            task.progress.say(closing(state))
        self.say_how_far(task.epochs * task.steps)
        task.model.load_state_dict(self.best)
        return state

    def interpolate(self) -> None:
        """Keep weights between the start and the best epoch where they validate better (Wortsman et al., 2022)."""
        state, end = self.state, self.best
        if self.optimisation.interpolate == "no" or not state.best_epoch or self.stopping.monitor.startswith("train"):
            return
        for share in SHARES:
            self.task.model.load_state_dict(between(self.start, end, share))
            if note_if_best(state, self.stopping, *self.validate(), state.best_epoch):
                self.best, state.share_of_end = copy_of(self.task.model), share

    def train_epoch(self) -> None:
        """The steps of one epoch that are not done yet."""
        task, state, optimisation = self.task, self.state, self.optimisation
        started = saved = time.monotonic()
        order = order_of(task.recipe.seed, state.epoch, len(task.train_rows))
        self.model.train()
        self.say_how_far(state.epoch * task.steps + state.step)
        for step in range(state.step, task.steps):
            done = state.epoch * task.steps + step
            self.set_rates(done)
            loss, right = self.gradients(task.train_rows[order[step * task.batch_size : (step + 1) * task.batch_size]])
            if not math.isfinite(loss):
                state.stopped = "the loss is no number any more: try a smaller --learning-rate or --clip 1"
                break
            if optimisation.clip:
                self.fabric.clip_gradients(
                    self.model, self.optimiser, max_norm=optimisation.clip, error_if_nonfinite=False
                )
            self.optimiser.step()
            if self.average:
                follow(self.average, task.model, min(optimisation.ema or 0.0, (1 + done) / (10 + done)))
            state.step, state.total_loss, state.right = step + 1, state.total_loss + loss, state.right + right
            self.say_how_far(done + 1)
            if time.monotonic() > task.deadline:
                state.stopped = OUT_OF_TIME
                break
            if time.monotonic() - saved > 60 * self.stopping.checkpoint_minutes:
                self.save()
                saved = time.monotonic()
        state.seconds += time.monotonic() - started
        state.epoch += 1

    def say_how_far(self, done: int) -> None:
        """So many steps are done, of those that there is time for."""
        left, passed = self.task.epochs * self.task.steps - self.before, time.monotonic() - self.began
        steps = steps_in_time(left, done - self.before, passed, self.task.deadline - self.began)
        self.task.progress("Training", done, self.before + steps, "steps")

    def set_rates(self, done: int) -> None:
        """The learning rates after so many steps, or after so much of the time."""
        task = self.task
        of_time = (time.monotonic() - self.began) / (task.deadline - self.began)
        share = max((done + 0.5) / (task.epochs * task.steps), of_time)
        set_rates(self.optimiser, factor(self.optimisation.schedule, share, self.optimisation.warm_up))

    def gradients(self, rows: np.ndarray) -> tuple[float, int]:
        """Loss and number of right images of one batch, and its gradients.

        Where memory runs out the batch goes through in twice as many parts, from then on; RunError where that is
        no help.
        """
        task, state = self.task, self.state
        while True:
            torch.manual_seed(((1_000_003 * task.recipe.seed + state.epoch) * 1_000_003 + state.step) % SEEDS)
            self.optimiser.zero_grad()
            total, hits = 0.0, 0
            try:
                for part in np.array_split(rows, state.parts):
                    loss, right = self.one_batch(part)
                    share = loss * (len(part) / len(rows))
                    self.fabric.backward(share)
                    total, hits = total + share.item(), hits + right
            except RuntimeError as error:  # CUDA has a kind of its own below it, the CPU has not
                if not any(words in str(error) for words in NO_MEMORY):
                    raise
                if len(rows) < 4 * state.parts:  # batch norm needs two images
                    raise RunError(
                        f"memory ran out with {-(-len(rows) // state.parts)} images of"
                        f" {task.samples.preprocessing.size} pixels at a time; use a smaller --image-size, or"
                        " --strategy head"
                    ) from None
                state.parts *= 2
            else:
                return total, hits

    def one_batch(self, rows: np.ndarray) -> tuple[torch.Tensor, int]:
        """Loss and number of right images of one batch of training images."""
        logits, labels = self.forward(rows, self.task.view, self.task.mix)
        weights = None if self.task.class_weights is None else self.task.class_weights.to(logits.device)
        loss = cross_entropy(logits, labels, weight=weights, label_smoothing=self.optimisation.label_smoothing)
        truth = labels if labels.ndim == 1 else labels.argmax(1)
        return loss, int((logits.argmax(1) == truth).sum())

    def forward(self, rows: np.ndarray, view: View, mix: Mix | None = None) -> tuple[torch.Tensor, torch.Tensor]:
        """Logits (rows, classes) in float32, and labels (rows,), or (rows, classes) where images were mixed."""
        images = self.fabric.to_device(self.task.samples.batch(rows.tolist(), view))
        labels = self.fabric.to_device(self.task.samples.labels[torch.from_numpy(rows)])
        if mix and len(rows) > 1:
            images, labels = mix(images, labels)
        return self.model(images).float(), labels

    def judge(self) -> bool:
        """Validate, add a row to the history, and say whether this is the best so far."""
        state = self.state
        row, hits = self.validate()
        row |= {
            "train_loss": state.total_loss / state.step if state.step else math.nan,
            "train_accuracy": state.right / (state.step * self.task.batch_size) if state.step else math.nan,
        }
        row = {name: row[name] for name in HISTORY}
        state.history.append(row)
        log(self.fabric, row, state.epoch)
        state.step, state.total_loss, state.right = 0, 0.0, 0
        best = note_if_best(state, self.stopping, row, hits, state.epoch)
        self.task.progress.say(epoch_line(state.history, self.task.epochs, self.stopping.monitor, best))
        return best

    @torch.no_grad()
    def validate(self) -> tuple[dict[str, float], list[bool]]:
        """Validation's figures for the weights in the model, and which images are right."""
        task, state = self.task, self.state
        self.model.eval()
        outputs = [
            [value.cpu() for value in self.forward(rows, task.val_view)]
            for rows in batches(task.val_rows, max(1, 2 * task.batch_size // state.parts))
        ]
        logits, truth = (torch.cat(parts) for parts in zip(*outputs, strict=True))
        predicted = logits.argmax(1)
        accuracy, balanced, macro = summaries(truth.numpy(), predicted.numpy())
        row = {
            "epoch": float(state.epoch),
            "val_loss": float(cross_entropy(logits, truth)),
            "val_accuracy": float(accuracy),
            "val_balanced_accuracy": float(balanced),
            "val_macro_f1": float(macro),
            "seconds": state.seconds,
        }
        return row, (predicted == truth).tolist()

    def save(self) -> None:
        """Write the last checkpoint: all that resuming needs, by name."""
        content: dict[str, Any] = {
            **asdict(self.task.identity),
            "model": self.task.model.state_dict(),
            "best": self.best,
            "average": self.average,
            "optimiser": self.task.optimiser.state_dict(),
            "state": asdict(self.state),
        }
        checkpoint.write(self.task.folder, LAST, content)

    def keep_best(self) -> None:
        """Write the best checkpoint."""
        state, stopping = self.state, self.stopping
        value = state.best_value * stopping.sign
        name = stopping.checkpoint_name.format(epoch=state.best_epoch, metric=stopping.monitor, value=value)
        content = {"epoch": state.best_epoch, "metric": stopping.monitor, "value": value, "model": self.best}
        checkpoint.keep_best(self.task.folder, name, content)

    def restore(self) -> None:
        """Put the last checkpoint into the model, the optimiser, the state and the weights kept beside them."""
        content = checkpoint.read(self.task.folder, self.task.identity)
        self.state = state_from(content.get("state", {}))
        check_fits(self.task.folder / LAST, content, self.task.model, self.task.optimiser)
        self.task.model.load_state_dict(content["model"])
        self.task.optimiser.load_state_dict(content["optimiser"])
        self.average = {name: value.to(self.task.device) for name, value in content["average"].items()}
        self.best = content["best"]
