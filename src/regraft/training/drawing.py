"""The random numbers that a view draws for an image, drawn without making it.

Views are drawn one after another from one generator. So a rank that makes a part of a batch draws for the images
before and behind it as well, and its own come out as if one process had made them all.
"""

import copy
from typing import Any

import torch
from torchvision.transforms import v2

from regraft.training.augmentation import View


def drawing_of(view: View, size: int) -> View:
    """A view that draws as ``view`` does, which has so many pixels a side, and gives an image without pixels."""
    twin = copy.deepcopy(view)
    blank = torch.empty((3, size, size), dtype=torch.uint8, device="meta")
    for step in getattr(twin, "transforms", [twin]):
        if isinstance(step, v2.RandAugment):
            vars(step)["_apply_image_or_video_transform"] = unchanged
        else:
            resizes = isinstance(step, v2.RandomResizedCrop | v2.CenterCrop)
            vars(step)["transform"] = (lambda _image, _params: blank) if resizes else unchanged
    return twin


def unchanged(image: torch.Tensor, *_: Any, **__: Any) -> torch.Tensor:
    """The image as it is."""
    return image
