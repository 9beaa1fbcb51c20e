"""Work done by a few threads ahead of the one who needs it, in order, with bounded memory."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
CHUNK = 8  # items that a thread takes at a time: handing over costs more than a small image
AHEAD = 4  # chunks that may wait for each thread


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], workers: int = 0
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with ``function(item)``, in order; 0 ``workers`` is one thread a processor."""
    workers = workers or os.cpu_count() or 1

    def run(chunk: Sequence[Item]) -> list[tuple[Item, Result]]:
        return [(item, function(item)) for item in chunk]

    waiting: deque[Future[list[tuple[Item, Result]]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for chunk in batched(items, CHUNK):
                waiting.append(pool.submit(run, chunk))
                if len(waiting) > AHEAD * workers:
                    yield from waiting.popleft().result()
            while waiting:
                yield from waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()


def batched(items: Iterable[Item], size: int) -> Iterator[Sequence[Item]]:
    """Groups of ``size`` items; the last one may be smaller."""
    left = iter(items)
    while chunk := list(islice(left, size)):
        yield chunk
