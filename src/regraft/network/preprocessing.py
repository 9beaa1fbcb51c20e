"""How an image becomes a network's input: the backbone's own evaluation transform, as plain data."""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from PIL import Image

Transform = Callable[[Image.Image], torch.Tensor]
LONGEST = 16  # times the short side that the long one may be
SQUASH = "squash"  # timm's name for resizing both sides


@dataclass(frozen=True)
class Preprocessing:
    """Resize the short side, crop the centre square, scale to 0..1, subtract ``mean``, divide by ``std``.

    Some of timm's networks want both sides resized (``crop_mode`` squash): nothing of an image is lost then.
    """

    size: int  # pixels a side of the network's input
    crop_share: float = 0.875  # the input's share of the resized short side
    interpolation: str = "bicubic"  # bilinear, bicubic or lanczos, always antialiased
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # per channel, of pixels in 0..1
    std: tuple[float, ...] = (0.229, 0.224, 0.225)  # likewise
    crop_mode: str = "center"  # center, or squash: without keeping the sides' ratio

    def resized_to(self, size: int | None) -> "Preprocessing":
        """The same transform for inputs of ``size`` pixels (None: unchanged)."""
        return replace(self, size=size) if size else self

    def resize(self) -> Callable[[Image.Image], Image.Image]:
        """The first step: the short side, or both, to the size that the centre square is cropped from."""
        from torchvision.transforms import v2

        modes = {name: getattr(v2.InterpolationMode, name.upper()) for name in ("bilinear", "bicubic", "lanczos")}
        side = math.floor(self.size / self.crop_share)
        step = v2.Resize([side, side] if self.crop_mode == SQUASH else side, modes[self.interpolation])
        return lambda image: step(within(image))

    def transform(self) -> Transform:
        """A function from an RGB image to (3, size, size) float32."""
        from torchvision.transforms import v2

        chain: Transform = v2.Compose(
            [
                self.resize(),
                v2.CenterCrop(self.size),
                v2.PILToTensor(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize(self.mean, self.std),
            ]
        )
        return chain

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def within(image: Image.Image) -> Image.Image:
    """The middle of an image that is longer than LONGEST times its short side, which would grow out of bounds."""
    most = LONGEST * min(image.size)
    if max(image.size) <= most:
        return image
    left, top = (max(0, side - most) // 2 for side in image.size)
    return image.crop((left, top, image.width - left, image.height - top))


def from_dict(values: dict[str, Any]) -> Preprocessing:
    """Read what ``Preprocessing.as_dict`` gave, through JSON or not."""
    return Preprocessing(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})
