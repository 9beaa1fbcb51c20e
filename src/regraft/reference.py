"""Source statistics for a network that carries none, from images that it was trained on."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from regraft import backbone as backbones
from regraft import source
from regraft.backbone import stages_of
from regraft.content import OnDisk
from regraft.cuts import trace
from regraft.decoding import allow_pixels
from regraft.errors import DataError
from regraft.features import Progress, extract, silent
from regraft.folders import images_at
from regraft.images import ImageFile, ImageSet
from regraft.outlook import PASS_BATCH
from regraft.recipe import Recipe
from regraft.shift import moments_at

FEWEST = 50  # images that statistics may rest on


def make_reference(
    recipe: Recipe, paths: Sequence[Path], out: Path | None = None, progress: Progress = silent
) -> dict[str, Any]:
    """Mean and deviation of every channel at every cut of the recipe's backbone over the images at ``paths``.

    They are written to ``out``, or where plan and train look for them. Raises DataError for too few images.
    """
    allow_pixels(recipe.max_pixels)
    files = images_at(paths)
    backbone = backbones.load(recipe.backbone, recipe.weights, recipe.image_size)
    traced = trace(backbone.model, backbone.preprocessing.size, stages_of(backbone.model))
    images = ImageSet(Path(paths[0]), ("source",), tuple(ImageFile(str(file), 0, None, OnDisk(file)) for file in files))
    batch = recipe.batch_size or PASS_BATCH
    features = extract(
        images, backbone, traced, batch_size=batch, workers=recipe.workers, device=recipe.device, progress=progress
    )
    rows = np.arange(len(features.images.files))
    if len(rows) < FEWEST:
        raise DataError(f"{len(rows)} images can be read, too few for statistics; give {FEWEST} or more, better 1,000")
    found: dict[str, torch.Tensor] = {}
    for cut in traced.cuts:
        mean, std = moments_at(features, cut, rows)
        found |= {f"{cut.name}.mean": torch.from_numpy(mean), f"{cut.name}.std": torch.from_numpy(std)}
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
