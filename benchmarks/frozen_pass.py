"""Images a second through the frozen network with features at every cut: PyTorch float32 against the engine in use.

uv run python benchmarks/frozen_pass.py [--backbone NAME] [--weights FILE] [--image-size 128]
"""

import argparse
import platform
import time

import torch

from regraft.network.engine import PYTORCH, best_engine, compile_network, device_of
from regraft.network.load import load
from regraft.network.surgery import pooled_network

BATCH, ROUNDS = 64, 5


def main() -> None:
    """Print one line an engine; the rates are medians and compare within one run only."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="embedded")
    parser.add_argument("--weights")
    parser.add_argument("--image-size", type=int)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    backbone = load(given.backbone, given.weights, given.image_size)
    size, device = backbone.preprocessing.size, device_of(given.device)
    network = pooled_network(backbone.model, backbone.traced, backbone.traced.cuts)
    images = torch.randn(BATCH, 3, size, size)
    print(f"{given.backbone} at {size} px, {platform.machine()}, {torch.get_num_threads()} threads")
    for name in dict.fromkeys([best_engine(device), PYTORCH]):
        engine = compile_network(network, size, device, name)
        engine.run(images)
        seconds = []
        for _ in range(ROUNDS):
            started = time.perf_counter()
            engine.run(images)
            seconds.append(time.perf_counter() - started)
        print(f"{engine.name:18} {BATCH / sorted(seconds)[ROUNDS // 2]:8.0f} images/s")


if __name__ == "__main__":
    main()
