"""Whether a map earns its place: what it marks is taken out, and what it does not mark.

Deletion and insertion (Petsiuk et al. 2018, arXiv 1806.07421), both orders of removal, by two kinds of removal, against
maps that know nothing of where the reason lies.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from regraft.inspection.answers import probabilities
from regraft.inspection.controls import on_cells
from regraft.inspection.imputation import REMOVALS, removed
from regraft.inspection.subject import Subject

STEPS = 10  # of a curve
MARGIN = 0.01  # of the area: one percentage point of probability, on the average over the curve


@dataclass(frozen=True)
class Faithfulness:
    """The curves of maps and of their controls: the class's probability while more and more is taken out."""

    labels: np.ndarray  # (images,) int64: the classes that were explained
    controls: tuple[str, ...]  # what the maps are compared with
    removals: tuple[str, ...]  # how it is taken out
    shares: np.ndarray  # (steps + 1,) of the image that are gone, from 0 to 1
    most_first: np.ndarray  # (images, removals, 1 + controls, steps + 1): what the map marks goes first: deletion
    least_first: np.ndarray  # likewise, that goes last: insertion, read from right to left

    @property
    def areas(self) -> np.ndarray:
        """Between the two curves: (images, removals, 1 + controls); the larger, the better the map."""
        return np.asarray(np.trapezoid(self.least_first - self.most_first, self.shares, axis=-1))

    @property
    def beats(self) -> np.ndarray:
        """Whether the map's area is larger than a control's by MARGIN: (images, removals, controls) bool."""
        areas = self.areas
        return np.asarray(areas[:, :, :1] - areas[:, :, 1:] >= MARGIN)

    def unbeaten(self, image: int) -> tuple[str, ...]:
        """The controls that the map of an image does not beat by each kind of removal.

        By each, since a map that wins by one alone may owe it to the traces which that removal leaves.
        """
        beaten = self.beats[image].all(axis=0)
        return tuple(name for name, won in zip(self.controls, beaten, strict=True) if not won)

    def verdict(self, image: int) -> str | None:
        """What to say across the map of an image; None where it beats every control."""
        unbeaten = self.unbeaten(image)
        return f"This map does no better than {unbeaten[0]}: do not read it as the reason." if unbeaten else None


def faithfulness(
    subject: Subject,
    pixels: np.ndarray,
    labels: np.ndarray,
    maps: np.ndarray,
    controls: Mapping[str, np.ndarray],
    removals: tuple[str, ...] = REMOVALS,
    steps: int = STEPS,
    seed: int = 0,
) -> Faithfulness:
    """Take images apart in the order of their maps and of each control's.

    ``pixels``: (images, size, size, 3) uint8. ``maps``: (images, height, width), of any size, as ``attribution`` gives
    them; ``controls``: as ``controls_of`` gives them.
    """
    every = np.stack([on_cells(values, len(pixels[0])) for values in (maps, *controls.values())], axis=1)
    curves = [
        [curves_of(subject, *one, removal, steps, np.random.default_rng([seed, place])) for removal in removals]
        for place, one in enumerate(zip(pixels, labels, every, strict=True))
    ]
    most, least = np.moveaxis(np.array(curves, dtype=np.float32), 2, 0)
    return Faithfulness(np.asarray(labels), tuple(controls), removals, np.linspace(0, 1, steps + 1), most, least)


def curves_of(
    subject: Subject,
    pixels: np.ndarray,
    label: int,
    maps: np.ndarray,
    removal: str,
    steps: int,
    draw: np.random.Generator,
) -> np.ndarray:
    """Of one image and its maps (maps, cells, cells): the two curves of each, (2, maps, steps + 1)."""
    ranks = np.stack([ranks_of(values, draw) for values in maps])  # 0: what is marked most
    counts = np.arange(1, steps) * ranks[0].size // steps
    most = ranks[:, None] < counts[:, None, None]
    least = ranks[:, None] >= ranks[0].size - counts[:, None, None]
    gone = np.stack([most, least]).reshape(-1, *ranks[0].shape)
    ends = np.stack([np.zeros_like(gone[0]), np.ones_like(gone[0])])
    answers = probabilities(subject, removed(pixels, np.concatenate([ends, gone]), removal, draw))[:, label]
    curves = np.empty((2, len(maps), steps + 1))
    curves[..., 0], curves[..., -1] = answers[:2]
    curves[..., 1:-1] = answers[2:].reshape(2, len(maps), steps - 1)
    return curves


def ranks_of(values: np.ndarray, draw: np.random.Generator) -> np.ndarray:
    """The place of each cell (cells, cells) in the order from the largest value on; ties fall by patches, at random."""
    patches = on_cells(draw.random((1, 7, 7)), len(values))[0]
    order = np.lexsort((patches.ravel(), -values.ravel()))
    ranks = np.empty(values.size, dtype=np.int64)
    ranks[order] = np.arange(values.size)
    return ranks.reshape(values.shape)
