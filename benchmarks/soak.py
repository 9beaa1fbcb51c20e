"""An hour of runs, kills, resumes and reads on one cache; in the end every run must be whole, or go on.

    uv run python -m benchmarks.soak [--minutes 60] [--seed 0] [--at-once 2]

Prints how often each command was called and how it ended, and exits 1 where something ended otherwise than with 0, 2,
130 or the kill that was sent, left a run that is neither whole nor resumable, or answered otherwise than before.
"""

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

STRATEGIES = ([], ["--strategy", "head"], ["--strategy", "fine-tune", "--epochs", "3", "--image-size", "32"])
SETS, CLASSES, IMAGES = 3, 3, 16
KILL_SHARE, LATEST_KILL = 0.5, 12.0  # of the commands; seconds after their start
PATIENCE = 300.0  # seconds that a command may take
FINE = {0, 2, 130, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT}  # the last: 130 to a shell, too


@dataclass(frozen=True)
class Call:
    """A command that ended."""

    name: str
    code: int
    printed: str

    @property
    def is_fine(self) -> bool:
        """Whether it ended as it may: done, refused in one line, interrupted or killed."""
        return self.code in FINE and "Traceback" not in self.printed and (self.code != 2 or "regraft: " in self.printed)


class Soak:
    """A folder with data, a cache and runs, and what was called on them."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.draw = folder, random.Random(seed)
        self.environment = os.environ | {"REGRAFT_CACHE": str(folder / "cache"), "OMP_NUM_THREADS": "1"}
        self.calls: list[Call] = []
        for number in range(SETS):
            make_set(folder / f"data{number}", np.random.default_rng([seed, number]))

    def call(self, *arguments: str, kill: float | None = None, number: int = signal.SIGKILL) -> Call:
        """A command, killed after so many seconds."""
        command = [sys.executable, "-m", "regraft", *arguments]
        started = subprocess.Popen(
            command, cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        try:
            printed, _ = started.communicate(timeout=kill or PATIENCE)
        except subprocess.TimeoutExpired:
            started.send_signal(number if kill else signal.SIGKILL)
            printed, _ = started.communicate()
            printed += "" if kill else "\nTraceback: it hung"
        done = Call(arguments[0], started.returncode, printed)
        self.calls.append(done)
        return done

    def one(self) -> None:
        """One thing that a user, or a cluster, does."""
        draw = self.draw
        data, run = f"data{draw.randrange(SETS)}", f"runs/{draw.randrange(4)}"
        kill = draw.uniform(0.5, LATEST_KILL) if draw.random() < KILL_SHARE else None
        number = draw.choice([signal.SIGKILL, signal.SIGKILL, signal.SIGTERM])
        match draw.choice(["train"] * 5 + ["resume"] * 3 + ["predict", "evaluate", "plan", "cache"]):
            case "train":
                options = [*draw.choice(STRATEGIES), *draw.choice(([], ["--overwrite"]))]
                self.call("train", data, "--out", run, "--quiet", *options, kill=kill, number=number)
            case "resume":
                options = draw.choice(STRATEGIES)
                self.call("train", data, "--out", run, "--quiet", "--resume", *options, kill=kill, number=number)
            case "predict":
                self.call("predict", run, data, "--quiet", kill=kill, number=number)
            case "evaluate":
                self.call("evaluate", run, data, "--quiet", kill=kill, number=number)
            case "plan":
                self.call("plan", data, "--quiet", kill=kill, number=number)
            case _:
                self.call("cache", draw.choice(["show", "check", "check", "clear"]), kill=kill, number=number)

    def broken_runs(self) -> Iterator[str]:
        """Runs that are neither whole nor go on, by what was printed of them."""
        for folder in sorted((self.folder / "runs").iterdir()) if (self.folder / "runs").exists() else []:
            name = folder.name.removeprefix(".").removesuffix(".unfinished").removesuffix(".replaced")
            out = f"runs/{name}"
            if folder.name == name and self.call("predict", out, "data0", "--quiet").code:
                yield f"{out} is there and does not predict: {self.calls[-1].printed}"
            elif folder.suffix == ".unfinished" and any(folder.glob("checkpoints/*/last.pt")):
                tries = (
                    self.call("train", f"data{data}", "--out", out, "--quiet", "--resume", *options)
                    for data in range(SETS)
                    for options in STRATEGIES
                )
                if not any(done.code == 0 for done in tries):
                    yield f"{out} has checkpoints and does not go on: {self.calls[-1].printed}"


def make_set(root: Path, draw: np.random.Generator) -> None:
    """Class folders of small coloured noise."""
    for kind in range(CLASSES):
        (root / f"class{kind}").mkdir(parents=True)
        for number in range(IMAGES):
            pixels = draw.normal(90 + 60 * np.eye(CLASSES)[kind], 40, (40, 40, 3)).clip(0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(root / f"class{kind}" / f"{number}.png")


def main() -> int:
    """All of it; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--at-once", type=int, default=2)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        soak, end = Soak(Path(folder), asked.seed), time.monotonic() + 60 * asked.minutes

        def worker(_: int) -> None:
            while time.monotonic() < end:
                soak.one()

        with ThreadPoolExecutor(asked.at_once) as pool:
            list(pool.map(worker, range(asked.at_once)))
        broken = list(soak.broken_runs())
        checked = soak.call("cache", "check")
    for (name, code), count in sorted(Counter((call.name, call.code) for call in soak.calls).items()):
        print(f"{name:10} ended with {code:4}: {count:,}")
    wrong = [call for call in soak.calls if not call.is_fine]
    for call in wrong:
        print(f"\n{call.name} ended with {call.code}:\n{call.printed}")
    print(*broken, sep="\n")
    print(f"{len(soak.calls):,} commands, {len(wrong)} that ended wrongly, {len(broken)} runs that were lost")
    print("The cache in the end:", checked.printed.strip().splitlines()[-1])
    return 1 if wrong or broken else 0


if __name__ == "__main__":
    sys.exit(main())
