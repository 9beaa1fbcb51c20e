"""The short list of architectures that every contract is tested on."""

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


def backbone_of(name: str, size: int = 64) -> Backbone:
    """One of them with random weights, the same each time."""
    torch.manual_seed(0)
    library, _, short = name.rpartition("/")
    architecture = Architecture(library or "timm", short)
    model = architecture.build()
    return Backbone(name, architecture, lambda: model, Preprocessing(size))
