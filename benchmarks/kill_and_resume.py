"""Kill a fine-tuning ten times with SIGKILL, resume it each time, and compare its weights with an uninterrupted run's.

    uv run python benchmarks/kill_and_resume.py [--kills 10] [--seed 0]

Every second kill strikes while a checkpoint is being written, the others at a random moment after the first one.
"""

import argparse
import hashlib
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from regraft.data.digits import write_digits

EACH = 60  # images of a digit
OPTIONS = (
    "--strategy", "fine-tune", "--epochs", "6", "--patience", "6", "--image-size", "64", "--flip", "no",
    "--checkpoint-minutes", "0.01", "--quiet", "--json",
)  # fmt: skip


def start(data: Path, out: Path, resume: bool) -> subprocess.Popen[bytes]:
    """The training as a process of its own."""
    more = ["--resume"] if resume else []
    command = [sys.executable, "-m", "regraft", "train", str(data), *OPTIONS, "--out", str(out), *more]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL)


def kill_it(process: subprocess.Popen[bytes], folder: Path, in_write: bool, wait: float) -> str:
    """Kill the training ``wait`` seconds after it wrote a checkpoint, or inside the next write after that."""
    began = time.time()
    fresh = lambda path: path.exists() and path.stat().st_mtime > began  # noqa: E731
    while process.poll() is None and not fresh(folder / "last.pt"):
        time.sleep(0.005)
    time.sleep(wait)
    while in_write and process.poll() is None and not any(folder.glob("*.part")):
        pass
    if process.poll() is not None:
        return "it had finished"
    process.kill()
    process.wait()
    return "in a write" if any(folder.glob("*.part")) else "between writes"


def weights_of(run: Path) -> str:
    """A hash of the weights that a run kept."""
    return hashlib.sha256((run / "model" / "model.safetensors").read_bytes()).hexdigest()[:16]


def main() -> None:
    """Train twice, once under fire."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    draw = random.Random(given.seed)
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        write_digits(root / "digits")
        for digit in (root / "digits").iterdir():
            for path in sorted(digit.iterdir())[EACH:]:
                path.unlink()
        assert start(root / "digits", root / "whole", resume=False).wait() == 0, "the uninterrupted run failed"
        folder = root / ".killed.unfinished" / "checkpoints" / "fine-tune"
        for number in range(given.kills):
            process = start(root / "digits", root / "killed", resume=number > 0)
            where = kill_it(process, folder, number % 2 == 1, draw.uniform(0, 0.5))
            print(f"kill {number + 1}: {where}", flush=True)
        assert start(root / "digits", root / "killed", resume=True).wait() == 0, "the last resume failed"
        whole, killed = weights_of(root / "whole"), weights_of(root / "killed")
        print(f"uninterrupted {whole}, killed and resumed {killed}: {'equal' if whole == killed else 'DIFFERENT'}")
        sys.exit(whole != killed)


if __name__ == "__main__":
    main()
