"""Random views of a training image, by preset.

A view is made from a decoded image, (3, height, width) uint8, and has the network's size.
"""

from collections.abc import Callable

import torch
from torchvision.transforms import v2

View = Callable[[torch.Tensor], torch.Tensor]
SMALLEST_CROP = {"light": 0.5, "medium": 0.35, "strong": 0.25}  # share of the image's area that a crop keeps at least


def training_view(preset: str, size: int, flip: bool) -> View:
    """The random transform of ``preset``: none, light, medium or strong; each adds to the one before.

    none crops the centre; light crops and flips; medium changes colours too; strong adds RandAugment
    (Cubuk et al., 2020) and random erasing (Zhong et al., 2020). ``flip`` False is for labels that a
    mirror image would change.
    """
    if preset == "none":
        return centre_view(size)
    steps: list[torch.nn.Module] = [v2.RandomResizedCrop(size, scale=(SMALLEST_CROP[preset], 1.0), antialias=True)]
    if flip:
        steps.append(v2.RandomHorizontalFlip())
    if preset in {"medium", "strong"}:
        steps.append(v2.ColorJitter(0.2, 0.2, 0.2))
    if preset == "strong":
        steps += [v2.RandAugment(num_ops=2, magnitude=7), v2.RandomErasing(p=0.25, value=127)]
    chain: View = v2.Compose(steps)
    return chain


def centre_view(size: int) -> View:
    """The centre square, for validation."""
    crop: View = v2.CenterCrop(size)
    return crop
