"""Several processes and one store, one of them killed."""

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from stores import fill, image_look, shards

from regraft.features.store import OPEN, open_store


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    yield
    OPEN.clear()


def write_many(key: str, numbers: range, times: int) -> None:
    for _ in range(times):
        fill(open_store(key), numbers)


def test_two_processes_write_the_same_images_at_once() -> None:
    spawn = multiprocessing.get_context("spawn")
    both = [spawn.Process(target=write_many, args=("k", range(50), 20)) for _ in range(2)]
    for process in both:
        process.start()
    for process in both:
        process.join()
    assert [process.exitcode for process in both] == [0, 0]
    store = open_store("k")
    assert len(shards()) == 40
    assert store.gather("a", [image_look(number).content for number in range(50)])[:, 0].tolist() == [*range(50)]


def test_a_killed_process_leaves_whole_shards_only() -> None:
    code = (
        "import itertools, test_store_processes as t\nstore = t.open_store('k')\n"
        "for n in itertools.count():\n    t.fill(store, range(1000 * n, 1000 * n + 1000))"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), *sys.path])}
    for wait in (0.0, 0.013, 0.026):
        before = len(shards())
        process = subprocess.Popen([sys.executable, "-c", code], env=environment)
        while len(shards()) == before:
            assert process.poll() is None
            time.sleep(0.01)
        time.sleep(wait)
        process.send_signal(signal.SIGKILL)
        process.wait()
        found, store = shards(), open_store("k")
        assert shards() == found  # none was dropped
        numbers = [int(content, 16) for content in store.rows]
        assert len(numbers) % 1000 == 0
        assert store.gather("a", list(store.rows))[:, 0].tolist() == numbers
