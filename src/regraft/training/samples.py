"""Training images decoded once and kept small, handed out in normalised batches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torchvision.transforms.v2.functional import pil_to_tensor

from regraft.data.decoding import Undecodable, decode_for
from regraft.data.images import ImageFile
from regraft.data.prefetch import map_ahead
from regraft.data.rendering import PLAIN, Rendering
from regraft.features.extract import gone
from regraft.network.preprocessing import LONGEST, Preprocessing
from regraft.training.augmentation import View
from regraft.training.pixel_file import PixelFile, has_room, write_pixels

MEMORY_BYTES = 1e9  # of decoded images; more lie in a file, or are decoded each time where the disk has no room
USUAL_ASPECT = 1.4  # a photograph's long side over its short one


@dataclass(frozen=True)
class Samples:
    """Images (3, height, width) uint8 whose short side is the resized one of ``preprocessing``."""

    images: Sequence[torch.Tensor]
    labels: torch.Tensor  # (images,) int64
    preprocessing: Preprocessing

    def batch(self, rows: Sequence[int], view: View) -> torch.Tensor:
        """Views of ``rows``: (rows, 3, size, size) float32, normalised, channels last in memory."""
        return self.normalised([view(self.images[row]) for row in rows])

    def normalised(self, views: Sequence[torch.Tensor]) -> torch.Tensor:
        """Views (3, size, size) uint8 as such a batch."""
        pixels = torch.stack(tuple(views)).float().div_(255)
        mean, std = (torch.tensor(v).view(1, -1, 1, 1) for v in (self.preprocessing.mean, self.preprocessing.std))
        return ((pixels - mean) / std).contiguous(memory_format=torch.channels_last)

    def shape(self, row: int) -> torch.Size:
        """Of one image, which is decoded for that only where nothing else tells."""
        images = self.images
        if isinstance(images, PixelFile):
            return images.shape(row)
        return images.shape(row, self.preprocessing) if isinstance(images, OnDemand) else images[row].shape


def read_samples(
    files: Sequence[ImageFile],
    labels: torch.Tensor,
    preprocessing: Preprocessing,
    workers: int,
    rendering: Rendering = PLAIN,
    sides: Sequence[tuple[int, int]] = (),
) -> Samples:
    """Decode the images and resize their short side; DataError where one is gone, or is another by now.

    ``sides``: width and height of each, where they are known.
    """

    def read(file: ImageFile) -> torch.Tensor:
        try:
            decoded = decode_for(file.content.read(), preprocessing.side, None, rendering)
        except Undecodable as error:
            raise gone(file, error) from None
        image: torch.Tensor = pil_to_tensor(preprocessing.resize(decoded.image, decoded.original))
        return image

    size = len(files) * 3 * preprocessing.side**2 * USUAL_ASPECT
    images: Sequence[torch.Tensor]
    if size > MEMORY_BYTES and not has_room(size):
        images = OnDemand(files, read, sides)
    else:
        decoded = (image for _, image in map_ahead(read, files, workers))
        images = tuple(decoded) if size <= MEMORY_BYTES else write_pixels(decoded)
    return Samples(images, labels, preprocessing)


@dataclass(frozen=True)
class OnDemand(Sequence[torch.Tensor]):
    """Images that are too many for memory and disk, decoded each time they are asked for."""

    files: Sequence[ImageFile]
    read: Callable[[ImageFile], torch.Tensor]
    sides: Sequence[tuple[int, int]] = ()  # width and height of each, where they are known

    def __getitem__(self, row: Any) -> Any:
        """Decode one image."""
        return self.read(self.files[row])

    def __len__(self) -> int:
        """Count the images."""
        return len(self.files)

    def shape(self, row: int, preprocessing: Preprocessing) -> torch.Size:
        """Of one image, resized; those that are so long that their middle alone is taken are decoded."""
        if not self.sides or max(self.sides[row]) > LONGEST * min(self.sides[row]):
            return torch.Size(self[row].shape)
        width, height = preprocessing.resized(*self.sides[row])
        return torch.Size((3, height, width))


def batches(rows: np.ndarray, size: int) -> Iterator[np.ndarray]:
    """Consecutive parts of ``rows``."""
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
