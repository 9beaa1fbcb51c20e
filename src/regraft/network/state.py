"""A network's state: its parameters and buffers as arrays by name."""

import hashlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from torch import nn


def state_of(module: "nn.Module") -> dict[str, np.ndarray]:
    """Every parameter and buffer of a torch module."""
    return {name: value.detach().cpu().contiguous().numpy() for name, value in module.state_dict().items()}


def hash_of_state(state: Mapping[str, np.ndarray]) -> str:
    """A hash of parameters and buffers by name, the proof that frozen layers did not change."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(state):
        digest.update(name.encode())
        digest.update(np.ascontiguousarray(state[name]).tobytes())
    return digest.hexdigest()
