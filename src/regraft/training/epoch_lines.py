"""What a training of the whole network says while it goes: at its start, after each epoch, where it stops early."""

import math
import time
from collections.abc import Mapping, Sequence

from regraft.recipe import Recipe
from regraft.training.state import State

WORDS = {
    "train_loss": "train loss",
    "train_accuracy": "train accuracy",
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
    "val_balanced_accuracy": "balanced accuracy",
    "val_macro_f1": "macro F1",
}
IN_PLACE = ("val_balanced_accuracy", "val_macro_f1")  # are shown in place of the accuracy, where they are monitored


def opening(recipe: Recipe, done: int, images: tuple[int, int], deadline: float) -> str:
    """What is about to be trained, after ``done`` epochs; ``images``: that train and that validate."""
    strategy, epochs = recipe.planning.strategy, recipe.optimisation.epochs
    count = f"epochs {done + 1} to {epochs}" if done else "1 epoch" if epochs == 1 else f"{epochs} epochs"
    left = deadline - time.monotonic()
    if math.isfinite(left):
        count = f"{count if done else f'up to {count}'}, in {minutes_and_seconds(left)} at most"
    return f"{strategy}: {count}; {images[0]:,} images train, {images[1]:,} validate"


def minutes_and_seconds(seconds: float) -> str:
    """A time that is left: 6 min 37 s."""
    minutes, rest = divmod(max(0, math.floor(seconds + 0.5)), 60)
    return f"{minutes:,} min {rest} s" if minutes else f"{rest} s"


def epoch_line(history: Sequence[Mapping[str, float]], epochs: int, monitor: str, best: bool) -> str:
    """The last epoch: its losses, what is monitored, its seconds, and whether it is the best yet."""
    row = history[-1]
    place = f"{row['epoch']:>{len(str(epochs))}.0f}"
    parts = [f"epoch {place} of {epochs}"] if row["epoch"] else [f"start {'':{len(place)}}   {'':{len(str(epochs))}}"]
    accuracy = monitor if monitor in IN_PLACE else "val_accuracy"
    for name in dict.fromkeys(("train_loss", accuracy, monitor)):
        width = len(WORDS[name]) + 1 + len("0.000" if name.endswith("loss") else "00.0%")
        parts.append(f"{figure(name, row[name]):{width}}")
    if len(history) > 1:
        parts.append(f"{row['seconds'] - history[-2]['seconds']:.1f} s")
    return "  ".join([*parts, *(["best yet"] if best and row["epoch"] else [])]).rstrip()


def figure(name: str, value: float) -> str:
    """A figure with its name; nothing where there is none."""
    if math.isnan(value):
        return ""
    return f"{WORDS[name]} {value:.3f}" if name.endswith("loss") else f"{WORDS[name]} {value:.1%}"


def closing(state: State) -> str:
    """Why the training ends before its last epoch, and which one was best."""
    return f"stopped after epoch {state.epoch}: {state.stopped}; best: epoch {state.best_epoch}"
