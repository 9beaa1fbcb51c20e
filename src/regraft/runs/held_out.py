"""The probabilities of images that did not train a run: what thresholds are chosen on, as a sealed file of the run."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regraft.data.split import subsample
from regraft.errors import RunError, reason_of
from regraft.metrics import softmax
from regraft.network.saved_state import arrays_in, write_state
from regraft.strict_json import Malformed
from regraft.training.result import HeldOut

HELD_OUT = "held_out.safetensors"
MOST = 20_000  # images, every class in proportion


@dataclass(frozen=True, eq=False)
class Judged:
    """Held-out images."""

    probabilities: np.ndarray  # (images, classes) float64
    labels: np.ndarray  # (images,) int64


def write_held_out(path: Path, held_out: HeldOut | None, labels: np.ndarray) -> None:
    """Write them, with their ``labels``, those of all images; nothing where there are none."""
    if held_out is None or not np.isfinite(held_out.logits).all():
        return
    own = labels[held_out.rows]
    some = subsample(own, MOST)
    state = {"probabilities": softmax(held_out.logits[some]).astype(np.float32), "labels": own[some].astype(np.int64)}
    write_state(path, state)


def read_held_out(run: Path, classes: int) -> Judged | None:
    """What was written; None where the run has none, RunError where it is damaged."""
    path = run / HELD_OUT
    if not path.is_file():
        return None
    try:
        state, sealed = arrays_in(path)
        check(state, sealed, classes)
    except Exception as error:  # safetensors raises its own kinds
        raise RunError(f"{path} is damaged: {reason_of(error)}; train the run again") from None
    return Judged(state["probabilities"].astype(np.float64), state["labels"])


def check(state: Mapping[str, np.ndarray], sealed: bool, classes: int) -> None:
    """Raise Malformed where that is not what was written."""
    if not sealed or not {"probabilities", "labels"} <= state.keys():
        raise Malformed("it was changed after it was written")
    if state["probabilities"].shape != (len(state["labels"]), classes):
        raise Malformed(f"it has probabilities of the shape {state['probabilities'].shape}")
