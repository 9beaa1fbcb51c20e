"""What a network saw of its source data: mean and deviation of every channel at every cut, found by its weights' hash.

Some networks' files ship inside the package; ``regraft reference`` makes one for any other, in the user's cache.
"""

from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from regraft.cache import cache_folder
from regraft.errors import RunError, reason_of


def path_of(fingerprint: str) -> Path:
    """Where the statistics of the network with that fingerprint are kept for this user."""
    return cache_folder() / "statistics" / f"{fingerprint}.safetensors"


def read(fingerprint: str) -> dict[str, torch.Tensor] | None:
    """A network's "CUT.mean" and "CUT.std", each (channels,) float32: this user's, else the package's, else None."""
    own = path_of(fingerprint)
    if own.exists():
        return floats(own)
    with as_file(files("regraft") / "statistics") as folder:
        shipped = folder / own.name
        return floats(shipped) if shipped.exists() else None


def floats(path: Path) -> dict[str, torch.Tensor]:
    """The file's tensors in float32; RunError where it is damaged."""
    try:
        return {name: value.float() for name, value in load_file(path).items()}
    except Exception as error:  # safetensors raises kinds of its own
        why = reason_of(error)[:100]
        raise RunError(f"the source statistics {path} are damaged: {why}; delete them, or make them anew") from None


def write(path: Path, values: Mapping[str, torch.Tensor]) -> None:
    """Write statistics."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file({name: value.float().contiguous() for name, value in values.items()}, path)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}; name another --out") from None
