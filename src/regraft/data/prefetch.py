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
MOST_ALONG = 256  # items in a group that do not count
AHEAD = 4  # chunks that may wait for each thread


def map_ahead(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    workers: int = 0,
    chunk: int = CHUNK,
    ahead: int = AHEAD,
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with ``function(item)``, in order; 0 ``workers`` is one thread a processor.

    A thread takes ``chunk`` items at a time, and ``ahead`` chunks may wait for each.
    """
    workers = workers or os.cpu_count() or 1

    def run(part: Sequence[Item]) -> list[tuple[Item, Result]]:
        return [(item, function(item)) for item in part]

    waiting: deque[Future[list[tuple[Item, Result]]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for part in batched(items, chunk):
                waiting.append(pool.submit(run, part))
                if len(waiting) > ahead * workers:
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


def grouped(items: Iterable[Item], counts: Callable[[Item], bool], size: Callable[[], int]) -> Iterator[list[Item]]:
    """Groups with ``size()`` items that count, as far as they go; others go along, MOST_ALONG to a group at most.

    ``size`` is asked when the first one comes that counts.
    """
    group, counted = list[Item](), 0
    for item in items:
        group.append(item)
        counted += counts(item)
        if (counted and counted == size()) or len(group) - counted == MOST_ALONG:
            yield group
            group, counted = [], 0
    if group:
        yield group
