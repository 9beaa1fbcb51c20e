"""Depthwise convolutions in float32 while a network is trained on a CPU.

Their gradients in bf16 fall to oneDNN's reference code there: several times slower than in float32.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

Forward = Callable[[torch.Tensor], torch.Tensor]


def is_depthwise(module: nn.Module) -> bool:
    """Whether every channel has filters of its own."""
    return isinstance(module, nn.Conv2d) and 1 < module.groups == module.in_channels


@contextmanager
def depthwise_in_float32(model: nn.Module, device: torch.device) -> Iterator[None]:
    """On a CPU, let the depthwise convolutions of ``model`` leave autocast while this lasts; what they return does not.

    Weights and state are as they were.
    """
    changed = [module for module in model.modules() if device.type == "cpu" and is_depthwise(module)]
    for module in changed:
        module.forward = widened(module.forward)
    try:
        yield
    finally:
        for module in changed:
            del module.forward


def widened(forward: Forward) -> Forward:
    """``forward`` computed in float32, in and out as they come."""

    def in_float32(images: torch.Tensor) -> torch.Tensor:
        with torch.autocast("cpu", enabled=False):
            return forward(images.float()).to(images.dtype)

    return in_float32
