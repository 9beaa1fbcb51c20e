"""Processor seconds to open a store of 60,000 images and to gather their features.

uv run python benchmarks/store.py
"""

import os
import tempfile
import time

import numpy as np

from regraft.data.identity import Look
from regraft.features.store import open_store

IMAGES, CHANNELS = 60_000, 320


def main() -> None:
    """Print one line a step."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["REGRAFT_CACHE"] = cache
        looks = [Look(f"{number:032x}", "0" * 32, 40, 30) for number in range(IMAGES)]
        store = open_store("benchmark")
        store.add(looks, {"a": np.zeros((IMAGES, CHANNELS), np.float32)})
        store.flush()
        started = time.process_time()
        again = open_store("benchmark")
        print(f"open {IMAGES:,} images: {time.process_time() - started:.2f} s")
        for which in ("the first time", "again"):
            started = time.process_time()
            again.gather("a", list(again.rows))
            print(f"gather {CHANNELS} channels of each, {which}: {time.process_time() - started:.2f} s")


if __name__ == "__main__":
    main()
