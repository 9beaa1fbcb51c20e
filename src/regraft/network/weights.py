"""State dicts: read from a file without running anything in it, and fitted to a network."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from regraft.errors import BackboneError, reason_of

WRAPPERS = ("state_dict", "model", "model_state_dict")  # keys that training scripts keep a state dict under


def read_weights(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a .safetensors or .pth file; nothing in it is ever unpickled to code."""
    if not path.is_file():
        raise BackboneError(f"there is no weights file {path}; give a .safetensors or .pth state dict")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            content: Any = load_file(path)
        else:
            content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # safetensors, pickle and zip each raise their own kinds
        why = reason_of(error)[:100]
        raise BackboneError(
            f"{path} cannot be read as weights: {why}; give a .safetensors or .pth state dict"
        ) from None
    for key in WRAPPERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    tensors = isinstance(content, dict) and all(isinstance(value, torch.Tensor) for value in content.values())
    if not tensors or not all(isinstance(key, str) for key in content):
        raise BackboneError(f"{path} holds no state dict of tensors; save one with model.state_dict()")
    return {key.removeprefix("module."): value for key, value in content.items()}


def load_weights(model: nn.Module, path: Path, name: str, classifier: str | tuple[str, ...] | None) -> tuple[str, ...]:
    """Load a state dict into ``model``; a classifier of another size is left out, and said in the notes returned."""
    weights, own = read_weights(path), model.state_dict()
    classifiers = (classifier,) if isinstance(classifier, str) else classifier  # some of timm's have several
    head = tuple(one + "." for one in classifiers or (list(own)[-1].rsplit(".", 1)[0],))
    wrong = [
        key
        for key in own.keys() | weights.keys()
        if not key.startswith(head) and (key not in own or key not in weights or own[key].shape != weights[key].shape)
    ]
    wrong = [key for key in wrong if not (key.endswith("num_batches_tracked") and key not in weights)]
    if wrong:
        shown = ", ".join(sorted(wrong)[:3])
        raise BackboneError(
            f"{path} does not hold the weights of '{name}': {len(wrong)} of {len(own)} entries do not fit"
            f" (for one, {shown}); name the backbone that they belong to"
        )
    fitting = {key: value for key, value in weights.items() if key in own and own[key].shape == value.shape}
    model.load_state_dict(fitting, strict=False)
    dropped = [key for key in own if key.startswith(head) and key not in fitting]
    return (f"the classifier in {path.name} has another shape and was left out",) if dropped else ()
