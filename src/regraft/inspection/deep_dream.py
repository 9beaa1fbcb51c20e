"""DeepDream: what a cut already answers to in an image, made stronger (Mordvintsev, Olah and Tyka 2015).

The gradient of the cut's mean square is followed by steps of one length, at several sizes of the image. The network
keeps its own input size: larger images are seen through tiles, a little elsewhere at each step, so that no seams stay.
"""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

from regraft.errors import BackboneError
from regraft.inspection.feature_visualisation import Target, network_up_to, standardised
from regraft.inspection.subject import Subject
from regraft.network.cuts import Cut

OCTAVES = (1.0, 1.4, 2.0)  # sides of the image, in sides of the network's input
STEPS = 10  # at each
STRIDE = 0.012  # mean change of a pixel at a step, in 0..1


@dataclass(frozen=True)
class Dream:
    """An image before and after."""

    cut: Cut
    image: np.ndarray  # (side, side, 3) uint8, side: the last octave's
    picture: np.ndarray  # likewise
    before: float  # mean square at the cut, of the image at the network's size
    after: float  # of the picture


def middle_cut(subject: Subject) -> Cut:
    """The cut with the share of the work before it that is nearest to half; of those with places, if there are any."""
    cuts = subject.spatial_cuts or subject.cuts
    if not cuts:
        raise BackboneError(f"{subject.name} has no cut to dream at; give a network with layers that can be cut")
    return min(cuts, key=lambda cut: abs(cut.share - 0.5))


def deep_dream(
    subject: Subject,
    image: Image.Image,
    cut: Cut | None = None,
    channel: int | None = None,
    steps: int = STEPS,
    stride: float = STRIDE,
    octaves: tuple[float, ...] = OCTAVES,
    seed: int = 0,
) -> Dream:
    """An RGB image, dreamt at ``cut`` (None: one in the middle), by all of it or one channel."""
    cut = cut or middle_cut(subject)
    network, target = network_up_to(subject, cut), Target(cut, channel)
    generator = torch.Generator().manual_seed(seed)
    size = subject.preprocessing.size
    change = torch.zeros(1, 3, 1, 1)
    for octave in octaves:
        side = max(size, round(octave * size))
        original = in_unit(subject.preprocessing.resized_to(side).pixels(image))
        change = functional.interpolate(change, (side, side), mode="bicubic", align_corners=False)
        for _ in range(steps):
            gradient = tiled_gradient(subject, network, target, (original + change).clamp(0, 1), generator)
            change = (original + change + stride * gradient).clamp(0, 1) - original
    with torch.no_grad():
        ends = [activation(subject, network, target, picture) for picture in (original, original + change)]
    return Dream(cut, in_levels(original), in_levels(original + change), *ends)


def tiled_gradient(
    subject: Subject, network: torch.fx.GraphModule, target: Target, picture: Tensor, generator: torch.Generator
) -> Tensor:
    """The gradient of a picture (1, 3, side, side) with a mean size of one: 0 where nothing fires."""
    side, size = picture.shape[-1], subject.preprocessing.size
    moved = tuple(int(torch.randint(side, (), generator=generator)) if side > size else 0 for _ in range(2))
    rolled = picture.roll(moved, (2, 3)).requires_grad_()
    corners = np.linspace(0, side - size, -(-side // size)).round().astype(int)
    for top in corners:
        for left in corners:
            tile = rolled[:, :, top : top + size, left : left + size]
            target.of(network(standardised(subject, tile))).sum().backward()  # type: ignore[no-untyped-call]
    if rolled.grad is None:
        return torch.zeros_like(picture)
    gradient = rolled.grad.roll((-moved[0], -moved[1]), (2, 3))
    return gradient / gradient.abs().mean().clamp(min=1e-12)


def activation(subject: Subject, network: torch.fx.GraphModule, target: Target, picture: Tensor) -> float:
    """What the network sees in a picture of any size (1, 3, side, side)."""
    size = subject.preprocessing.size
    small = functional.interpolate(picture, (size, size), mode="bilinear", antialias=True)
    return float(target.of(network(standardised(subject, small))))


def in_unit(pixels: np.ndarray) -> Tensor:
    """Pixels (side, side, 3) uint8 -> (1, 3, side, side) in 0..1."""
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None].float() / 255


def in_levels(picture: Tensor) -> np.ndarray:
    """The way back."""
    return (255 * picture[0].permute(1, 2, 0).clamp(0, 1)).round().to(torch.uint8).numpy()
