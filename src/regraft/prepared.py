"""Before anything is trained: look at every image once, measure, split, plan."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from regraft import backbone as backbones
from regraft.backbone import Backbone, stages_of
from regraft.cuts import Traced, trace
from regraft.errors import BackboneError
from regraft.features import Features, Progress, extract, silent
from regraft.graft import stages_between
from regraft.images import ImageSet, find_images
from regraft.outlook import Network, outlook
from regraft.plan import Plan, make_plan, size_of
from regraft.recipe import Recipe
from regraft.rules import settings_shown
from regraft.samples import Samples, read_samples
from regraft.similarity import measure_similarity
from regraft.split import Split, split_images

PASS_BATCH = 64


@dataclass(frozen=True)
class Prepared:
    """All that is known before anything is trained."""

    recipe: Recipe
    backbone: Backbone
    traced: Traced
    features: Features
    split: Split
    plan: Plan

    @cached_property
    def plan_shown(self) -> dict[str, Any]:
        """The plan as plain data, with its settings and every strategy's outlook."""
        views = self.recipe.views if self.plan.cut else 0
        recipe = self.recipe.but(strategy=self.plan.strategy, cut=None, cuts=(), views=views)
        rows = outlook(self.plan, self.network(), self.recipe, len(self.images.files))
        settings = settings_shown(recipe, self.plan.size.images)
        return self.plan.as_dict() | {"settings": settings, "strategies": rows}

    def network(self) -> Network:
        """Parameters up to each cut, and what an image costs."""
        cuts = self.traced.cuts
        stages = stages_between(self.backbone.model, self.traced, cuts[-1])
        sizes = np.cumsum([sum(p.numel() for p in stage) for stage in stages])
        names = [cut.name for cut in cuts]
        channels = {cut.name: cut.channels for cut in cuts}
        parameters = dict(zip(names, map(int, sizes), strict=True))
        return Network(parameters, channels, self.traced.activations, self.features.rate)

    @cached_property
    def samples(self) -> Samples:
        """All images decoded for training, on first use."""
        paths, labels = [file.path for file in self.images.files], torch.from_numpy(self.features.labels)
        return read_samples(paths, labels, self.backbone.preprocessing, self.recipe.workers)

    @property
    def images(self) -> ImageSet:
        """The images that could be decoded."""
        return self.features.images


def prepare(data: Path, recipe: Recipe, progress: Progress = silent) -> Prepared:
    """Look at every image once, measure, and plan."""
    images = find_images(data)
    backbone = backbones.load(recipe.backbone, recipe.weights, recipe.image_size)
    try:
        traced = trace(backbone.model, backbone.preprocessing.size, stages_of(backbone.model))
    except BackboneError as error:
        raise BackboneError(f"{recipe.backbone}: {error}") from None
    names = [(cut.name, *cut.aliases) for cut in traced.cuts]
    for name in (recipe.cut, *recipe.cuts, recipe.unfreeze_from):
        if name:
            traced.cut_of(name)  # refused now rather than after the pass
    features = extract(
        images,
        backbone,
        traced,
        batch_size=recipe.batch_size or PASS_BATCH,
        workers=recipe.workers,
        device=recipe.device,
        pooling=recipe.pooling,
        progress=progress,
    )
    split = split_images(features.images, features.pixels, recipe.split_seed)
    distinct = len({features.pixels[row] for row in split.train})
    size = size_of(features.labels[split.train], len(images.classes), recipe.large_from, distinct)
    similarity = measure_similarity(
        features, split.train, split.folds, backbone.statistics, backbone.source_classes, progress
    )
    return Prepared(recipe, backbone, traced, features, split, make_plan(size, similarity, recipe, names))
