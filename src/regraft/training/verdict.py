"""Why something that was tried was kept or not, in words: by how much, against what, and whether that may be chance."""

from collections.abc import Mapping, Sequence
from typing import Any

from regraft.planning.costs import chance
from regraft.training.choosing import Gain
from regraft.training.state import OUT_OF_TIME

UNCHANGED = "no epoch validated better than its start, the head alone"


def against_head(gain: Gain, loss: float, best_loss: float) -> str:
    """Why a head lost; ``gain``: what it has over the best one, whose loss is ``best_loss``."""
    difference = gain.accuracy - gain.before
    if difference < 0:
        return apart(gain, "worse")
    digits = 2 if f"{loss:.2f}" != f"{best_loss:.2f}" else 4
    surer = f"less sure (loss {loss:.{digits}f}, not {best_loss:.{digits}f})" if loss >= best_loss else "less surely so"
    return f"{apart(gain, 'better')}, but {surer}" if difference else f"as accurate, {surer}"


def against(rival: str, gain: Gain, kept: bool) -> str:
    """How something that costs more does against ``rival``, on the same images."""
    same = f"{rival} ({gain.before:.1%} on these)"
    if gain.accuracy == gain.before:
        return f"costs more and is no better than {same}"
    if gain.accuracy < gain.before:
        return apart(gain, "worse", f" than {same}")
    return f"{apart(gain, 'better', f' than {same}')}{'' if kept else ': too little for what it costs'}"


def apart(gain: Gain, word: str, rival: str = "") -> str:
    """A difference in points."""
    difference = gain.accuracy - gain.before
    doubt = chance(difference, gain.error)
    return f"{100 * abs(difference):.1f} points {word}{rival}{f', {doubt}' if doubt else ''}"


def is_unchanged(history: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the weights before the first epoch validated best, so that training them gave nothing."""
    return any(row.get("best") and not row["epoch"] for row in history)


def ending(history: Sequence[Mapping[str, Any]], epochs: int, stopped: str) -> str:
    """Why a training ended before the last of its ``epochs``; nothing where it did not."""
    done = max((int(row["epoch"]) for row in history), default=0)
    if not stopped:
        return ""
    if stopped == OUT_OF_TIME:
        return f"stopped by time in epoch {done} of {epochs}"
    return f"stopped after {done} of {epochs} epochs: {stopped}"
