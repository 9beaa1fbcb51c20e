"""Run the contenders in turn, round by round, never two at once."""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.peers.contenders import EMBEDDED, OURS, Contender
from benchmarks.peers.measure import run
from benchmarks.peers.result import Result, result_of

EMBEDDED_WEIGHTS = Path(__file__).parents[2] / "src" / "regraft" / "network" / "embedded" / "model.safetensors"


@dataclass(frozen=True)
class Setting:
    """What all runs share."""

    weights: Path  # of SqueezeNet 1.1, with torchvision's names
    pythons: dict[str, Path]  # by environment
    multiply_adds: dict[str, int]  # of one image, by network


def in_turn(contenders: Sequence[Contender], data: Path, rounds: int, setting: Setting) -> Iterator[Result]:
    """Every contender once a round; the round is the seed. A warm one finds the cache of the one before it."""
    for seed in range(rounds):
        with tempfile.TemporaryDirectory(prefix="peers-") as name:
            cache = 0
            for number, contender in enumerate(contenders):
                cache = cache if contender.warm else number
                yield run_one(contender, data, seed, setting, Path(name) / str(number), Path(name) / f"cache-{cache}")


def run_one(contender: Contender, data: Path, seed: int, setting: Setting, folder: Path, cache: Path) -> Result:
    """One run of one contender in a folder of its own."""
    folder.mkdir()
    weights = EMBEDDED_WEIGHTS if contender.network == EMBEDDED else setting.weights
    ours = folder / "run" if contender.environment == OURS else None
    if ours:
        command = regraft_command(contender, data, weights, ours)
    else:
        python = str(setting.pythons[contender.environment])
        command = [python, "-m", f"benchmarks.peers.{contender.environment}_peer", str(data), str(weights)]
        command += ["--variant", contender.variant] if contender.variant else []
    process = run([*command, "--seed", str(seed)], {"REGRAFT_CACHE": str(cache)}, folder)
    return result_of((contender.name, data.name), contender.network, process, ours, setting.multiply_adds)


def regraft_command(contender: Contender, data: Path, weights: Path, out: Path) -> list[str]:
    """``regraft train`` as a user types it."""
    command = [sys.executable, "-m", "regraft", "train", str(data), "--strategy", str(contender.strategy), "--json"]
    if contender.network != EMBEDDED:
        command += ["--backbone", "torchvision/squeezenet1_1", "--weights", str(weights)]
    return [*command, "--device", "cpu", "--out", str(out)]
