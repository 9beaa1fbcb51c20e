"""How an image becomes a network's input: the backbone's own evaluation transform, as plain data.

The result is that of torchvision's Resize and CenterCrop, in one step: hardly an 8-bit pixel differs by more than a
level, but where a filter overshoots black or white, or the decoder shrank the image. Scaling and normalisation are
the engine's.
"""

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from regraft.strict_json import Malformed, build

if TYPE_CHECKING:
    import torch

RESAMPLING = {name: Image.Resampling[name.upper()] for name in ("bilinear", "bicubic", "lanczos")}  # antialiased
LONGEST = 16  # times the short side that the long one may be
LARGEST = 8192  # pixels a side of a network's input
SMALLEST_SHARE = 0.1  # of the resized short side
SQUASH = "squash"  # timm's name for resizing both sides


@dataclass(frozen=True)
class Preprocessing:
    """Resize the short side, crop the centre square, scale to 0..1, subtract ``mean``, divide by ``std``.

    Some of timm's networks want both sides resized (``crop_mode`` squash): nothing of an image is lost then.
    """

    size: int  # pixels a side of the network's input
    crop_share: float = 0.875  # the input's share of the resized short side
    interpolation: str = "bicubic"  # a name in RESAMPLING
    mean: tuple[float, ...] = (0.485, 0.456, 0.406)  # per channel, of pixels in 0..1
    std: tuple[float, ...] = (0.229, 0.224, 0.225)  # likewise
    crop_mode: str = "center"  # center, or squash: without keeping the sides' ratio

    def resized_to(self, size: int | None) -> "Preprocessing":
        """The same transform for inputs of ``size`` pixels (None: unchanged)."""
        return replace(self, size=size) if size else self

    @property
    def side(self) -> int:
        """The short side, in pixels, that images are resized to."""
        return math.floor(self.size / self.crop_share)

    def resized(self, width: int, height: int) -> tuple[int, int]:
        """Width and height of an image after the first step."""
        if self.crop_mode == SQUASH:
            return self.side, self.side
        short = min(width, height)
        return self.side * width // short, self.side * height // short

    def resize(self, image: Image.Image, original: tuple[int, int] | None = None) -> Image.Image:
        """The first step alone: an RGB image at the size that the centre square is cropped from.

        ``original``: as ``pixels`` takes it.
        """
        image, (width, height) = within(image, original or image.size)
        times = round(width / image.width)
        box = (0, 0, min(image.width, width / times), min(image.height, height / times))
        return image.resize(self.resized(width, height), RESAMPLING[self.interpolation], box)

    def pixels(self, image: Image.Image, original: tuple[int, int] | None = None) -> np.ndarray:
        """An RGB image -> (size, size, 3) uint8, resized and cropped at once.

        ``original``: width and height before the decoder shrank the image a whole number of times.
        """
        image, (width, height) = within(image, original or image.size)
        times, (wide, high) = round(width / image.width), self.resized(width, height)
        left, top = round((wide - self.size) / 2), round((high - self.size) / 2)
        x, y = width / wide / times, height / high / times  # pixels of the image to one of the input
        box = (left * x, top * y, (left + self.size) * x, (top + self.size) * y)
        inside = (max(0, box[0]), max(0, box[1]), min(image.width, box[2]), min(image.height, box[3]))
        return np.asarray(image.resize((self.size, self.size), RESAMPLING[self.interpolation], inside))

    def normalise(self, pixels: "torch.Tensor") -> "torch.Tensor":
        """Pixels (images, size, size, 3) uint8 -> a network's input (images, 3, size, size) float32."""
        import torch

        mean, std = (torch.tensor(v, device=pixels.device) for v in (self.mean, self.std))
        return ((pixels.float() / 255 - mean) / std).permute(0, 3, 1, 2)

    def transform(self) -> "Callable[[Image.Image], torch.Tensor]":
        """A function from an RGB image to (3, size, size) float32."""
        import torch

        return lambda image: self.normalise(torch.from_numpy(self.pixels(image).copy())[None])[0]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def within(image: Image.Image, original: tuple[int, int]) -> tuple[Image.Image, tuple[int, int]]:
    """The middle of an image that is longer than LONGEST times its short side, which would grow out of bounds.

    And its size before the decoder shrank it; ``original`` is that of the whole image.
    """
    most = LONGEST * min(image.size)
    if max(image.size) <= most:
        return image, original
    left, top = (max(0, side - most) // 2 for side in image.size)
    middle = image.crop((left, top, image.width - left, image.height - top))
    times = round(original[0] / image.width)
    return middle, (middle.width * times, middle.height * times)


def from_dict(values: Any) -> Preprocessing:
    """Read what ``Preprocessing.as_dict`` gave, through JSON or not; Malformed where it is no such thing."""
    read = build(Preprocessing, values, "preprocessing")
    check_preprocessing(read)
    return read


def check_preprocessing(read: Preprocessing) -> None:
    """Raise Malformed where something in it cannot be."""
    plausible = (
        0 < read.size <= LARGEST
        and SMALLEST_SHARE <= read.crop_share <= 1 / SMALLEST_SHARE
        and read.interpolation in RESAMPLING
        and read.crop_mode in {"center", SQUASH}
        and len(read.mean) == len(read.std) == len("RGB")
        and min(read.std) > 0
    )
    if not plausible:
        raise Malformed(f"the preprocessing cannot be: {read.as_dict()}"[:200])
