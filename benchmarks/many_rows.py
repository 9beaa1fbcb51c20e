"""Peak memory and time over many images: scan, plan and a head, on small JPEGs in shards, each with noise of its own.

    uv run python -m benchmarks.many_rows 100000 1000000

For each number a folder of WebDataset shards is made (``--folder``; a million take 2.5 GB, and 1.3 GB in the cache).
Each command runs in a process of its own with a cache of its own, so that nothing is known before.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image

SHARD, SIDE, CLASSES = 10_000, 32, 10
NETWORK = ("--backbone", "demonstration", "--image-size", "32", "--quiet")
COMMANDS = {
    "scan": ("scan", "{data}", "--quiet"),
    "plan": ("plan", "{data}", *NETWORK),
    "head": ("train", "{data}", "--strategy", "head", *NETWORK, "--out", "{out}"),
}


def write_shards(folder: Path, images: int) -> None:
    """Class k is a shade with noise."""
    draw = np.random.default_rng(0)
    for start in range(0, images, SHARD):
        with tarfile.open(folder / f"s-{start // SHARD:05d}.tar", "w") as shard:
            for number in range(start, min(images, start + SHARD)):
                label, file = number % CLASSES, io.BytesIO()
                pixels = draw.integers(0, 60, (SIDE, SIDE, 3)) + 19 * label
                Image.fromarray(pixels.astype(np.uint8)).save(file, "JPEG", quality=60)
                for suffix, data in (("jpg", file.getvalue()), ("cls", str(label).encode())):
                    info = tarfile.TarInfo(f"{number:08d}.{suffix}")
                    info.size = len(data)
                    shard.addfile(info, io.BytesIO(data))


def peak_of(arguments: list[str], cache: Path) -> tuple[float, float, float, int]:
    """Seconds on the clock and of the processor, peak resident MB, and the exit code of one regraft process."""
    started = time.perf_counter()
    child = subprocess.Popen(
        [sys.executable, "-m", "regraft", *arguments],
        env=os.environ | {"REGRAFT_CACHE": str(cache), "REGRAFT_CACHE_LIMIT": "100GB"},
        stdout=subprocess.DEVNULL,
    )
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - started
    return seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, child.returncode


def main() -> None:
    """Print a line a command."""
    asked = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    asked.add_argument("images", type=int, nargs="+")
    asked.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()))
    given = asked.parse_args()
    for images in given.images:
        place = Path(tempfile.mkdtemp(dir=given.folder))
        try:
            (place / "data").mkdir()
            write_shards(place / "data", images)
            for name, arguments in COMMANDS.items():
                filled = [text.format(data=place / "data", out=place / "run") for text in arguments]
                seconds, busy, peak, code = peak_of(filled, place / "cache")
                failed = f", exit code {code}" if code else ""
                took = f"{busy:,.0f} s, on the clock {seconds:,.0f} s"
                print(f"{images:>9,} images, {name}: {peak:,.0f} MB, {took}{failed}", flush=True)
        finally:
            shutil.rmtree(place)


if __name__ == "__main__":
    main()
