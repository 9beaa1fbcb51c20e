"""Train a whole network: one loop for training and validation, on Lightning Fabric.

Everything random in a step follows from (seed, epoch, step), so that a run that was interrupted anywhere goes on
with the very same steps. The caller's random state stays as it was.
"""

import math
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch

from regraft.errors import RegraftError
from regraft.training import checkpoint
from regraft.training.depthwise import quick_depthwise
from regraft.training.early_stopping import note_if_best, reason_to_stop
from regraft.training.ema import Weights, averaged, between, copy_of, follow
from regraft.training.epoch_lines import closing, epoch_line, opening
from regraft.training.fitting import check_fits
from regraft.training.forward import Forward
from regraft.training.gradients import Gradients
from regraft.training.lost import Agreed, Lost
from regraft.training.optimiser import factor, set_rates
from regraft.training.order import order_of
from regraft.training.precision import fabric_for, log
from regraft.training.rank_norms import norms_over
from regraft.training.state import LAST, OUT_OF_TIME, State, state_from
from regraft.training.task import Task
from regraft.training.validating import validate

SHARES = (0.25, 0.5, 0.75)  # of the way from the start to the best epoch
STAGE = "Training"
HISTORY = (
    "epoch", "train_loss", "train_accuracy", "val_loss", "val_accuracy", "val_balanced_accuracy", "val_macro_f1",
    "seconds",
)  # fmt: skip


def run(task: Task, resume: bool) -> State:
    """Train until the last epoch, the patience's or the time's end, a loss out of bounds, or Ctrl-C; keep the best."""
    ranks, devices = task.ranks, [task.device] if task.device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices=devices), norms_over(ranks), ranks.heeding() as asked:
            return Loop(task, resume, asked).run()
    except RegraftError as error:
        if ranks.alone or isinstance(error, Agreed):
            raise
        raise Lost(str(error)) from error  # the other ranks know nothing of it


class Loop:
    """A training under way; ``asked``: whether this rank of several was asked to end."""

    def __init__(self, task: Task, resume: bool, asked: Callable[[], bool] = lambda: False) -> None:
        self.task, self.state = task, State()
        self.optimisation, self.stopping = task.recipe.optimisation, task.recipe.stopping
        self.ranks, self.asked = task.ranks, asked
        self.resumed = self.ranks.everywhere(resume and (task.folder / LAST).exists())
        if not self.ranks.alone:
            task.model.load_state_dict(self.ranks.everywhere(copy_of(task.model)))
        self.start = copy_of(task.model)
        task.model.to(task.device)  # before the optimiser's state is read, which goes where the parameters are
        self.best: Weights = self.start
        self.average: Weights = copy_of(task.model) if self.optimisation.ema and not self.resumed else {}
        if self.resumed:
            self.restore()
        self.fabric = fabric_for(task.device, task.folder, self.state.epoch, self.ranks.leads)
        channels_last = task.model.to(memory_format=torch.channels_last)
        self.model, self.optimiser = self.fabric.setup(channels_last, task.optimiser)
        self.forward = Forward(task, self.fabric, self.model)
        self.gradients = Gradients(task, self.forward, self.optimiser)
        self.began = 0.0  # of time.monotonic(): when the steps of this call did
        self.done = self.state.epoch * task.steps + self.state.step  # steps, with those of earlier calls

    def run(self) -> State:
        """All epochs that are left."""
        task, state = self.task, self.state
        task.progress.say(opening(task.recipe, state.epoch, (len(task.train_rows), len(task.val_rows)), task.deadline))
        if not self.resumed:
            self.judge()
        if math.isfinite(task.deadline):
            task.progress.limit(STAGE, max(0.0, task.deadline - time.monotonic()))
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
                state.stopped = state.stopped or task.onlooker(state.history, task.epochs)
                self.save()
                self.heed()
            self.interpolate()
            self.heed()
        except KeyboardInterrupt:
            state.stopped, state.interrupted = "interrupted", True
        if state.stopped:
            task.progress.say(closing(state))
        task.progress.ended(STAGE, self.done, task.epochs * task.steps, "steps")
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
            rows = task.train_rows[order[step * task.batch_size : (step + 1) * task.batch_size]]
            loss, right = self.gradients.of_batch(rows, state)
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
            if self.heed(time.monotonic() > task.deadline):
                state.stopped = OUT_OF_TIME
                break
            if time.monotonic() - saved > 60 * self.stopping.checkpoint_minutes:
                self.save()
                saved = time.monotonic()
        state.seconds += time.monotonic() - started
        state.epoch += 1

    def heed(self, late: bool = False) -> bool:
        """Whether rank 0 is late; KeyboardInterrupt where some rank of several was asked to end."""
        asked, late = self.ranks.any_of(self.asked(), late and self.ranks.leads)
        if asked:
            raise KeyboardInterrupt
        return late

    def say_how_far(self, done: int) -> None:
        """So many steps are done."""
        self.done = done
        self.task.progress(STAGE, done, self.task.epochs * self.task.steps, "steps")

    def set_rates(self, done: int) -> None:
        """The learning rates after so many steps, or after so much of the time."""
        task = self.task
        of_time = (time.monotonic() - self.began) / (task.deadline - self.began)
        share = max((done + 0.5) / (task.epochs * task.steps), of_time)
        if math.isfinite(task.deadline):  # by one clock
            share = self.ranks.everywhere(share)
        set_rates(self.optimiser, factor(self.optimisation.schedule, share, self.optimisation.warm_up))

    def judge(self) -> bool:
        """Validate, add a row to the history, and say whether this is the best so far."""
        state = self.state
        row, hits = self.validate()
        row |= {
            "train_loss": state.total_loss / state.step if state.step else math.nan,
            "train_accuracy": state.right / (state.step * self.task.batch_size) if state.step else math.nan,
        }
        state.history.append(row := {name: row[name] for name in HISTORY})
        log(self.fabric, row, state.epoch)
        state.step, state.total_loss, state.right = 0, 0.0, 0
        best = note_if_best(state, self.stopping, row, hits, state.epoch)
        self.task.progress.epoch(self.task.recipe.planning.strategy or "", self.task.epochs, row)
        self.task.progress.say(epoch_line(state.history, self.task.epochs, self.stopping.monitor, best))
        return best

    def validate(self) -> tuple[dict[str, float], list[bool]]:
        """Validation's figures for the weights in the model, and which images are right."""
        return self.ranks.everywhere(validate(self.task, self.forward, self.state))

    def save(self) -> None:
        """Write the last checkpoint: all that resuming needs, by name."""
        if not self.ranks.leads:
            return
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
        if not self.ranks.leads:
            return
        state, stopping = self.state, self.stopping
        value = state.best_value * stopping.sign
        name = stopping.checkpoint_name.format(epoch=state.best_epoch, metric=stopping.monitor, value=value)
        content = {"epoch": state.best_epoch, "metric": stopping.monitor, "value": value, "model": self.best}
        checkpoint.keep_best(self.task.folder, name, content)

    def restore(self) -> None:
        """Put the last checkpoint into the model, the optimiser, the state and the weights kept beside them."""
        content = self.ranks.everywhere(self.ranks.agreed(self.checked))
        self.state = state_from(content["state"])
        self.task.model.load_state_dict(content["model"])
        self.task.optimiser.load_state_dict(content["optimiser"])
        self.average = {name: value.to(self.task.device) for name, value in content["average"].items()}
        self.best = content["best"]

    def checked(self) -> dict[str, Any]:
        """What the last checkpoint holds, which rank 0 reads; RunError where it is not this training's."""
        if not self.ranks.leads:
            return {}
        content = checkpoint.read(self.task.folder, self.task.identity)
        state_from(content.get("state", {}))
        check_fits(self.task.folder / LAST, content, self.task.model, self.task.optimiser)
        return content
