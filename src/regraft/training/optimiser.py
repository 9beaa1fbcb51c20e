"""Optimisers by torch's names, learning rates by depth and by step."""

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

NAMES: dict[str, tuple[Any, dict[str, Any]]] = {  # name: (torch.optim class, settings)
    "sgd": (torch.optim.SGD, {"momentum": 0.9, "nesterov": True, "fused": True}),
    "rmsprop": (torch.optim.RMSprop, {}),
    "adagrad": (torch.optim.Adagrad, {}),
    "adadelta": (torch.optim.Adadelta, {}),
    "adam": (torch.optim.Adam, {"fused": True}),
    "adamax": (torch.optim.Adamax, {}),
    "nadam": (torch.optim.NAdam, {}),
    "adamw": (torch.optim.AdamW, {"fused": True}),
}
FINAL_SHARE = 0.001  # of the peak rate, where the schedules end


def make_optimiser(
    name: str,
    head: Sequence[nn.Parameter],
    stages: Sequence[Sequence[nn.Parameter]],
    rate: float,
    layer_decay: float,
    weight_decay: float,
) -> torch.optim.Optimizer:
    """The optimiser with one group for each stage and kind of parameter.

    ``stages`` go from the input to the output; a stage's rate is ``layer_decay`` times the next one's, and the
    head has the full rate. Norms and biases (fewer than two dimensions) are not decayed. The group's full rate
    is kept as "peak".
    """
    kind, settings = NAMES[name]
    groups = []
    for below, parameters in enumerate([head, *reversed(stages)]):
        peak = rate * layer_decay**below
        for decayed in (True, False):
            chosen = [p for p in parameters if p.requires_grad and (p.ndim > 1) == decayed]
            if chosen:
                decay = weight_decay if decayed else 0.0
                groups.append({"params": chosen, "lr": peak, "peak": peak, "weight_decay": decay})
    optimiser: torch.optim.Optimizer = kind(groups, **settings)
    return optimiser


def factor(schedule: str, progress: float, warm_up: float) -> float:
    """The rate's share of its peak at ``progress`` 0..1: linear warm-up, then constant, cosine or one-cycle."""
    if schedule == "one-cycle":
        warm_up = max(warm_up, 0.3)
    if progress < warm_up:
        return max(progress / warm_up, FINAL_SHARE)
    if schedule == "constant":
        return 1.0
    done = (progress - warm_up) / max(1 - warm_up, 1e-9)
    return FINAL_SHARE + (1 - FINAL_SHARE) * 0.5 * (1 + math.cos(math.pi * min(done, 1.0)))


def set_rates(optimiser: torch.optim.Optimizer, share: float) -> None:
    """Set every group's rate to ``share`` of its peak."""
    for group in optimiser.param_groups:
        group["lr"] = group["peak"] * share
