"""What each peer's script has in common: its arguments, its one line of JSON, and a count of images."""

import argparse
import json
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.parts import Parts, parts_of


@dataclass(frozen=True)
class Arguments:
    """What a peer's script is told."""

    parts: Parts
    weights: Path
    seed: int
    variant: str | None  # of the recipe, where a peer has several
    started: float  # time.perf_counter() when the script's imports were done


@dataclass
class Count:
    """Images that went through the pre-trained network, and those of them that took a gradient back into it."""

    forward: int = 0
    backward: int = 0

    def add(self, images: int, backward: bool = False) -> None:
        """Count one batch."""
        self.forward += images
        self.backward += images if backward else 0

    def watch(self, module: Any) -> None:
        """Count what goes through a torch module from now on."""
        module.register_forward_pre_hook(lambda _, inputs: self.add(len(inputs[0]), takes_gradient(module)))


def takes_gradient(module: Any) -> bool:
    """Whether a backward pass would reach a parameter of ``module``."""
    import torch

    return torch.is_grad_enabled() and any(parameter.requires_grad for parameter in module.parameters())


def arguments(purpose: str, variants: tuple[str, ...] = ()) -> Arguments:
    """Read the command line and seed what is random."""
    parser = argparse.ArgumentParser(description=purpose)
    parser.add_argument("data", type=Path)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    if variants:
        parser.add_argument("--variant", choices=variants, default=variants[0])
    given = parser.parse_args()
    random.seed(given.seed)
    variant = given.variant if variants else None
    return Arguments(parts_of(given.data), given.weights, given.seed, variant, time.perf_counter())


def report(accuracy: float, count: Count, seconds_training: float) -> None:
    """Print the line that the runner reads."""
    images = {f"images_{name}": number for name, number in asdict(count).items()}
    print("\n" + json.dumps({"accuracy": accuracy, **images, "seconds_training": seconds_training}), flush=True)
