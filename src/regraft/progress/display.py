"""What all displays share: the stages under way, and when it is time to show them anew."""

import math
import time

from regraft.progress import Progress
from regraft.progress.pace import Pace
from regraft.visible import visible


class Display(Progress):
    """The stages under way, with the pace of each; one that is done, or begins anew, is forgotten."""

    every = 0.1  # seconds between two updates, at least

    def __init__(self) -> None:
        self.paces: dict[str, Pace] = {}
        self.limits: dict[str, tuple[float, float]] = {}  # of time.monotonic(): since when, and until when at most

    def __call__(self, stage: str, done: int, total: int, unit: str = "") -> None:
        """Note how far the stage is, and show it where it is time."""
        pace = self.paces.get(stage)
        if done >= total > 0:
            self.ended(stage, total, total, unit)
            return
        if pace is None or done < pace.done:
            pace = self.paces[stage] = Pace(done)
            self.start(visible(stage), total)
        now = time.monotonic()
        if now >= pace.due:
            pace.due = now + self.every
            pace.note(done)
            _, until = self.limits.get(visible(stage), (0.0, math.inf))
            self.update(visible(stage), done, total, pace.in_words(total, unit, until))

    def limit(self, stage: str, seconds: float) -> None:
        """Show no more time left than that."""
        now = time.monotonic()
        self.limits[visible(stage)] = now, now + seconds

    def ended(self, stage: str, done: int, total: int, unit: str = "") -> None:
        """Forget the stage, and say so."""
        self.limits.pop(visible(stage), None)
        if pace := self.paces.pop(stage, None):
            self.end(visible(stage), done, total, unit, pace)

    def reached(self, stage: str, done: int, total: int) -> float:
        """How far a bar is, of ``total``: so many, or the share of the time where that is limited."""
        if stage not in self.limits:
            return done
        since, until = self.limits[stage]
        passed = min(1.0, (time.monotonic() - since) / max(until - since, 1e-9))
        return max(done, passed * total)

    def start(self, stage: str, total: int) -> None:
        """A stage is new, or begins anew."""

    def update(self, stage: str, done: int, total: int, said: str) -> None:
        """Show how far it is; ``said``: the same in words, with its pace."""

    def end(self, stage: str, done: int, total: int, unit: str, pace: Pace) -> None:
        """A stage has ended, with so many done."""
