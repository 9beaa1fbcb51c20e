"""A small network, its weights, and what is in it when a file of weights was loaded."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import timm
import torch
from torch import nn

from regraft.network.weights import Loaded, load_weights

NAME = "resnet10t"
State = dict[str, torch.Tensor]


def network(seed: int = 0, **options: Any) -> nn.Module:
    torch.manual_seed(seed)
    return timm.create_model(NAME, **options)  # type: ignore[no-any-return]


def under(prefix: str, state: State) -> State:
    return {f"{prefix}.{name}": value for name, value in state.items()}


def loaded(path: Path, key: str | None = None) -> tuple[State, Loaded]:
    """What is in the network when the file was loaded, and what was said."""
    model = network(2)
    result = load_weights(model, path, NAME, "fc", key)
    return model.state_dict(), result


def same(one: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor], but: str = "no entry") -> bool:
    return all(torch.equal(value, one[name]) for name, value in other.items() if not name.startswith(but))
