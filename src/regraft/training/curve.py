"""What the curve of a training says: whether more time might have helped."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from regraft.training.state import OUT_OF_TIME

FEWEST = 4  # epochs that tell a trend from chance
SURE = 2.0  # standard errors of the slope


def trend(values: Sequence[float]) -> float:
    """The slope of the last half of ``values``, of FEWEST at least, in its standard errors; 0 of fewer."""
    last = np.asarray(values[-max(FEWEST, len(values) // 2) :], dtype=float)
    if len(last) < FEWEST or not np.isfinite(last).all():
        return 0.0
    place = np.arange(len(last)) - (len(last) - 1) / 2
    slope = float(place @ last / (place @ place))
    residuals = last - last.mean() - slope * place
    error = float(np.sqrt(residuals @ residuals / (len(last) - 2) / (place @ place)))
    return slope / max(error, 1e-12)


def improving(history: Sequence[Mapping[str, Any]]) -> bool | None:
    """Whether validation was getting better when a training ended, by its loss; None where there are too few epochs."""
    losses = [row["val_loss"] for row in history if row["epoch"]]
    return trend(losses) < -SURE if len(losses) >= FEWEST else None


def prospect_of(history: Sequence[Mapping[str, Any]], stopped: str) -> str:
    """What more time might do; ``stopped``: why the training ended before its last epoch."""
    if stopped not in {"", OUT_OF_TIME}:
        return ""
    when = "when time ended" if stopped else "at its last epoch"
    more = "more time may help" if stopped else "more epochs may help"
    better = improving(history)
    if better is None:
        return f"too few epochs to tell whether {more.replace('may help', 'would help')}"
    return f"still improving {when}: {more}" if better else f"no longer improving {when}"
