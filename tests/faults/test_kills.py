"""Killed at any write, a run goes on or is made again, and comes out the same to the last bit."""

import csv
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import picture
from faults.processes import Ended, Processes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no fork"),
]
SAME = (
    "model/model.safetensors",
    "model/config.json",
    "predictions.csv",
    "recipe.json",
    "data.json",
    "README.md",
)
EVERY_WRITE = "REGRAFT_EVERY_WRITE" in os.environ  # by default every second one: the whole list takes minutes
KILLED = {-signal.SIGKILL, -getattr(signal, "SIGXFSZ", 0)}
NETWORK = ("--backbone", "demonstration", "--quiet")
KINDS = {
    "head": ("--strategy", "head"),
    "fine-tune": ("--strategy", "fine-tune", "--epochs", 2),
}


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    folder = tmp_path_factory.mktemp("kills")
    for kind in range(2):
        (folder / "data" / f"class{kind}").mkdir(parents=True)
        for number in range(10):
            picture(kind, number).save(folder / "data" / f"class{kind}" / f"{number}.png")
    with Processes(folder, ("train", "data", *NETWORK, *KINDS["fine-tune"])) as started:
        yield started


def figures(run: Path) -> dict[str, object]:
    """All of a run that is not time; the report is there."""
    with (run / "history.csv").open() as file:
        history = [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]
    assert (run / "report.html").stat().st_size > 10_000
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics.pop("seconds")["total"] > 0
    return {name: (run / name).read_bytes() for name in SAME} | {"history.csv": history, "metrics.json": metrics}


def finish(processes: Processes, arguments: tuple[object, ...], place: Path, ended: Ended) -> None:
    """What a user does after a process that was killed: call it again, with --resume where it says so."""
    if ended.code == 0:
        return
    assert ended.code in KILLED, ended.printed
    again = processes.run(*arguments, cache=place / "cache")
    if again.code == 2 and "go on with --resume" in again.printed:
        again = processes.run(*arguments, "--resume", cache=place / "cache")
    if again.code == 2:  # it was killed after its last write
        assert "exists already" in again.printed, again.printed
        assert (place / "run" / "report.html").exists()
    else:
        assert again.code == 0, again.printed


@pytest.mark.parametrize("kind", KINDS)
def test_a_training_that_is_killed_at_any_write(kind: str, processes: Processes, tmp_path: Path) -> None:
    usual, fresh = ("train", "data", *NETWORK, *KINDS[kind]), tmp_path / "fresh"
    assert processes.run("plan", "data", *NETWORK, cache=fresh).code == 0
    shutil.rmtree(fresh / "features")
    shutil.copytree(fresh, tmp_path / "whole" / "cache")
    whole = processes.run(*usual, "--out", tmp_path / "whole" / "run", cache=tmp_path / "whole" / "cache")
    assert whole.code == 0, whole.printed
    expected, killed = figures(tmp_path / "whole" / "run"), 0
    first, step = (1, 1) if EVERY_WRITE else (1 + list(KINDS).index(kind), 2)  # where one is not killed, the other is
    for at in range(first, whole.writes + 1, step):
        place = tmp_path / f"at {at}"
        shutil.copytree(fresh, place / "cache")
        arguments = *usual, "--out", place / "run"
        ended = processes.run(*arguments, cache=place / "cache", mode="kill", at=at)
        killed += ended.code != 0
        finish(processes, arguments, place, ended)
        assert figures(place / "run") == expected, f"killed at write {at}"
        left = {path.name for path in place.iterdir()} - {"run", "cache"}
        assert not left, f"killed at write {at}, this was left: {left}"
        shutil.rmtree(place)
    assert killed > whole.writes / 2 / step


def test_the_network_kept_in_the_cache(processes: Processes, tmp_path: Path) -> None:
    """A pass that is killed while it keeps the network's graph, which it does before all else."""
    usual, warm = ("plan", "data", *NETWORK, "--json"), tmp_path / "warm"
    cold = processes.run(*usual, cache=warm)
    shutil.rmtree(warm / "features")
    writes = cold.writes - processes.run(*usual, cache=warm).writes
    assert writes > 5
    for at in range(1, writes + 5, 6):
        cache = tmp_path / f"at {at}"
        processes.run(*usual, cache=cache, mode="kill", at=at)
        again = processes.run(*usual, cache=cache)
        assert again.code == 0, again.printed
        shutil.rmtree(cache)


def test_a_run_that_replaces_another_is_killed(processes: Processes, tmp_path: Path) -> None:
    """At any moment the old one or the new one is whole, or comes back with the next call."""
    cache = tmp_path / "cache"
    old, new = (("train", "data", *NETWORK, *KINDS["head"], "--seed", seed) for seed in (1, 2))
    wholes = []
    for arguments, name in ((old, "old"), (new, "new")):
        assert processes.run(*arguments, "--out", tmp_path / name, cache=cache).code == 0
        wholes.append(figures(tmp_path / name))
    shutil.copytree(tmp_path / "old", tmp_path / "counted" / "run")
    replacing = processes.run(*new, "--out", tmp_path / "counted" / "run", "--overwrite", cache=cache)
    assert replacing.code == 0, replacing.printed
    for at in (1, 2, *range(replacing.writes - 8, replacing.writes + 1)):
        place = tmp_path / f"at {at}"
        shutil.copytree(tmp_path / "old", place / "run")
        arguments = *new, "--out", place / "run"
        ended = processes.run(*arguments, "--overwrite", cache=cache, mode="kill", at=at)
        if ended.code:
            assert ended.code in KILLED, ended.printed
            refused = processes.run(*arguments, cache=cache)  # without --overwrite: nothing may be lost
            assert refused.code == 2, refused.printed
            assert "exists already" in refused.printed
            assert figures(place / "run") in wholes
            assert processes.run(*arguments, "--overwrite", cache=cache).code == 0
        assert figures(place / "run") == wholes[1]
        assert [path.name for path in place.iterdir()] == ["run"]
        shutil.rmtree(place)


@pytest.mark.parametrize("kind", KINDS)
def test_a_disk_that_is_full_from_any_write_on(kind: str, processes: Processes, tmp_path: Path) -> None:
    usual, fresh = ("train", "data", *NETWORK, *KINDS[kind]), tmp_path / "fresh"
    assert processes.run("plan", "data", *NETWORK, cache=fresh).code == 0
    shutil.rmtree(fresh / "features")
    shutil.copytree(fresh, tmp_path / "cache")
    whole = processes.run(*usual, "--out", tmp_path / "whole", cache=tmp_path / "cache")
    for at in range(1, whole.writes + 1, 4):
        place = tmp_path / f"at {at}"
        shutil.copytree(fresh, place / "cache")
        arguments = *usual, "--out", place / "run"
        ended = processes.run(*arguments, cache=place / "cache", mode="full", at=at)
        if ended.code:
            assert ended.code == 2, ended.printed
            assert len(ended.printed.splitlines()) == 1, ended.printed
            assert re.search("cannot be written: (File too large|No space left on device); free space", ended.printed)
            resumable = (place / ".run.unfinished").exists()
            assert not (place / "run").exists()
            assert ("--resume" in ended.printed) == resumable, ended.printed
            again = processes.run(*arguments, *(["--resume"] if resumable else []), cache=place / "cache")
            assert again.code == 0, again.printed
        assert figures(place / "run") == figures(tmp_path / "whole")
        shutil.rmtree(place)


@pytest.mark.parametrize("number", ["SIGTERM", "SIGHUP"])
def test_a_signal_ends_a_training_as_ctrl_c_does(number: str, processes: Processes, tmp_path: Path) -> None:
    arguments, cache = ("train", "data", *NETWORK, *KINDS["fine-tune"]), tmp_path / "cache"
    whole = processes.run(*arguments, "--out", tmp_path / "whole", cache=cache)
    assert whole.code == 0
    for at in (2, 5, 9):  # the look at the data, and the training
        ended = processes.run(*arguments, "--out", tmp_path / f"at {at}", cache=cache, mode=number, at=at)
        assert ended.code == 130, ended.printed
        assert "interrupted" in ended.printed
        assert "Traceback" not in ended.printed
        if (tmp_path / f"at {at}").exists():  # it came as far as training: what it had learned is there
            assert (tmp_path / f"at {at}" / "report.html").exists()
    assert not list(tmp_path.glob(".*"))
