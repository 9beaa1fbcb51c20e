"""Which of the user's images excite each channel and each class most, and how much: one pass, bounded memory."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from regraft.data.images import ImageFile
from regraft.errors import DataError
from regraft.inspection.pictures import in_batches, pictures
from regraft.inspection.subject import Subject, maps_of
from regraft.network.cuts import Cut

SAMPLE = 128  # images whose pixels are kept for their statistics


@dataclass(frozen=True)
class Best:
    """The largest values at one place, over all images."""

    peaks: np.ndarray  # (units,) a channel's value at one place, or a class's logit
    rows: np.ndarray  # (units,) the image, among the files that were asked for
    means: np.ndarray  # (units,) the largest mean over places; of classes again the logit

    def fires(self) -> np.ndarray:
        """(units,) whether any image gave it a value other than zero."""
        return np.asarray(self.peaks != 0)


@dataclass(frozen=True)
class BestImages:
    """What the images do to a network."""

    cuts: dict[str, Best]  # by the cut's name
    classes: Best
    sample: np.ndarray  # (at most SAMPLE, size, size, 3) uint8, the first ones
    images: int  # that could be read


def best_images(subject: Subject, cuts: Sequence[Cut], files: Iterable[ImageFile]) -> BestImages:
    """The images that excite most at ``cuts``. DataError where none can be read."""
    network = subject.tapped(cuts)
    running: list[Best] | None = None
    sample: list[np.ndarray] = []
    images = 0
    for group, pixels in in_batches(pictures(subject, files)):
        sample += list(pixels[: SAMPLE - len(sample)])
        rows = np.array([one.row for one in group])
        with torch.no_grad():
            *values, logits = network(subject.input_of(pixels))
        maps = [maps_of(value, cut) for value, cut in zip(values, cuts, strict=True)]
        batch = [best_of(value, rows) for value in (*maps, logits[:, :, None, None])]
        running = [better(*pair) for pair in zip(running, batch, strict=True)] if running else batch
        images += len(group)
    if running is None:
        raise DataError("none of the images can be read, so none can be compared; bring images that open in a viewer")
    *at_cuts, classes = running
    names = [cut.name for cut in cuts]
    return BestImages(dict(zip(names, at_cuts, strict=True)), classes, np.stack(sample), images)


def best_of(maps: torch.Tensor, rows: np.ndarray) -> Best:
    """Of a batch (images, units, height, width)."""
    peaks, places = maps.amax(dim=(2, 3)).max(dim=0)
    means = maps.mean(dim=(2, 3)).amax(dim=0)
    return Best(peaks.numpy(), rows[places.numpy()], means.numpy())


def better(one: Best, other: Best) -> Best:
    """The larger of two, unit by unit; the earlier image where they are equal."""
    larger = other.peaks > one.peaks
    return Best(
        np.where(larger, other.peaks, one.peaks),
        np.where(larger, other.rows, one.rows),
        np.maximum(one.means, other.means),
    )
