"""Images that arrive together go through the network together."""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

from regraft.evaluation.prediction import Prediction
from regraft.evaluation.reading import Read
from regraft.server.refused import AGAIN, Refused


@dataclass(frozen=True)
class Waiting:
    """An image, and who waits for its answer."""

    read: Read
    answer: "asyncio.Future[Prediction]"


class Batcher:
    """A few threads that own a network: each takes what is there, up to ``most`` images, and answers it.

    A batch waits for others only while images are announced that are not there yet, and ``wait`` seconds at most.
    """

    def __init__(
        self,
        answer: Callable[[Sequence[Read]], list[Prediction]],
        threads: int,
        most: int,
        wait: float,
        hears: Callable[[int], None] = lambda images: None,
    ) -> None:
        self.answer, self.most, self.wait, self.hears = answer, most, wait, hears
        self.changed = threading.Condition()
        self.waiting = deque[Waiting]()
        self.announced = 0
        self.closed = False
        self.threads = [threading.Thread(target=self.work, daemon=True, name="network") for _ in range(threads)]
        for thread in self.threads:
            thread.start()

    def announce(self, images: int) -> None:
        """So many more images are on their way; fewer where that is negative."""
        with self.changed:
            self.announced += images
            if images < 0:
                self.changed.notify_all()

    def submit(self, read: Read, answer: "asyncio.Future[Prediction]") -> None:
        """Hand an image in, which was announced; any thread may. Refused where the network is no longer here."""
        with self.changed:
            if self.closed:
                raise Refused(503, "another run takes this one's place, or the server stops; ask again", AGAIN)
            self.announced -= 1
            self.waiting.append(Waiting(read, answer))
            self.changed.notify_all()

    def close(self) -> None:
        """Answer what is there, and end."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
        for thread in self.threads:
            thread.join()

    def work(self) -> None:
        """What each thread does."""
        while group := self.next_group():
            wanted = [one for one in group if not one.answer.cancelled()]
            if not wanted:
                continue
            self.hears(len(wanted))
            predictions: Sequence[Prediction] | BaseException
            try:
                predictions = self.answer([one.read for one in wanted])
            except BaseException as error:  # whoever waits must hear of it, and the next images be answered
                predictions = error
            with suppress(RuntimeError):  # a loop that has ended has nobody who waits
                wanted[0].answer.get_loop().call_soon_threadsafe(settle, wanted, predictions)

    def next_group(self) -> list[Waiting]:
        """The images that are answered together; none where all is done."""
        with self.changed:
            while True:
                while not self.waiting and not self.closed:
                    self.changed.wait()
                until = time.monotonic() + self.wait
                while 0 < len(self.waiting) < self.most and self.announced > 0 and not self.closed:
                    left = until - time.monotonic()
                    if left <= 0:
                        break
                    self.changed.wait(left)
                if self.waiting:
                    return [self.waiting.popleft() for _ in range(min(self.most, len(self.waiting)))]
                if self.closed:
                    return []


def settle(group: Sequence[Waiting], predictions: Sequence[Prediction] | BaseException) -> None:
    """Give each its answer, in the event loop's thread: one wake-up for all of them."""
    for place, one in enumerate(group):
        if one.answer.done():
            continue
        if isinstance(predictions, BaseException):
            one.answer.set_exception(predictions)
        else:
            one.answer.set_result(predictions[place])
