"""Training images decoded once and kept small in memory, handed out in normalised batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

import torch
from torchvision.transforms import v2

from regraft.augmentation import View
from regraft.content import Content
from regraft.decoding import decode
from regraft.preprocessing import Preprocessing
from regraft.stream import map_ahead

MEMORY_BYTES = 6e9  # of decoded images; more are decoded each time
USUAL_ASPECT = 1.4  # a photograph's long side over its short one


@dataclass(frozen=True)
class Samples:
    """Images (3, height, width) uint8 whose short side is the resized one of ``preprocessing``."""

    images: Sequence[torch.Tensor]
    labels: torch.Tensor  # (images,) int64
    preprocessing: Preprocessing

    def batch(self, rows: Sequence[int], view: View) -> torch.Tensor:
        """Views of ``rows``: (rows, 3, size, size) float32, normalised, channels last in memory."""
        pixels = torch.stack([view(self.images[row]) for row in rows]).float().div_(255)
        mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (self.preprocessing.mean, self.preprocessing.std))
        return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)


def read_samples(
    contents: Sequence[Content], labels: torch.Tensor, preprocessing: Preprocessing, workers: int
) -> Samples:
    """Decode the images, which are known to be readable, and resize their short side."""
    resize = v2.Compose([preprocessing.resize(), v2.PILToTensor()])

    def read(content: Content) -> torch.Tensor:
        image: torch.Tensor = resize(decode(content.read()))
        return image

    side = floor(preprocessing.size / preprocessing.crop_share)
    if len(contents) * 3 * side * side * USUAL_ASPECT > MEMORY_BYTES:
        return Samples(OnDemand(contents, read), labels, preprocessing)
    return Samples(tuple(image for _, image in map_ahead(read, contents, workers)), labels, preprocessing)


@dataclass(frozen=True)
class OnDemand(Sequence[torch.Tensor]):
    """Images that are too many for memory, decoded each time they are asked for."""

    contents: Sequence[Content]
    read: Callable[[Content], torch.Tensor]

    def __getitem__(self, row: Any) -> Any:
        """Decode one image."""
        return self.read(self.contents[row])

    def __len__(self) -> int:
        """Count the images."""
        return len(self.contents)
