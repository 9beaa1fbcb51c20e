"""Augmented views of the training images, through the frozen network and into the cache."""

import hashlib

import numpy as np
import torch

from regraft.data.content import Look
from regraft.features.features import Progress, key_of
from regraft.features.store import Store, open_store
from regraft.network.cuts import Cut
from regraft.network.engine import best_engine, compile_network, device_of
from regraft.network.surgery import POOLINGS, pooled_network
from regraft.planning.costs import PASS_BATCH
from regraft.planning.prepare import Prepared
from regraft.recipe import Recipe
from regraft.training.augmentation import training_view


def view_features(
    prepared: Prepared, recipe: Recipe, cuts: list[Cut], rows: np.ndarray, progress: Progress
) -> tuple[np.ndarray, int]:
    """Features (recipe.views * rows, channels) of random views: all rows' first views, then all their second ones.

    What a view shows follows from the image's bytes, the recipe's seed and the view's number alone. Also says how
    many views went through the network in this call; the others came from the cache.
    """
    names = [f"{pool}-{cut.node}" for pool in POOLINGS[recipe.pooling] for cut in cuts]
    engine = best_engine(device_of(recipe.device))
    kind = ["views", recipe.augmentation, recipe.flip, str(recipe.seed), *names]
    store = open_store(key_of(prepared.backbone, prepared.traced, engine, kind))
    contents = [prepared.features.looks[row].content for row in rows]
    keys = [f"{content}-{view}" for view in range(recipe.views) for content in contents]
    wanted = dict(zip(keys, np.tile(rows, recipe.views).tolist(), strict=True))
    missing = {key: row for key, row in wanted.items() if key not in store.rows}
    try:
        if missing:
            run_views(prepared, recipe, cuts, names, missing, store, engine, progress)
    finally:
        store.flush()
    found = np.concatenate([store.gather(name, keys) for name in names], axis=1).astype(np.float32)
    return found, len(missing)


def run_views(
    prepared: Prepared,
    recipe: Recipe,
    cuts: list[Cut],
    names: list[str],
    missing: dict[str, int],
    store: Store,
    engine_name: str,
    progress: Progress,
) -> None:
    """Run the views named in ``missing`` (view: row) and put them into the store."""
    backbone = prepared.backbone
    network = pooled_network(backbone.model, prepared.traced, cuts, POOLINGS[recipe.pooling])
    engine = compile_network(network, backbone.preprocessing.size, device_of(recipe.device), engine_name)
    view = training_view(recipe.augmentation, backbone.preprocessing.size, recipe.flip == "yes")
    samples, keys = prepared.samples, list(missing)
    for start in range(0, len(keys), PASS_BATCH):
        batch = keys[start : start + PASS_BATCH]
        images = []
        for key in batch:
            torch.manual_seed(seed_of(key, recipe.seed))
            images.append(samples.batch([missing[key]], view))
        outputs = engine.run(torch.cat(images))
        for place, key in enumerate(batch):
            store.add(Look(key, "", 0, 0), {name: output[place] for name, output in zip(names, outputs, strict=True)})
        progress("Looking at augmented views", start + len(batch), len(keys))


def seed_of(key: str, seed: int) -> int:
    """A seed for one view."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{key}".encode(), digest_size=7).digest())
