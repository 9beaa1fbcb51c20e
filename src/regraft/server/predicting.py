"""From an image that was sent to its prediction: read by a thread, answered in a batch."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from regraft.data.content import Content, Given
from regraft.evaluation.prediction import Prediction
from regraft.evaluation.reading import Read
from regraft.server.refused import Refused
from regraft.server.served import Opened

TOO_LARGE = "too large"  # the kind of fault of an image of too many pixels


def given(value: object) -> Content:
    """Bytes of a file, or pixels as an array."""
    return Given(lambda: value)


async def predicted(opened: Opened, contents: Sequence[Content], pool: ThreadPoolExecutor) -> list[Prediction]:
    """What a run says of images; Refused where one cannot be read."""
    loop, batcher = asyncio.get_running_loop(), opened.batcher
    batcher.announce(len(contents))
    on_their_way = len(contents)
    try:
        reading = [loop.run_in_executor(pool, opened.ready.read, str(place), one) for place, one in enumerate(contents)]
        reads = await asyncio.gather(*reading)
        for place, read in enumerate(reads):
            check(read, place if len(contents) > 1 else None)
        answers = []
        for read in reads:
            answers.append(asyncio.wrap_future(batcher.submit(read)))
            on_their_way -= 1
    finally:
        if on_their_way:
            batcher.announce(-on_their_way)
    return await asyncio.gather(*answers)


def check(read: Read, place: int | None) -> None:
    """Raise Refused for an image that cannot be read, with the reason that `regraft predict` gives."""
    fault = read.fault
    if fault is None:
        return
    which = "the image" if place is None else f"image {place}"
    raise Refused(
        413 if fault.kind == TOO_LARGE else 422,
        f"{which} cannot be predicted ({fault.kind}: {fault.reason}); give one that opens in a viewer",
    )
