"""A model's weights as plain data, and their exponential moving average (Polyak and Juditsky, 1992)."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

Weights = dict[str, torch.Tensor]  # a model's parameters and buffers by name, on the CPU


def copy_of(model: nn.Module) -> Weights:
    """The model's parameters and buffers, copied to the CPU."""
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}


def follow(average: Weights, model: nn.Module, decay: float) -> None:
    """Move the averaged weights towards the model's: decay * average + (1 - decay) * weights; counters are copied."""
    current = {name: value.detach().to(average[name].device) for name, value in model.state_dict().items()}
    smooth = [name for name, value in average.items() if value.is_floating_point()]
    move = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
    move([average[name] for name in smooth], [current[name] for name in smooth], 0)
    for name in average.keys() - set(smooth):
        average[name].copy_(current[name])


def between(start: Weights, end: Weights, share: float) -> Weights:
    """Weights at ``share`` of the way from one to the other; counters are the end's."""
    return {
        name: torch.lerp(start[name], value, share) if value.is_floating_point() else value
        for name, value in end.items()
    }


@contextmanager
def averaged(model: nn.Module, average: Weights) -> Iterator[None]:
    """The model with its averaged weights, where there are any."""
    own = copy_of(model) if average else {}
    if average:
        model.load_state_dict(average)
    yield
    if average:
        model.load_state_dict(own)
