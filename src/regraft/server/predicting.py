"""From an image that was sent to its prediction: read by a thread, answered in a batch."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

from regraft.data.content import Content, Given
from regraft.evaluation.prediction import Prediction
from regraft.evaluation.reading import Read
from regraft.server.gate import Held
from regraft.server.refused import Refused
from regraft.server.served import Opened

TOO_LARGE = "too large"  # the kind of fault of an image of too many pixels


def given(value: object) -> Content:
    """Bytes of a file, or pixels as an array."""
    return Given(lambda: value)


async def predicted(
    opened: Opened, contents: Sequence[Content], pool: ThreadPoolExecutor, held: Held
) -> list[Prediction]:
    """What a run says of images; Refused where one cannot be read."""
    held.take(len(contents) * opened.bytes)
    loop = asyncio.get_running_loop()
    answers: list[asyncio.Future[Prediction]] = [loop.create_future() for _ in contents]
    opened.batcher.announce(len(contents))
    for place, (content, answer) in enumerate(zip(contents, answers, strict=True)):
        pool.submit(hand_in, opened, content, answer, place if len(contents) > 1 else None)
    try:
        return await asyncio.gather(*answers)
    finally:
        for answer in answers:  # of those that were not answered yet, nobody waits any more
            answer.cancel()


def hand_in(opened: Opened, content: Content, answer: "asyncio.Future[Prediction]", place: int | None) -> None:
    """What a reading thread does with one image."""
    if answer.cancelled():  # who asked has gone
        opened.batcher.announce(-1)
        return
    try:
        read = opened.ready.read(str(place or 0), content)
        check(read, place)
        opened.batcher.submit(read, answer)
    except BaseException as error:  # whoever waits must hear of it
        opened.batcher.announce(-1)
        with suppress(RuntimeError):  # a loop that has ended has nobody who waits
            answer.get_loop().call_soon_threadsafe(fail, answer, error)


def fail(answer: "asyncio.Future[Prediction]", error: BaseException) -> None:
    """Say why there is no answer, in the event loop's thread."""
    if not answer.done():
        answer.set_exception(error)


def check(read: Read, place: int | None) -> None:
    """Raise Refused for an image that cannot be read, with the reason that `regraft predict` gives."""
    fault = read.fault
    if fault is None:
        return
    which = "the image" if place is None else f"image {place}"
    large = fault.kind == TOO_LARGE
    mend = "give a smaller one" if large else "give one that opens in a viewer"
    raise Refused(413 if large else 422, f"{which} cannot be predicted ({fault.kind}: {fault.reason}); {mend}")
