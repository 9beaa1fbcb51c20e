"""What is run on every split, and one run of it."""

import csv
import json
import re
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from benchmarks.peers.measure import Process, run

RULE = "rule"


@dataclass(frozen=True)
class Contestant:
    """One way to make a classifier."""

    name: str
    options: tuple[str, ...] = ()  # of ``regraft train``
    peer: str = ""  # the environment of another tool, in place of regraft
    squeezenet_only: bool = False


CONTESTANTS = (
    Contestant("default"),
    Contestant("fast", ("--fast",)),
    Contestant(RULE),  # the plan's strategy, nothing beside it
    Contestant("head", ("--strategy", "head")),
    Contestant("early layers", ("--strategy", "early-layers")),
    Contestant("fine-tune", ("--strategy", "fine-tune", "--time-limit", "2m")),
    Contestant("from scratch", ("--strategy", "from-scratch")),
    Contestant("5 minutes", ("--time-limit", "5m")),
    Contestant("logistic regression", peer="logistic"),
    Contestant("fastai", peer="fastai", squeezenet_only=True),
)


@dataclass(frozen=True)
class Setting:
    """What all runs share."""

    network: str  # embedded or squeezenet
    weights: Path | None  # of SqueezeNet 1.1
    pythons: dict[str, Path]  # of the other tools' environments


@dataclass(frozen=True)
class Result:
    """One run's outcome."""

    accuracy: float | None  # on the test part
    seconds: float  # of the whole process
    strategy: str = ""
    failure: str = ""
    start: float | None = None  # validation accuracy of the head that a fine-tuning began with
    end: float | None = None  # the same of what it ended with


def run_one(contestant: Contestant, data: Path, seed: int, setting: Setting) -> Result:
    """Run it on the train/ and test/ of ``data``, with an empty cache."""
    with tempfile.TemporaryDirectory(prefix="results-") as name:
        folder = Path(name)
        extra = {"REGRAFT_CACHE": str(folder / "cache")}
        options, before = contestant.options, 0.0
        if contestant.name == RULE:
            planned = run(regraft("plan", data, seed, setting), extra, folder)
            if planned.failure:
                return Result(None, planned.wall, failure=planned.failure)
            options, before = ("--strategy", json.loads(planned.output)["strategy"]), planned.wall
        command = regraft("train", data, seed, setting, *options, "--out", str(folder / "run"))
        if contestant.peer == "logistic":
            network = [str(setting.weights)] if setting.network == "squeezenet" else []
            command = [sys.executable, "-m", "benchmarks.results.logistic", str(data), *network]
        elif contestant.peer:
            python = str(setting.pythons[contestant.peer])
            command = [python, "-m", f"benchmarks.peers.{contestant.peer}_peer", str(data), str(setting.weights)]
            command += ["--seed", str(seed)]
        result = result_of(run(command, extra, folder))
        start, end = validated(folder / "run") if result.strategy == "fine-tune" else (None, None)
        return replace(result, seconds=result.seconds + before, start=start, end=end)


def regraft(command: str, data: Path, seed: int, setting: Setting, *options: str) -> list[str]:
    """A command of regraft's as a user types it."""
    line = [sys.executable, "-m", "regraft", command, str(data), "--json", "--device", "cpu", *options]
    line += ["--seed", str(seed)] if command == "train" else []
    if setting.network == "squeezenet":
        line += ["--backbone", "torchvision/squeezenet1_1", "--weights", str(setting.weights)]
    return line


def validated(run_folder: Path) -> tuple[float, float]:
    """Validation accuracy before any training and of what was kept."""
    with (run_folder / "history.csv").open() as file:
        first = next(csv.DictReader(file))
    kept = json.loads((run_folder / "metrics.json").read_text())["validation"]["accuracy"]
    return float(first["val_accuracy"]), float(kept)


def result_of(process: Process) -> Result:
    """The last line or the whole of what was printed, read as JSON."""
    if process.failure:
        return Result(None, process.wall, failure=process.failure)
    lines: Sequence[str] = re.findall(r"^\{.*\}$", process.output, re.MULTILINE | re.DOTALL)
    printed = json.loads(lines[-1] if lines else process.output.strip().splitlines()[-1])
    accuracy = printed["metrics"]["accuracy"] if "metrics" in printed else printed["accuracy"]
    return Result(accuracy, process.wall, printed.get("strategy", ""))
