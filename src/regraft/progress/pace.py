"""How fast a stage goes, in words."""

import math
import time
from collections import deque

WINDOW = 30.0  # seconds that the pace is taken over, or LEAST events where they take longer
LEAST, MOST = 5, 1_000  # events that are kept
KNOWN = 4  # events, from which a rate is told
EXACT = 10  # from which a figure needs no decimal
MINUTE, HOUR = 60, 3600
LONG = 1.5  # of a unit of time, from which it is used


class Pace:
    """When how many were done."""

    def __init__(self, done: int) -> None:
        self.began = time.monotonic()
        self.events = deque([(self.began, done)], MOST)
        self.due = 0.0  # of time.monotonic(): when it is next shown

    @property
    def seconds(self) -> float:
        """Since it began."""
        return time.monotonic() - self.began

    @property
    def done(self) -> int:
        """How many were done when it was last said."""
        return self.events[-1][1]

    def note(self, done: int) -> None:
        """So many are done now."""
        now = time.monotonic()
        self.events.append((now, done))
        while len(self.events) > LEAST and now - self.events[0][0] > WINDOW:
            self.events.popleft()

    @property
    def rate(self) -> float:
        """How many a second; 0 where that is not known: the first ones take longer than others."""
        if len(self.events) < KNOWN:
            return 0.0
        (start, first), (end, last) = self.events[0], self.events[-1]
        return (last - first) / (end - start) if end > start else 0.0

    def in_words(self, total: int, unit: str, until: float = math.inf) -> str:
        """How far, how fast, how long still: "120/398 images, 20 images/s, 14 s left".

        ``until``: when it ends at the latest, of time.monotonic().
        """
        if total <= 1 and not self.done:
            return ""
        counted = f"{self.done:,}/{total:,}" if total else f"{self.done:,}"
        parts = [f"{counted} {unit}".rstrip()]
        if self.rate > 0:
            parts.append(rate_in_words(self.rate, unit))
        by_rate = (total - self.done) / self.rate if self.rate > 0 and total > self.done else math.inf
        left = min(by_rate, until - time.monotonic())
        if math.isfinite(left):
            parts.append(f"{time_in_words(max(left, 0.0))} left")
        return ", ".join(parts)


def counted_in_words(done: int, total: int, unit: str) -> str:
    """How many were done: all, or so many of all."""
    return f"{done:,} of {total:,} {unit}".rstrip() if done < total else f"{total:,} {unit}".rstrip()


def rate_in_words(rate: float, unit: str) -> str:
    """So many a second; where that is less than one, the seconds that each takes."""
    if rate >= 1:
        figure = f"{rate:,.0f}" if rate >= EXACT else f"{rate:.1f}"
        return f"{figure} {unit}/s" if unit else f"{figure}/s"
    seconds = 1 / rate
    figure = f"{seconds:.1f} s" if seconds < EXACT else time_in_words(seconds)
    return f"{figure}/{unit.removesuffix('s')}" if unit else f"{figure} each"


def time_in_words(seconds: float) -> str:
    """A time as people say it: 40 s, 3 min, 2.5 h."""
    if seconds < LONG * MINUTE:
        return f"{seconds:.0f} s"
    return f"{seconds / MINUTE:.0f} min" if seconds < LONG * HOUR else f"{seconds / HOUR:.1f} h"
