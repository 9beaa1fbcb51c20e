"""The search itself: heads on cached features first, then whole networks, until the trials or the time are spent."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from regraft.errors import RegraftError
from regraft.evaluation.tuning.book import Book, Proposal, Taken
from regraft.evaluation.tuning.halving import DROPPED as DROPPED_BY_HALVING
from regraft.evaluation.tuning.jobs import Bench, Jobs
from regraft.evaluation.tuning.limits import Limits, reason_against
from regraft.evaluation.tuning.outcomes import COMPLETE, DROPPED, Figures, Outcome, failed
from regraft.evaluation.tuning.space import Kinds, Space
from regraft.progress import Progress
from regraft.training.result import Judged, Trained

GRID, SAMPLED, ELSEWHERE = "the grid", "the sampler", "another backbone or size"
WAIT = 0.2  # seconds, until another process is asked for again
USUAL_TRIALS = 20  # whole networks, where neither a number nor a time is given


@dataclass
class Search:
    """One process's part of it."""

    jobs: Jobs
    book: Book
    space: Space
    kinds: Kinds
    sampler: str
    most: int  # whole networks; heads, where they alone are searched
    limits: Limits
    heads_end: float  # of time.monotonic()
    end: float
    shared: np.ndarray  # rows that judge every trial
    counts: np.ndarray | None  # what an image of each row counts
    progress: Progress
    trained: int = 0  # trials, by this process
    left: int = 0  # combinations of a grid that there was no time for
    no_network: str = ""  # why none was begun, where that is so
    notes: dict[str, None] = field(default_factory=dict)
    beyond: dict[object, str] = field(default_factory=dict)  # why networks are beyond the limits

    def benches(self) -> Iterator[tuple[Bench, bool]]:
        """Every backbone and image size whose heads are searched, and whether it is the plan's."""
        asked = self.jobs.asked
        first = self.jobs.of(asked)
        yield first, True
        sizes = next(
            (axis.values for axis in self.space.heads if axis.name == "image_size"), (asked.network.image_size,)
        )
        for name, _ in self.jobs.backbones:
            for size in sizes:
                try:
                    bench = self.jobs.of(asked.but(backbone=name, image_size=size))
                except RegraftError as error:
                    self.notes[f"{name} is left out: {error}"] = None
                    continue
                if bench is not first:
                    yield bench, False

    def allowed(self, proposals: Sequence[Proposal]) -> list[Proposal]:
        """Those within the limits; the others are counted in a note."""
        fitting = []
        for one in proposals:
            try:
                why = reason_against(self.jobs.of(one.recipe), one.recipe, self.limits, self.beyond)
            except RegraftError as error:
                why = str(error)
            if why:
                self.notes[f"{one.recipe.network.backbone}, as {one.name}, is left out: {why}"] = None
            else:
                fitting.append(one)
        return fitting

    def carry_out(self, taken: Taken, how: "How") -> None:
        """Train what was taken; whatever happens, another process can have it afterwards."""
        started = time.monotonic()
        known = self.book.outcome(taken.entry.key)
        try:
            if known is None:
                try:
                    known = how(taken)
                except RegraftError as error:
                    known = failed(str(error), time.monotonic() - started)
                self.trained += 1
            self.book.end(taken, known)
        except BaseException:
            self.book.leave(taken)
            raise

    def outcome_of(self, trained: Trained) -> Outcome:
        """What a training came to."""
        judged, stopped = trained.judged, trained.stopped
        figures = Figures(
            state=DROPPED if stopped.startswith(DROPPED_BY_HALVING) else COMPLETE,
            accuracy=figure_on(judged, judged.rows, self.counts),
            shared=figure_on(judged, self.shared, self.counts),
            loss=judged.loss if math.isfinite(judged.loss) else None,
            epochs=0 if trained.frozen else max(int(row["epoch"]) for row in trained.history),
            planned_epochs=0 if trained.frozen else trained.recipe.optimisation.epochs or 0,
            seconds=trained.seconds,
            note=stopped,
        )
        return Outcome(figures, judged.rows, judged.hits)


How = Callable[[Taken], Outcome]


def figure_on(judged: Judged, rows: np.ndarray, counts: np.ndarray | None) -> float | None:
    """The share that is right of the images ``rows``; None where none of them judged. Rare ones may count more."""
    chosen = np.isin(judged.rows, rows)
    if not chosen.any():
        return None
    weights = np.ones(int(chosen.sum())) if counts is None else counts[judged.rows[chosen]]
    return float(weights @ judged.hits[chosen].astype(float) / weights.sum())
