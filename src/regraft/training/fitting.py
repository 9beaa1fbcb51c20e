"""Whether what a checkpoint holds belongs to the network and the optimiser that are to go on from it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from regraft.training.checkpoint import damaged

CHANGING = {"lr"}  # of a group of parameters, from step to step


def check_fits(path: Path, content: Mapping[str, Any], model: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    """Raise RunError where a part is missing, or has other names, shapes or kinds than the training's own."""
    try:
        own = model.state_dict()
        for name in ("model", "best", *(["average"] if content["average"] else [])):
            check_weights(own, content[name])
        check_optimiser(optimiser, content["optimiser"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise damaged(path, error) from None


def check_weights(own: Mapping[str, torch.Tensor], theirs: Any) -> None:
    """Raise ValueError where weights are not a network's own ones."""
    if not isinstance(theirs, Mapping) or theirs.keys() != own.keys():
        raise ValueError("it has the weights of another network")
    for name, value in own.items():
        other = theirs[name]
        if not isinstance(other, torch.Tensor) or (other.shape, other.dtype) != (value.shape, value.dtype):
            raise ValueError(f"{name} has another shape than in the network")


def check_optimiser(optimiser: torch.optim.Optimizer, theirs: Any) -> None:
    """Raise ValueError where an optimiser's state has other groups, settings or shapes than the optimiser."""
    own = optimiser.state_dict()["param_groups"]
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    if len(theirs["param_groups"]) != len(own):
        raise ValueError("its optimiser has other groups of parameters")
    for group, other in zip(own, theirs["param_groups"], strict=True):
        for name in group.keys() & other.keys() - CHANGING:
            if group[name] != other[name]:
                raise ValueError(f"its optimiser has another {name}")
        if other["params"] != group["params"] or not isinstance(other["lr"], float):
            raise ValueError("its optimiser has other parameters")
    for place, kept in theirs["state"].items():
        shape = parameters[place].shape if isinstance(place, int) and 0 <= place < len(parameters) else None
        if shape is None or not all(fits(value, shape) for value in kept.values()):
            raise ValueError("its optimiser has the state of other parameters")


def fits(value: Any, shape: torch.Size) -> bool:
    """Whether something that an optimiser keeps of a parameter may be that: of its shape, or a single number."""
    if isinstance(value, torch.Tensor):
        return value.shape == shape or value.ndim == 0
    return value is None or isinstance(value, int | float)
