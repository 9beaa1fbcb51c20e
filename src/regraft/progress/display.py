"""What all displays share: the stages under way, and when it is time to show them anew."""

import time

from regraft.progress import Progress
from regraft.progress.pace import Pace
from regraft.visible import visible


class Display(Progress):
    """The stages under way, with the pace of each; one that is done, or begins anew, is forgotten."""

    every = 0.1  # seconds between two updates, at least

    def __init__(self) -> None:
        self.paces: dict[str, Pace] = {}

    def __call__(self, stage: str, done: int, total: int, unit: str = "") -> None:
        """Note how far the stage is, and show it where it is time."""
        pace = self.paces.get(stage)
        if done >= total > 0:
            if pace:
                self.end(visible(stage), total, unit, self.paces.pop(stage))
            return
        if pace is None or done < pace.done:
            pace = self.paces[stage] = Pace(done)
            self.start(visible(stage), total)
        now = time.monotonic()
        if now >= pace.due:
            pace.due = now + self.every
            pace.note(done)
            self.update(visible(stage), done, total, pace.in_words(total, unit))

    def start(self, stage: str, total: int) -> None:
        """A stage is new, or begins anew."""

    def update(self, stage: str, done: int, total: int, said: str) -> None:
        """Show how far it is; ``said``: the same in words, with its pace."""

    def end(self, stage: str, total: int, unit: str, pace: Pace) -> None:
        """A stage is done."""
