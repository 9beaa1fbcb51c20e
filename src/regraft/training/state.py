"""Where a training is, and how that is kept on disk and found again."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from regraft.errors import RunError

LAST = "last.pt"  # the checkpoint that a training goes on from
OUT_OF_TIME = "the time limit was reached"


@dataclass
class State:
    """All that resuming needs beside the model and the optimiser."""

    epoch: int = 0  # epochs finished
    step: int = 0  # steps done in the epoch that is under way
    total_loss: float = 0.0  # over those steps
    right: int = 0  # training images that were right over those steps
    best_epoch: int = 0
    best_value: float = -math.inf  # of the monitored metric, signed so that more is better
    best_loss: float = math.inf  # of validation at the best epoch; it breaks ties
    hits: list[list[bool]] = field(default_factory=list)  # of each weights validated, whether it is right on each image
    share_of_end: float = 1.0  # of the way from the start to the best epoch, where the weights that are kept lie
    parts: int = 1  # a batch goes through in so many, more than one where memory ran out
    seconds: float = 0.0
    stopped: str = ""  # why it ended before its last epoch
    interrupted: bool = False
    history: list[dict[str, float]] = field(default_factory=list)


def state_from(values: Mapping[str, Any]) -> State:
    """The state that a checkpoint holds; RunError where a field is missing, unknown or of another kind."""
    usual = State()
    names = {one.name for one in fields(State)}
    if not isinstance(values, Mapping) or set(values) != names:
        raise RunError("the checkpoint's state has other fields than this version's; train anew with --overwrite")
    for name, value in values.items():
        kind = type(getattr(usual, name))
        if not isinstance(value, kind) and not (kind is float and isinstance(value, int)):
            raise RunError(f"the checkpoint's state has {name} {value!r:.40}; train anew with --overwrite")
    if not all(isinstance(row, dict) and set(map(type, row.values())) <= {float, int} for row in values["history"]):
        raise RunError("the checkpoint's state has history that is none; train anew with --overwrite")
    if not all(isinstance(row, list) and set(map(type, row)) <= {bool} for row in values["hits"]):
        raise RunError("the checkpoint's state has hits that are none; train anew with --overwrite")
    if min(values[name] for name in ("epoch", "step", "right", "best_epoch")) < 0 or values["parts"] < 1:
        raise RunError("the checkpoint's state counts below nothing; train anew with --overwrite")
    state = State(**values)
    if state.stopped == OUT_OF_TIME:
        state.stopped = ""
    return state
