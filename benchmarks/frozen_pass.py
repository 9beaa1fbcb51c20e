"""Images a second through the frozen network with features at every cut: PyTorch float32 against the engine in use.

    uv run python benchmarks/frozen_pass.py [--images FOLDER] [--backbone NAME] [--weights FILE] [--image-size 128]

Each engine's own rate is that of pixels in memory. With --images there is also the rate of the whole look at a folder:
files read, decoded, run and kept, without the seconds that making the engine takes; and its share of the engine's own.
"""

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np

from regraft.data.find import find_images
from regraft.data.images import ImageSet
from regraft.data.prefetch import map_ahead
from regraft.features import frozen_pass
from regraft.features.extract import extract
from regraft.features.frozen_pass import wanted_of
from regraft.network.backbone import Backbone
from regraft.network.engine import PYTORCH, Engine, best_engine, compile_pass, device_name, streams_of
from regraft.network.load import load
from regraft.recipe import Recipe

BATCHES, ROUNDS = 16, 5


def own_rate(engine: Engine, size: int) -> float:
    """Images a second of the engine alone: the median of a few rounds."""
    pixels = np.random.default_rng(0).integers(0, 256, (engine.batch, size, size, 3), dtype=np.uint8)
    seconds = []
    for _ in range(ROUNDS + 1):  # the first one warms up
        started = time.perf_counter()
        for _ in map_ahead(engine.run, [pixels] * BATCHES, streams_of(engine.name), chunk=1, ahead=1):
            pass
        seconds.append(time.perf_counter() - started)
    return BATCHES * engine.batch / sorted(seconds[1:])[ROUNDS // 2]


def rate_of_a_look(images: ImageSet, backbone: Backbone, device: str) -> float:
    """Images a second from files to features in a cache that knows none of them."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["REGRAFT_CACHE"] = cache
        features = extract(images, backbone, recipe=Recipe(device=device))
    return features.rate or features.passed / features.seconds


def main() -> None:
    """Print one line an engine; the rates compare within one run only."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=Path, help="a folder of labelled images")
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--weights")
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    backbone = load(given.backbone, given.weights, given.image_size)
    size, device, wanted = backbone.preprocessing.size, device_name(given.device), wanted_of(backbone)
    images = find_images(given.images) if given.images else None
    many = f", {len(images.files):,} images" if images else ""
    print(f"{given.backbone} at {size} px on {device}, {platform.machine()}, {os.cpu_count()} processors{many}")
    for name in dict.fromkeys([best_engine(device), PYTORCH]):
        engine = compile_pass(backbone, wanted.cuts, wanted.pools, wanted.classifier, device, name)
        own = own_rate(engine, size)
        line = f"{engine.name:18} {own:8,.0f} images/s"
        if images:
            frozen_pass.best_engine = lambda _, name=name: name  # type: ignore[assignment]
            whole = rate_of_a_look(images, backbone, device)
            line += f", from files {whole:8,.0f} images/s, {whole / own:.0%} of it"
        print(line)


if __name__ == "__main__":
    main()
