"""Successive halving (Jamieson and Talwalkar, 2016): a quarter and half way through, a training may be dropped."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from regraft.evaluation.tuning.book import NETWORK, Book, Entry, Taken

RUNGS = (0.25, 0.5)  # shares of the epochs
LEAST_RIVALS = 3  # trainings that got as far, before one is dropped
DROPPED = "dropped"  # how the reason begins


@dataclass(frozen=True)
class Halving:
    """Looks on at one training, notes its figures, and drops it where it is in the worse half."""

    book: Book
    taken: Taken
    monitor: str
    sign: int  # 1 where more of the figure is better
    drops: bool = True  # whether it may end the training: a grid is run in full

    def __call__(self, history: Sequence[Mapping[str, float]], epochs: int) -> str:
        """Why to stop after the last epoch of ``history``, or nothing."""
        epoch = int(history[-1]["epoch"])
        known = self.taken.entry.curve
        if epoch not in known:
            self.taken.trial.report(self.sign * history[-1][self.monitor], epoch)
        rung = next((share for share in RUNGS if epoch == math.ceil(share * epochs) < epochs), None)
        if rung is None or not self.drops:
            return ""
        own = max(self.sign * row[self.monitor] for row in history[1:])
        return reason_to_drop(own, rivals_at(rung, self.taken.entry, self.book.entries()), epoch, epochs)


def rivals_at(share: float, entry: Entry, entries: Sequence[Entry]) -> list[float]:
    """What others had after that share of their epochs: those of the same strategy, so random weights among theirs."""
    best = []
    for other in entries:
        if other.number == entry.number or other.kind != NETWORK:
            continue
        if other.recipe.planning.strategy != entry.recipe.planning.strategy:
            continue
        planned = other.outcome.figures.planned_epochs if other.outcome else other.recipe.optimisation.epochs or 0
        reached = math.ceil(share * planned)
        if planned and any(step >= reached for step in other.curve):
            best.append(max(value for step, value in other.curve.items() if 0 < step <= reached))
    return best


def reason_to_drop(own: float, rivals: Sequence[float], epoch: int, epochs: int) -> str:
    """Why a training is dropped at this epoch; nothing where it is in the better half or has too few rivals."""
    ahead = sum(rival > own for rival in rivals)
    if len(rivals) < LEAST_RIVALS or 2 * ahead < len(rivals) + 1:
        return ""
    return f"{DROPPED} after epoch {epoch} of {epochs}: {ahead} of {len(rivals)} others were better there"
