"""What the machine and the networks are measured by: the bf16 matrix peak, and multiply-adds of one image.

A script of its own that prints JSON, so that the runner need not hold torch.
"""

import argparse
import json
import time

import torch

from benchmarks.peers.contenders import EMBEDDED, SQUEEZENET
from regraft.network.load import load

SIDES, ROUNDS = (1024, 2048, 4096), 5


def bf16_peak() -> float:
    """Floating-point operations a second in the best of a few products of square bf16 matrices, on all processors."""
    best = 0.0
    for side in SIDES:
        left, right = (torch.randn(side, side).to(torch.bfloat16) for _ in range(2))
        for _ in range(ROUNDS):
            started = time.perf_counter()
            left @ right
            best = max(best, 2 * side**3 / (time.perf_counter() - started))
    return best


def main() -> None:
    """Print both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("weights")
    given = parser.parse_args()
    networks = {SQUEEZENET: load("torchvision/squeezenet1_1", given.weights), EMBEDDED: load("embedded")}
    costs = {name: network.traced.multiply_adds for name, network in networks.items()}
    threads = torch.get_num_threads()
    print("\n" + json.dumps({"bf16_peak": bf16_peak(), "multiply_adds": costs, "threads": threads}))


if __name__ == "__main__":
    main()
