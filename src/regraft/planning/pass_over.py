"""The frozen pass over all images or one part of them.

The parts of one number are made of the sorted names: the same part is the same images wherever it is computed. What is
finished lies in the cache, shard by shard, and is never computed again.
"""

import re
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regraft.data.find import Data
from regraft.data.images import ImageSet
from regraft.data.pixel_range import Unmeasured
from regraft.errors import DataError, RecipeError
from regraft.features.extract import go_through
from regraft.planning.prepare import Found, at_few_cuts, found_for, sampled_of
from regraft.progress import Progress
from regraft.progress.pace import time_in_words
from regraft.recipe import EMBEDDED, Recipe
from regraft.visible import Shown

WRITTEN = re.compile(r"(\d{1,9})/(\d{1,9})")


@dataclass(frozen=True)
class Part:
    """Which share of the images."""

    number: int  # from 1
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def rows(self, images: ImageSet) -> np.ndarray:
        """Its images: a run of the sorted names, which mostly lie in the same archives."""
        order = images.files.names.order()
        return np.sort(np.array_split(order, self.of)[self.number - 1])


def part_from(text: str) -> Part:
    """The part that a text as 3/64 names; RecipeError for any other."""
    found = WRITTEN.fullmatch(text.strip())
    part = Part(int(found[1]), int(found[2])) if found else None
    if part is None or not 1 <= part.number <= part.of:
        raise RecipeError(f"the part '{text[:40]}' is none; write 3/64 for the third of sixty-four, from 1/64 to 64/64")
    return part


@dataclass(frozen=True, repr=False)
class Computed(Shown):
    """What a pass did."""

    part: str | None
    images: int  # of the part
    all_images: int
    passed: int  # images that went through the network
    unreadable: int
    seconds: float
    backbone: str
    image_size: int
    cache: Path  # the folder that has the features
    sampled: int = 0  # images of a large set's sample that went through first

    def in_lines(self) -> Iterator[str]:
        """How far it is, and what finds it."""
        what = f"part {self.part}: {self.images:,} of {self.all_images:,} images" if self.part else "all images"
        rate = f", {self.passed / self.seconds:.0f} a second" if self.passed and self.seconds else ""
        took = f"{self.passed:,} went through the network in {time_in_words(self.seconds)}{rate}"
        yield f"Features of {what} are in the cache. {took}."
        if self.sampled:
            yield f"{self.sampled:,} went through first: a sample, which says at which cuts features are needed."
        known = self.images - self.passed - self.unreadable
        if known:
            yield f"{known:,} were there before, or are copies of others."
        if self.unreadable:
            yield f"{self.unreadable:,} cannot be read; `regraft scan` lists them."
        yield f"{self.backbone} at {self.image_size} pixels, kept in {self.cache}."

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {"cache": str(self.cache)}


def found_for_pass(data: Data, recipe: Recipe, progress: Progress, parted: bool) -> Found:
    """The images, the network and the cuts: those that ``train`` will ask for, which a sample tells of a large set.

    RecipeError where they are ``parted`` over machines that could decide differently.
    """
    found, asked = found_for(data, recipe, progress=progress), recipe.network
    if parted and asked.backbone == EMBEDDED and asked.image_size is None:
        size = found.backbone.preprocessing.size
        raise RecipeError(
            f"parts need an image size that does not depend on the machine; here it would be {size}: give"
            f" --image-size {size}, with train too"
        )
    sampled = sampled_of(found, progress)
    return at_few_cuts(found, sampled, progress) if sampled else found


def computed(found: Found, part: Part | None, progress: Progress) -> Computed:
    """The pass over the images of ``part``, or over all."""
    started = time.perf_counter()
    rows = part.rows(found.images) if part else np.arange(len(found.images.files))
    if not len(rows):
        raise DataError(f"part {part} has no image: there are {len(found.images.files)}; make fewer parts")
    images, judged = found.images.of(rows), set(found.judged.tolist())
    beside = [place for place, row in enumerate(rows.tolist()) if row in judged]
    try:
        gone = go_through(
            images, found.backbone, found.wanted, found.recipe, progress, found.judge, beside, True, found.known
        )
    except Unmeasured:
        raise DataError(
            "some images have more than 8 bits and were met in the pass only; measure all of them with `regraft scan`"
            " and give their --range"
        ) from None
    unreadable = sum(content in gone.broken for content in gone.contents)
    return Computed(
        str(part) if part else None,
        len(rows),
        len(found.images.files),
        gone.frozen.passed,
        unreadable,
        time.perf_counter() - started,
        found.backbone.name,
        found.backbone.preprocessing.size,
        gone.frozen.store.folder,
        found.known.passed if found.known else 0,
    )
