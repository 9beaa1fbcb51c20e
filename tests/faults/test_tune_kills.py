"""A search killed anywhere goes on: every recipe is trained once, and the same one wins."""

import csv
import json
import random
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import picture
from faults.processes import Processes

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform == "win32", reason="there is no fork"),
]
KILLED = {-signal.SIGKILL, -getattr(signal, "SIGXFSZ", 0)}
SPACE = "[space]\nlearning_rate = {low = 1e-5, high = 1e-2, log = true}\nepochs = [2, 4]\nmix = ['none', 'mixup']\n"
MOMENTS = 5
NETWORK = ("tune", "data", "--backbone", "demonstration", "--image-size", 32, "--quiet")
KINDS = {
    "networks": ("--space", "space.toml", "--trials", 5),
    "heads": ("--strategy", "head", "--trials", 25),
}
SAME = ("model/model.safetensors", "predictions.csv", "recipe.json")


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Processes]:
    folder = tmp_path_factory.mktemp("tune kills")
    for kind in range(2):
        (folder / "data" / f"class{kind}").mkdir(parents=True)
        for number in range(12):
            picture(kind, number).save(folder / "data" / f"class{kind}" / f"{number}.png")
    (folder / "space.toml").write_text(SPACE)
    with Processes(folder, (*NETWORK, *KINDS["networks"])) as started:
        yield started


def told(run: Path) -> tuple[list[dict[str, str]], int, list[bytes]]:
    """The trials without their times, the winner, and the files that must be the same."""
    with (run / "trials.csv").open() as file:
        rows = [{name: value for name, value in row.items() if name != "seconds"} for row in csv.DictReader(file)]
    winner = json.loads((run / "tuning.json").read_text())["winner"]["number"]
    return rows, winner, [(run / name).read_bytes() for name in SAME]


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_random_moments(kind: str, processes: Processes, tmp_path: Path) -> None:
    arguments = (*NETWORK, *KINDS[kind], "--out")
    whole = processes.run(*arguments, tmp_path / "whole", cache=tmp_path / "cache")
    assert whole.code == 0, whole.printed
    expected, draw, killed = told(tmp_path / "whole"), random.Random(0), 0
    moments = sorted(draw.sample(range(20, whole.writes), MOMENTS))
    for at in moments:
        run = tmp_path / f"at {at}"
        ended = processes.run(*arguments, run, cache=tmp_path / "cache", mode="kill", at=at)
        if ended.code:
            assert ended.code in KILLED, ended.printed
            killed += 1
            again = processes.run(*arguments, run, "--resume", cache=tmp_path / "cache")
            assert again.code == 0, again.printed
        rows, winner, files = told(run)
        assert len({row["name"] for row in rows}) == len(rows), f"killed at write {at}"
        assert (rows, winner) == expected[:2], f"killed at write {at}"
        assert files == expected[2], f"killed at write {at}"
        left = {path.name for path in tmp_path.iterdir()} - {"whole", "cache", *(f"at {one}" for one in moments)}
        assert not left, f"killed at write {at}, this was left: {left}"
    assert killed >= MOMENTS - 1


def test_killed_again_and_again_in_one_search(processes: Processes, tmp_path: Path) -> None:
    arguments = (*NETWORK, *KINDS["networks"], "--out")
    assert processes.run(*arguments, tmp_path / "whole", cache=tmp_path / "cache").code == 0
    draw, run = random.Random(1), tmp_path / "often"
    ended = processes.run(*arguments, run, cache=tmp_path / "cache", mode="kill", at=40)
    for _ in range(MOMENTS):
        assert ended.code in {0, *KILLED}, ended.printed
        if ended.code == 0:
            break
        at = draw.randrange(30, 160)
        ended = processes.run(*arguments, run, "--resume", cache=tmp_path / "cache", mode="kill", at=at)
    if ended.code:
        ended = processes.run(*arguments, run, "--resume", cache=tmp_path / "cache")
    assert ended.code == 0, ended.printed
    assert told(run) == told(tmp_path / "whole")
