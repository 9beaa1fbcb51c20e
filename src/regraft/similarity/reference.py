"""Source statistics for a network that carries none, from images that it was trained on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

from regraft.data.content import Content, OnDisk
from regraft.data.decoding import allow_pixels, decode
from regraft.data.images import ImageFile, ImageSet
from regraft.data.readers.folder import images_at
from regraft.errors import DataError
from regraft.features.features import Features, Progress, extract, silent
from regraft.network import backbone as backbones
from regraft.network import source
from regraft.network.backbone import Backbone, stages_of
from regraft.network.cuts import Traced, trace
from regraft.planning.costs import PASS_BATCH
from regraft.recipe import Recipe
from regraft.similarity import distance, rooted
from regraft.similarity.shift import moments_at, short_side

FEWEST = 50  # images that statistics may rest on


@dataclass(frozen=True)
class Shrunk:
    """An image with a short side of ``side`` pixels at most."""

    content: Content
    side: int

    def read(self) -> Image.Image:
        """Its pixels."""
        image = decode(self.content.read())
        share = self.side / min(image.size)
        if share >= 1:
            return image
        width, height = (max(1, round(side * share)) for side in image.size)
        return image.resize((width, height), Image.Resampling.BICUBIC)


def make_reference(
    recipe: Recipe, paths: Sequence[Path], out: Path | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Mean and deviation of every channel at every cut of the recipe's backbone over the images at ``paths``.

    And where these images lie, for the neighbour distance.

    The images go through the network as they are, and shrunk to each of source.levels_below. The figures are written to
    ``out``, or where plan and train look for them. Raises DataError for too few images.
    """
    allow_pixels(recipe.max_pixels)
    files = images_at(paths)
    backbone = backbones.load(recipe.backbone, recipe.weights, recipe.image_size)
    traced = trace(backbone.model, backbone.preprocessing.size, stages_of(backbone.model))
    images = ImageSet(Path(paths[0]), ("source",), tuple(ImageFile(str(file), 0, None, OnDisk(file)) for file in files))
    features = look(images, recipe, backbone, traced, progress)
    rows = np.arange(len(features.images.files))
    if len(rows) < FEWEST:
        raise DataError(f"{len(rows)} images can be read, too few for statistics; give {FEWEST} or more, better 1,000")
    side = min(short_side(features, rows), backbone.preprocessing.size)
    pixels = {source.SIDE: side, source.SIZE: backbone.preprocessing.size}
    found = moments(features, traced, None) | {name: torch.tensor(float(value)) for name, value in pixels.items()}
    single: dict[int | None, list[np.ndarray]] = {None: at_cuts(features)}
    for level in source.levels_below(side):
        smaller = replace(images, files=tuple(replace(f, content=Shrunk(f.content, level)) for f in images.files))
        seen = look(smaller, recipe, backbone, traced, progress)
        found |= moments(seen, traced, level)
        single[level] = at_cuts(seen)
    found |= distance.tensors([cut.name for cut in traced.cuts], single, found)
    path = out or source.path_of(backbone.fingerprint())
    source.write(path, found)
    return {
        "file": str(path),
        "backbone": recipe.backbone,
        "fingerprint": backbone.fingerprint(),
        "images": len(rows),
        "cuts": [cut.name for cut in traced.cuts],
        "left_out": [vars(fault) for fault in features.images.faults],
    }


def look(images: ImageSet, recipe: Recipe, backbone: Backbone, traced: Traced, progress: Progress) -> Features:
    """The features of the source images."""
    batch = recipe.batch_size or PASS_BATCH
    return extract(
        images, backbone, traced, batch_size=batch, workers=recipe.workers, device=recipe.device, progress=progress
    )


def moments(features: Features, traced: Traced, level: int | None) -> dict[str, torch.Tensor]:
    """Mean and deviation at every cut, of activations and of rooted features, by the keys of the statistics file."""
    rows = np.arange(len(features.images.files))
    found: dict[str, torch.Tensor] = {}
    for cut, pooled in zip(traced.cuts, at_cuts(features), strict=True):
        found |= rooted.moments(cut.name, pooled, level)
        for part, value in zip(("mean", "std"), moments_at(features, cut, rows), strict=True):
            found[source.name_of(cut.name, part, level)] = torch.from_numpy(value)
    return found


def at_cuts(features: Features) -> list[np.ndarray]:
    """The features of all images at every cut: (images, channels) each."""
    rows = np.arange(len(features.images.files))
    return [features.pooled([cut], rows) for cut in features.cuts]
