"""Lines on stderr, where it is no terminal: a pipe, a file, a build's log."""

import sys
import time

from regraft.progress.display import Display
from regraft.progress.pace import Pace, counted_in_words, time_in_words
from regraft.visible import visible

SOONEST, LATEST = 5.0, 60.0  # seconds between two lines on how far it is
SHARE = 0.1  # of the time that passed, in between: a long log stays short


class Plain(Display):
    """Lines without control characters: those that stay at once, how far it is every few seconds."""

    every = 0.5

    def __init__(self) -> None:
        super().__init__()
        self.began = self.last = time.monotonic()
        self.told: set[str] = set()  # stages that had a line

    def start(self, stage: str, total: int) -> None:
        """What ends soon needs no line."""
        self.last = time.monotonic()

    def update(self, stage: str, done: int, total: int, said: str) -> None:
        """A line where the last one was some time ago."""
        now = time.monotonic()
        if now - self.last >= min(max(SOONEST, SHARE * (now - self.began)), LATEST):
            self.told.add(stage)
            self.say(f"{stage}: {said}" if said else stage)

    def end(self, stage: str, done: int, total: int, unit: str, pace: Pace) -> None:
        """A last line on a stage that had one before."""
        if stage in self.told:
            self.told.remove(stage)
            counted = counted_in_words(done, total, unit) if total > 1 else "done"
            self.say(f"{stage}: {counted} in {time_in_words(pace.seconds)}")

    def say(self, line: str) -> None:
        """Write a line; where nobody can read it, it is not written."""
        self.last = time.monotonic()
        try:
            sys.stderr.write(visible(line) + "\n")
            sys.stderr.flush()
        except (AttributeError, OSError, ValueError):  # there is none; full, or its reader has gone; closed
            pass
