"""Random views of a training image, by preset.

A view is made from a decoded image, (3, height, width) uint8, and has the network's size.
"""

from collections.abc import Callable

import torch
from torchvision.transforms import v2

View = Callable[[torch.Tensor], torch.Tensor]
Mix = Callable[[torch.Tensor, torch.Tensor], tuple[torch.Tensor, torch.Tensor]]
PRESETS = ("none", "light", "medium", "strong")  # each adds to the one before
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


def mixing(name: str, classes: int) -> Mix | None:
    """Mix the images of a batch and their labels, which become shares (images, classes).

    ``name``: none, mixup (Zhang et al., 2018), cutmix (Yun et al., 2019), or both, one or the other for each batch.
    """
    if name == "none":
        return None
    mixup, cutmix = v2.MixUp(alpha=0.2, num_classes=classes), v2.CutMix(alpha=1.0, num_classes=classes)
    chosen: Mix = {"mixup": mixup, "cutmix": cutmix, "both": v2.RandomChoice([mixup, cutmix])}[name]
    return chosen
