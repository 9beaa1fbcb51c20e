"""The short list of architectures that every contract is tested on."""

from typing import Any

import timm
import torch

from regraft.network.backbone import Backbone
from regraft.network.description import Architecture
from regraft.network.preprocessing import Preprocessing

CONTRACT = [
    "resnet18",
    "vgg11",
    "torchvision/squeezenet1_1",
    "densenet121",
    "mobilenetv3_small_100",
    "efficientnet_b0",
    "convnext_atto",
    "regnetx_002",
]
SLIM: dict[str, dict[str, Any]] = {"vgg11": {"mlp_ratio": 1 / 64}}  # a tenth of its 133 million parameters remain


def backbone_of(name: str, size: int = 64, slim: bool = False) -> Backbone:
    """One of them with random weights, the same each time.

    ``slim``: with the same layers, but narrow ones where they are huge; it cannot be saved, since files name no width.
    """
    torch.manual_seed(0)
    library, _, short = name.rpartition("/")
    architecture = Architecture(library or "timm", short)
    model = timm.create_model(short, **SLIM[name]) if slim and name in SLIM else architecture.build()
    return Backbone(name, architecture, lambda: model, Preprocessing(size))
