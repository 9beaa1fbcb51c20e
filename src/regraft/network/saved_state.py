"""A model's file of weights: written with a checksum inside, and read only where that still matches.

The checksum is in the file's own metadata, so that a file that another program wrote anew, which has none, is taken
for what it is: other weights.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regraft.network.architecture import Architecture
from regraft.strict_json import Malformed

CHECKSUM = "regraft.checksum"


@dataclass(frozen=True)
class State:
    """Weights by regraft's names."""

    body: dict[str, np.ndarray]  # by their names in the network
    head: dict[str, np.ndarray]


def write_state(path: Path, state: Mapping[str, np.ndarray]) -> None:
    """Write weights with their checksum."""
    from safetensors.numpy import save_file

    save_file(dict(state), path, {CHECKSUM: checksum_of_state(state)})


def read_state(path: Path, names: Mapping[str, str]) -> State:
    """The weights in a file; ``names``: regraft's by the file's, where they differ.

    Malformed where a number was changed, a name is there twice, or other weights are not finite; and safetensors' own.
    """
    state, sealed = arrays_in(path)
    named = {names.get(name, name): value for name, value in state.items()}
    if len(named) < len(state):
        raise Malformed(f"two weights in {path.name} have one name")
    for name, value in () if sealed else named.items():
        if not np.isfinite(value).all():
            raise Malformed(f"{name} in {path.name} is not finite")
    body = {name.removeprefix("body."): value for name, value in named.items() if name.startswith("body.")}
    return State(body, {name: value for name, value in named.items() if name.startswith("head.")})


def arrays_in(path: Path) -> tuple[dict[str, np.ndarray], bool]:
    """The arrays in a file by their names there, and whether a checksum vouches for them.

    Malformed where that does not match; and safetensors' own errors.
    """
    from safetensors import safe_open

    with safe_open(path, "numpy") as file:
        metadata = file.metadata() or {}
        state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - it is no dict
    sealed = CHECKSUM in metadata
    if sealed and metadata[CHECKSUM] != checksum_of_state(state):
        raise Malformed(f"{path.name} was damaged after it was written")
    return state, sealed


def checksum_of_state(state: Mapping[str, np.ndarray]) -> str:
    """A hash of all names, kinds, shapes and numbers."""
    digest = hashlib.blake2b(digest_size=16)
    for name in sorted(state):
        value = np.ascontiguousarray(state[name])
        digest.update(f"{name} {value.dtype.str} {state[name].shape} ".encode())
        digest.update(value.data)
    return digest.hexdigest()


def filled(architecture: Architecture, state: dict[str, np.ndarray]) -> Any:
    """The network with those of its weights that there are."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)  # the same each time, where the state lacks the later layers
        model = architecture.build()
    model.load_state_dict({name: torch.from_numpy(value) for name, value in state.items()}, strict=False)
    return model
