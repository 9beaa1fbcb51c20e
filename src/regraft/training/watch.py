"""Whether all processes of a training are there: each says so every second, and ends where another one has ended."""

import _thread
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from regraft.training.lost import Lost

EVERY = 1.0  # seconds between two signs of life
SILENCE = 35.0  # seconds without one after which a process counts as gone
COMING = 300.0  # seconds within which every process gives its first
GRACE = 8.0  # seconds that a process gets to end by itself
WORD = 3.0  # seconds in which a process that fails tells the others why
ENDED, GONE, MESSAGE = "ended", "gone", "message"
INTERRUPTED = 130
NO_WORD = "another process of this training has ended without a word, so this one ends too"


class Watch(threading.Thread):
    """What keeps a process informed of the others, by a store that all of them reach.

    ``store``: of torch.distributed, for this thread alone; ``own``: the same for the others of this process; ``kept``:
    what has to live as long.
    """

    def __init__(self, store: Any, own: Any, rank: int, size: int, kept: Any = None) -> None:
        super().__init__(name="regraft-watch", daemon=True)
        self.store, self.own, self.rank, self.size, self.kept = store, own, rank, size, kept
        self.over: Lost | None = None  # why this process has to end
        self.is_over, self.done = threading.Event(), threading.Event()
        self.messages = 0  # that were sent or read
        self.mend: Callable[[], str] = str  # what to do where a process has gone
        self.gone: Callable[[], bool] = lambda: False  # whether a process that this one started has ended
        self.at_end: Callable[[], None] = lambda: None  # done before the process ends without its main thread

    def run(self) -> None:
        """Until all is done: say that this process is there, and look after the others."""
        try:
            self.over = self.look_after()
        except RuntimeError:  # the store has gone with the process that kept it
            self.over = None if self.done.is_set() else Lost(NO_WORD)
        if self.over is None:
            return
        self.is_over.set()
        _thread.interrupt_main()
        time.sleep(GRACE)
        if not self.done.is_set():  # the main thread waits for the others in a library's code
            self.say()
            self.at_end()
            os._exit(self.over.code)

    def look_after(self) -> Lost | None:
        """Why this process has to end; None where all is done."""
        count, others = 0, [rank for rank in range(self.size) if rank != self.rank]
        seen: dict[int, tuple[int, float]] = dict.fromkeys(others, (0, time.monotonic()))
        while not self.done.wait(EVERY):
            count += 1
            self.store.set(f"alive/{self.rank}", str(count))
            if self.store.check([ENDED]):
                self.store.add(GONE, 1)
                return Lost(code=int(self.store.get(ENDED)))
            if self.gone():
                return Lost(NO_WORD)
            for rank in others:
                name = f"alive/{rank}"
                sign = int(self.store.get(name)) if self.store.check([name]) else 0
                if sign != seen[rank][0]:
                    seen[rank] = (sign, time.monotonic())
                elif time.monotonic() - seen[rank][1] > (SILENCE if sign else COMING):
                    return Lost(f"rank {rank} of this training gives no sign of life, so this process ends too")
        return None

    def lost(self) -> Lost:
        """Why another process does not answer."""
        self.is_over.wait(WORD)
        return self.over or Lost(NO_WORD)

    def check(self) -> None:
        """Raise Lost where this process has to end."""
        if self.over:
            raise self.over

    def end(self, code: int) -> None:
        """Let all processes end with ``code``; this one has said why."""
        self.done.set()
        with suppress(RuntimeError):
            self.own.set(ENDED, str(code))
        self.wait_for_others()

    def part(self, message: Any) -> None:
        """Let the others go with a last message."""
        self.check()
        self.done.set()
        self.tell(message)
        self.wait_for_others()

    def wait_for_others(self) -> None:
        """Let the others, which need the store for it, hear that it is over."""
        until = time.monotonic() + WORD
        with suppress(RuntimeError):
            while time.monotonic() < until and self.own.add(GONE, 0) < self.size - 1:
                time.sleep(EVERY / 50)

    def go(self, after: str = "") -> None:
        """End, as it was told; where there is something that rank 0 says first, ``after`` that."""
        self.done.set()
        until = time.monotonic() + WORD
        with suppress(RuntimeError):
            while after and time.monotonic() < until and not self.own.check([after]):
                time.sleep(EVERY / 50)
            self.own.add(GONE, 1)

    def tell(self, message: Any) -> None:
        """Send the others a message, which they read in turn."""
        self.check()
        self.messages += 1
        try:
            self.own.set(f"{MESSAGE}/{self.messages}", pickle.dumps(message))
        except RuntimeError as error:
            raise self.lost() from error

    def told(self) -> Any:
        """The next message; waits for it."""
        self.messages += 1
        name = f"{MESSAGE}/{self.messages}"
        try:
            while not self.own.check([name]):
                time.sleep(EVERY / 20)
                self.check()
            return pickle.loads(self.own.get(name))  # the ranks of one training trust each other
        except RuntimeError as error:
            raise self.lost() from error

    def in_words(self, lost: Lost) -> str:
        """What went wrong and what to do; nothing where another process has said it."""
        mend = self.mend()
        named = f"rank {self.rank}: {lost}" if self.rank else str(lost)
        return (f"{named}; {mend}" if mend else named) if str(lost) else ""

    def say(self) -> None:
        """A line on stderr of why this process has to end."""
        text = self.in_words(self.over) if self.over else ""
        if text and sys.stderr is not None:
            with suppress(OSError, ValueError):
                sys.stderr.write(f"regraft: {text}\n")
                sys.stderr.flush()


@contextmanager
def asked_to_end(watch: Watch | None) -> Iterator[Callable[[], bool]]:
    """Keep Ctrl-C, and what ends a command like it, for the next word among the ranks; the second one ends at once."""
    asked = threading.Event()

    def heard(_number: int, _frame: FrameType | None) -> None:
        if watch and watch.over:
            raise watch.over
        if asked.is_set():
            raise Lost("interrupted", INTERRUPTED)
        asked.set()

    numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {}
    for number in numbers:
        if signal.getsignal(number) is signal.default_int_handler:
            before[number] = signal.signal(number, heard)
    try:
        yield asked.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
