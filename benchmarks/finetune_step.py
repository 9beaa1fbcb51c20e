"""One fine-tuning step of a network with random weights: a plain float32 PyTorch loop against regraft's own.

    uv run python benchmarks/finetune_step.py [--backbone resnet18] [--size 224] [--batch 32]

Both run forward, loss, backward and the optimiser's step on the same ready batch; the ratio compares within one run.
"""

import argparse
import platform
import time
from collections.abc import Callable

import timm
import torch
from lightning_fabric import Fabric
from torch.nn.functional import cross_entropy

from regraft.features.head import HeadSettings, fresh_head
from regraft.network.engine import device_of
from regraft.network.libraries import stages_of
from regraft.network.surgery import Tunable
from regraft.network.tracing import trace
from regraft.planning.defaults import RATES
from regraft.training.optimiser import make_optimiser
from regraft.training.precision import precision_of

CLASSES, WARM_UP, ROUNDS = 10, 2, 6


def median_seconds(step: Callable[[], None]) -> float:
    """The median time of one step."""
    seconds = []
    for number in range(WARM_UP + ROUNDS):
        started = time.perf_counter()
        step()
        if number >= WARM_UP:
            seconds.append(time.perf_counter() - started)
    return sorted(seconds)[ROUNDS // 2]


def plain(name: str, images: torch.Tensor, labels: torch.Tensor) -> Callable[[], None]:
    """The loop that tutorials show: float32, the usual memory layout, AdamW."""
    model = timm.create_model(name, num_classes=CLASSES).train()
    optimiser = torch.optim.AdamW(model.parameters())

    def step() -> None:
        loss = cross_entropy(model(images), labels)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()

    return step


def ours(name: str, images: torch.Tensor, labels: torch.Tensor) -> Callable[[], None]:
    """The network, precision, layout and optimiser that `regraft train --strategy fine-tune` uses."""
    model = timm.create_model(name)
    traced = trace(model, images.shape[-1], stages_of(model))
    tunable = Tunable(model, traced, traced.cuts[-1:], fresh_head(traced.cuts[-1].channels, CLASSES, HeadSettings()))
    optimiser = make_optimiser("adamw", list(tunable.head.parameters()), tunable.stages, RATES["adamw"], 0.9, 0.05)
    device = device_of("cpu")
    fabric = Fabric(accelerator="cpu", devices=1, precision=precision_of(device))
    network, optimiser = fabric.setup(tunable.to(memory_format=torch.channels_last), optimiser)
    network.train()
    laid_out = images.contiguous(memory_format=torch.channels_last)

    def step() -> None:
        loss = cross_entropy(network(laid_out).float(), labels)
        optimiser.zero_grad()
        fabric.backward(loss)
        optimiser.step()

    return step


def main() -> None:
    """Print both medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--batch", type=int, default=32)
    given = parser.parse_args()
    images = torch.randn(given.batch, 3, given.size, given.size)
    labels = torch.arange(given.batch) % CLASSES
    print(f"{given.backbone} at {given.size} px, batch {given.batch}, {platform.machine()}")
    slow = median_seconds(plain(given.backbone, images, labels))
    fast = median_seconds(ours(given.backbone, images, labels))
    print(f"plain float32 {slow:.3f} s, regraft {fast:.3f} s, ratio {slow / fast:.2f}")


if __name__ == "__main__":
    main()
