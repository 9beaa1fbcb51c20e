"""Source statistics for a network whose source is no photographs, from images that it was trained on."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from regraft.data.content import Content, OnDisk
from regraft.data.decoding import decode
from regraft.data.image_files import Files
from regraft.data.images import Fault, ImageFile, ImageSet
from regraft.data.pixel_range import measured
from regraft.data.readers.folder import images_at
from regraft.data.rendering import PLAIN, Rendering
from regraft.errors import DataError
from regraft.features.extract import extract
from regraft.features.features import Features
from regraft.features.frozen_pass import wanted_of
from regraft.network.backbone import Backbone
from regraft.network.load import load
from regraft.progress import Progress
from regraft.progress.shown import ShowProgress, shown
from regraft.recipe import Recipe
from regraft.similarity.shift import moments_at
from regraft.similarity.statistics import Level, Moments, Statistics, levels_below, path_of
from regraft.visible import Shown

FEWEST = 50  # images that statistics may rest on


@dataclass(frozen=True)
class Shrunk:
    """An image with a short side of ``side`` pixels at most."""

    content: Content
    side: int
    rendering: Rendering = PLAIN

    def read(self) -> Image.Image:
        """Its pixels."""
        image = decode(self.content.read(), None, self.rendering)
        share = self.side / min(image.size)
        if share >= 1:
            return image
        width, height = (max(1, round(side * share)) for side in image.size)
        return image.resize((width, height), Image.Resampling.BICUBIC)


@dataclass(frozen=True, repr=False)
class Reference(Shown):
    """Source statistics that were made, and of what."""

    file: Path
    backbone: str
    fingerprint: str  # of the network's weights
    images: int
    cuts: tuple[str, ...]
    left_out: tuple[Fault, ...]

    def in_lines(self) -> Iterator[str]:
        """What was made, and of what."""
        yield f"Source statistics of {self.backbone} from {self.images:,} images at {len(self.cuts)} cuts"
        yield str(self.file)

    def as_dict(self) -> dict[str, Any]:
        """What ``reference --json`` prints."""
        return asdict(self) | {"file": str(self.file), "cuts": list(self.cuts)}


def reference(
    backbone: str,
    images: Sequence[str | PathLike[str]],
    out: str | PathLike[str] | None = None,
    recipe: Recipe = Recipe(),
    progress: ShowProgress = True,
    **settings: Any,
) -> Reference:
    """Mean and deviation of every channel at every cut of ``backbone`` over ``images``: files, or folders of them.

    The images go through the network as they are, and shrunk to each of levels_below. The figures are written to
    ``out``, or where plan and train look for them. ``recipe``: its weights, image size, batch size, workers, device
    and largest image are used. Raises DataError for too few images.
    ``settings``: of the recipe, by their names.
    """
    recipe = recipe.but(**settings) if settings else recipe
    named = recipe.network
    network = load(backbone, named.weights, named.image_size, named.weights_key)
    paths = [Path(path) for path in images]
    listed = Files.of(ImageFile(str(file), 0, None, OnDisk(file)) for file in images_at(paths))
    source = measured(ImageSet(paths[0], ("source",), listed), recipe.reading, recipe.network.workers)
    with shown(progress) as shows:
        features = look(source, recipe, network, shows)
        rows = np.arange(len(features.images.files))
        if len(rows) < FEWEST:
            raise DataError(
                f"{len(rows)} images can be read, too few for statistics; give {FEWEST} or more, better 1,000"
            )
        side = min(features.short_side(rows), network.preprocessing.size)
        by_place = moments_of(features, None)
        for level in levels_below(side):
            smaller = Files.of(
                replace(file, content=Shrunk(file.content, level, source.rendering)) for file in features.images.files
            )
            by_place |= moments_of(look(replace(source, files=smaller), recipe, network, shows), level)
    path = Path(out) if out is not None else path_of(network.fingerprint)
    Statistics(by_place, side, network.preprocessing.size).write(path)
    cuts = tuple(cut.name for cut in features.cuts)
    return Reference(path, backbone, network.fingerprint, len(rows), cuts, features.images.faults)


def look(images: ImageSet, recipe: Recipe, backbone: Backbone, progress: Progress) -> Features:
    """The features of the source images, with mean squares."""
    return extract(images, backbone, wanted_of(backbone, spread=True), recipe, progress)


def moments_of(features: Features, level: Level) -> dict[tuple[str, Level], Moments]:
    """Mean and deviation of activations at every cut."""
    rows = np.arange(len(features.images.files))
    return {(cut.name, level): moments_at(features, cut, rows) for cut in features.cuts}
