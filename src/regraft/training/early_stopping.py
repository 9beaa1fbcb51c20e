"""Which epoch is the best so far, and when more of them are no use."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from regraft.recipe.groups import Stopping
from regraft.training.state import State

DIVERGED = 2.0  # times the loss of knowing nothing


def note_if_best(state: State, stopping: Stopping, row: Mapping[str, float], hits: list[bool], epoch: int) -> bool:
    """Whether what was validated is the best so far; then it is noted in ``state``.

    By the monitored figure, of equals by the smaller validation loss. ``row``: its figures; ``hits``: per validation
    image, whether it is right.
    """
    value = stopping.sign * row[stopping.monitor]
    least = stopping.min_improvement if math.isfinite(state.best_value) else 0.0
    tied = least == 0 and value == state.best_value and row["val_loss"] < state.best_loss
    improved = math.isfinite(row["val_loss"]) and (value > state.best_value + least or tied)
    state.hits.append(hits)
    if improved or len(state.hits) == 1:
        state.best_epoch, state.best_loss = epoch, row["val_loss"]
        state.best_value = value if math.isfinite(value) else -math.inf
    return improved


def cross_fitted(hits: Sequence[Sequence[bool]]) -> np.ndarray:
    """What choosing among weights by validation gives on images that did not choose: (images,) bool.

    ``hits``: of each weights, whether it is right on each validation image. Every second image is judged by the weights
    that are best on the others, and the other way round; of equals by the earliest.
    """
    right = np.array(hits, dtype=bool)
    judged = np.empty(right.shape[1], dtype=bool)
    for own, others in ((slice(0, None, 2), slice(1, None, 2)), (slice(1, None, 2), slice(0, None, 2))):
        chosen = right[:, others].sum(axis=1).argmax()  # the first where there are no others
        judged[own] = right[chosen, own]
    return judged


def reason_to_stop(state: State, stopping: Stopping, epochs: int, classes: int) -> str:
    """Why the training ends before its last epoch, or nothing."""
    most = DIVERGED * math.log(max(2, classes))
    losses = [row["train_loss"] for row in state.history[1:]][-2:]  # the first row is from before any training
    if len(losses) == 2 and not min(losses) < most:  # noqa: PLR2004 - one epoch may bear a start that was far off
        return f"the loss rose to {losses[-1]:.2f}: try a smaller --learning-rate or --clip 1"
    least = min(state.history, key=lambda row: row["val_loss"])  # counts too, where any improvement does
    improved = max(state.best_epoch, 0 if stopping.min_improvement else least["epoch"])
    patience = stopping.patience or epochs
    if state.epoch - improved >= patience and state.epoch < epochs:
        return f"no improvement for {patience} epochs"
    return ""
