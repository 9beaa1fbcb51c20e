"""Augmented views of the training images, through the frozen network and into the store."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch

from regraft.data.identity import Look
from regraft.features.frozen_pass import FrozenPass, Read, Wanted
from regraft.network.backbone import Backbone
from regraft.network.cuts import POOLINGS, Cut
from regraft.progress import Progress
from regraft.recipe import Recipe
from regraft.training.augmentation import training_view
from regraft.training.examples import Examples


def features_of_views(
    backbone: Backbone, examples: Examples, recipe: Recipe, cuts: Sequence[Cut], rows: np.ndarray, progress: Progress
) -> tuple[np.ndarray, int]:
    """Features (views * rows, channels) of random views: all rows' first views, then all their second ones.

    What a view shows follows from the image's bytes, the recipe's seed and the view's number alone. Also says how
    many views went through the network in this call; the others came from the store.
    """
    augmentation, views = recipe.augmentation, recipe.head.views
    rendered = examples.features.images.rendering.key
    kind = ["views", augmentation.preset, augmentation.flip, str(recipe.seed), *rendered]
    frozen = FrozenPass(backbone, Wanted(tuple(cuts), POOLINGS[recipe.head.pooling]), recipe.network.device, kind)
    contents = list(examples.features.looks.contents.take(rows))
    keys = [f"{content}-{view}" for view in range(views) for content in contents]
    row_of = dict(zip(keys, np.tile(rows, views).tolist(), strict=True))

    def fill() -> None:
        missing = {key: row for key, row in row_of.items() if key not in frozen.store.rows}
        for done, _ in enumerate(frozen.through(draw_views(missing, examples, recipe)), 1):
            progress("Looking at augmented views", done, len(missing), "views")

    fill()
    frozen.forget_engine()
    frozen.store.again = fill
    arrays = [frozen.store.gather(name, keys) for name in frozen.wanted.names]
    return np.concatenate(arrays, axis=1).astype(np.float32), frozen.passed


def draw_views(missing: Mapping[str, int], examples: Examples, recipe: Recipe) -> Iterator[Read]:
    """A random view for each key, of the image in its row."""
    size = examples.preprocessing.size
    view = training_view(recipe.augmentation.preset, size, recipe.augmentation.flip == "yes")
    for key, row in missing.items():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed_of(key, recipe.seed))
            pixels = view(examples.samples.images[row]).permute(1, 2, 0).contiguous().numpy()
        yield Read(key, Look(key, "", 0, 0), pixels)


def seed_of(key: str, seed: int) -> int:
    """A seed for one view."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{key}".encode(), digest_size=7).digest())
