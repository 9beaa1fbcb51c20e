"""Medians over the rounds, and where a peer's is better than regraft's."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.peers.contenders import CONTENDERS, OURS, Contender
from benchmarks.peers.result import Result


@dataclass(frozen=True)
class Row:
    """One contender on one data set: medians, and the range where it says most."""

    contender: Contender
    rounds: int
    accuracy: float
    accuracies: tuple[float, float]  # least and most
    wall: float
    walls: tuple[float, float]
    cpu: float
    memory: float
    forward: float
    backward: float
    rate: float  # floating-point operations a second of the whole process
    training: float


@dataclass(frozen=True)
class Measure:
    """One thing that can be better or worse."""

    name: str
    of: Callable[[Row], float]
    more_is_better: bool
    text: Callable[[float], str]

    def better(self, one: Row, other: Row) -> bool:
        """Whether ``one`` is better than ``other`` as far as the page shows it."""
        ours, theirs = self.of(other), self.of(one)
        if self.text(ours) == self.text(theirs):
            return False
        return theirs > ours if self.more_is_better else theirs < ours


def seconds(value: float) -> str:
    """Seconds, with a tenth where there are few."""
    return f"{value:.1f} s" if value < 10 else f"{value:,.0f} s"


def gibibytes(value: float) -> str:
    """Bytes as GiB."""
    return f"{value / 2**30:.2f} GiB"


MEASURES = (
    Measure("accuracy", lambda row: row.accuracy, True, "{:.3f}".format),
    Measure("wall time", lambda row: row.wall, False, seconds),
    Measure("processor time", lambda row: row.cpu, False, seconds),
    Measure("peak memory", lambda row: row.memory, False, gibibytes),
)


def rows_of(results: Sequence[Result], data: str) -> list[Row]:
    """A row for each contender that gave results on ``data``, in the table's order."""
    rows = []
    for contender in CONTENDERS:
        runs = [r for r in results if (r.contender, r.data) == (contender.name, data) and not r.failure]
        if runs:
            rows.append(row_of(contender, runs))
    return rows


def row_of(contender: Contender, runs: Sequence[Result]) -> Row:
    """The medians of some runs."""
    accuracies, walls = [run.accuracy for run in runs], [run.wall for run in runs]
    return Row(
        contender,
        len(runs),
        median(accuracies),
        (min(accuracies), max(accuracies)),
        median(walls),
        (min(walls), max(walls)),
        median(run.cpu for run in runs),
        median(run.memory for run in runs),
        median(run.forward for run in runs),
        median(run.backward for run in runs),
        median(run.operations / run.wall for run in runs),
        median(run.training for run in runs),
    )


def beaten(rows: Sequence[Row]) -> Iterator[tuple[Row, Measure, list[Row]]]:
    """Each row of regraft with a measure in which peers on the same network do better, best first."""
    for ours in (row for row in rows if row.contender.environment == OURS):
        peers = [row for row in rows if row.contender.environment != OURS]
        peers = [row for row in peers if row.contender.network == ours.contender.network]
        for measure in MEASURES:
            better = [row for row in peers if measure.better(row, ours)]
            if better and not (ours.contender.warm and measure.name == "accuracy"):
                yield ours, measure, sorted(better, key=measure.of, reverse=measure.more_is_better)
