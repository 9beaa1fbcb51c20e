"""Images that arrive together go through the network together; a lone one waits for nothing; nobody is forgotten."""

import asyncio
import threading
import time
from collections.abc import Sequence

import pytest

from regraft.evaluation.prediction import Prediction
from regraft.evaluation.reading import Read
from regraft.server.batching import Batcher

LONG = 30.0  # seconds that no test may take


class Network:
    """Answers with the image's name, once it is let."""

    def __init__(self) -> None:
        self.groups: list[int] = []
        self.let = threading.Event()
        self.let.set()

    def __call__(self, reads: Sequence[Read]) -> list[Prediction]:
        self.groups.append(len(reads))
        assert self.let.wait(LONG)
        if any(one.name == "bad" for one in reads):
            raise ValueError("bad")
        return [Prediction(one.name, (), None) for one in reads]


def ask(batcher: Batcher, names: Sequence[str]) -> list[asyncio.Future[Prediction]]:
    loop = asyncio.get_running_loop()
    answers = [loop.create_future() for _ in names]
    batcher.announce(len(names))
    for name, answer in zip(names, answers, strict=True):
        batcher.submit(Read(name), answer)
    return answers


async def until(condition: "object", what: str) -> None:
    for _ in range(1000):
        if condition():  # type: ignore[operator]
            return
        await asyncio.sleep(0.005)
    raise AssertionError(what)


def test_those_that_wait_are_answered_together_and_each_gets_its_own() -> None:
    async def main() -> None:
        network = Network()
        batcher = Batcher(network, threads=1, most=8, wait=0.0)
        network.let.clear()
        first = ask(batcher, ["first"])
        await until(lambda: network.groups, "the first one goes at once")
        others = ask(batcher, [str(number) for number in range(20)])
        network.let.set()
        answers = await asyncio.wait_for(asyncio.gather(*first, *others), LONG)
        assert [one.name for one in answers] == ["first", *map(str, range(20))]
        assert network.groups == [1, 8, 8, 4]
        await asyncio.to_thread(batcher.close)

    asyncio.run(main())


def test_a_lone_image_waits_for_nothing_and_others_for_those_on_their_way() -> None:
    async def main() -> None:
        network = Network()
        batcher = Batcher(network, threads=1, most=8, wait=LONG)
        began = time.monotonic()
        await asyncio.wait_for(ask(batcher, ["lone"])[0], LONG)
        assert time.monotonic() - began < LONG / 10
        batcher.announce(1)  # one that is still being read
        early = ask(batcher, ["early"])[0]
        await asyncio.sleep(0.05)
        assert not early.done()
        late = asyncio.get_running_loop().create_future()
        batcher.submit(Read("late"), late)
        await asyncio.wait_for(asyncio.gather(early, late), LONG)
        assert network.groups == [1, 2]
        batcher.announce(1)
        early = ask(batcher, ["early"])[0]
        await asyncio.sleep(0.05)
        batcher.announce(-1)  # it could not be read
        await asyncio.wait_for(early, LONG)
        await asyncio.to_thread(batcher.close)

    asyncio.run(main())


def test_the_wait_has_an_end() -> None:
    async def main() -> None:
        batcher = Batcher(Network(), threads=2, most=8, wait=0.05)
        batcher.announce(1)  # one that never comes
        await asyncio.wait_for(ask(batcher, ["early"])[0], LONG)
        await asyncio.to_thread(batcher.close)

    asyncio.run(main())


def test_a_failure_is_told_and_the_next_ones_are_answered() -> None:
    async def main() -> None:
        batcher = Batcher(Network(), threads=1, most=1, wait=0.0)
        with pytest.raises(ValueError, match="bad"):
            await asyncio.wait_for(ask(batcher, ["bad"])[0], LONG)
        assert (await asyncio.wait_for(ask(batcher, ["good"])[0], LONG)).name == "good"
        await asyncio.to_thread(batcher.close)

    asyncio.run(main())


def test_who_has_gone_is_not_computed_and_closing_answers_the_rest() -> None:
    async def main() -> None:
        network = Network()
        batcher = Batcher(network, threads=1, most=8, wait=0.0)
        network.let.clear()
        first = ask(batcher, ["first"])
        await until(lambda: network.groups, "the first one goes at once")
        gone, *rest = ask(batcher, ["gone", "one", "two"])
        gone.cancel()
        network.let.set()
        await asyncio.to_thread(batcher.close)
        assert [one.name for one in await asyncio.wait_for(asyncio.gather(*first, *rest), LONG)] == [
            "first",
            "one",
            "two",
        ]
        assert network.groups == [1, 2]
        assert not any(thread.is_alive() for thread in batcher.threads)

    asyncio.run(main())
