"""Before anything is trained: look at every image once, measure, split, plan."""

from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
import torch

from regraft.data.decoding import allow_pixels
from regraft.data.faults import odd_ones
from regraft.data.find import Data, find_images
from regraft.data.images import Fault, ImageSet, Reading
from regraft.data.split import Split, split_images
from regraft.errors import BackboneError
from regraft.features.features import Features, Progress, extract, silent
from regraft.features.label_issues import Suspect, find_suspects, suspect_faults
from regraft.features.near_duplicates import Leak, find_leaks, leak_faults
from regraft.network import backbone as backbones
from regraft.network.backbone import Backbone, stages_of
from regraft.network.cuts import Traced, trace
from regraft.network.surgery import stages_between
from regraft.planning.costs import PASS_BATCH, Network, outlook
from regraft.planning.defaults import settings_shown
from regraft.planning.plan import Plan, make_plan, size_of
from regraft.recipe import Recipe
from regraft.similarity.measure import measure_similarity
from regraft.similarity.shift import short_side, unit_of
from regraft.similarity.yardstick import unit_of_noise
from regraft.training.samples import Samples, read_samples


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
        settings = settings_shown(recipe, self.plan.size.images, self.plan.size.verdict == "large")
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
        labels = torch.from_numpy(self.features.labels)
        return read_samples(self.images.files, labels, self.backbone.preprocessing, self.recipe.workers)

    @property
    def images(self) -> ImageSet:
        """The images that could be decoded."""
        return self.features.images

    @cached_property
    def leaks(self) -> tuple[Leak, ...]:
        """Test images that are copies of others, or nearly."""
        return find_leaks(self.features, self.split)

    @cached_property
    def suspects(self) -> tuple[Suspect, ...]:
        """Images whose labels are not believed, the least believed first."""
        return find_suspects(self.features, self.recipe.split_seed)

    @cached_property
    def faults(self) -> tuple[Fault, ...]:
        """All that is odd or wrong: what a look at the files tells, and what the features tell."""
        leaks = leak_faults(self.features, self.split, self.leaks)
        return (*self.images.faults, *leaks, *suspect_faults(self.features, self.suspects))


def prepare(data: Data, recipe: Recipe, progress: Progress = silent, backbone: Backbone | None = None) -> Prepared:
    """Look at every image once, measure, and plan; ``backbone`` in place of the one that the recipe names."""
    allow_pixels(recipe.max_pixels)
    images = find_images(data, reading_of(recipe))
    backbone = backbone or backbones.load(recipe.backbone, recipe.weights, recipe.image_size)
    try:
        traced = trace(backbone.model, backbone.preprocessing.size, stages_of(backbone.model))
    except BackboneError as error:
        raise BackboneError(f"{recipe.backbone}: {error}") from None
    recipe = recipe.but(  # unknown cuts are refused now rather than after the pass
        unfreeze_from=recipe.unfreeze_from and traced.cut_of(recipe.unfreeze_from).name,
        cut=recipe.cut and traced.cut_of(recipe.cut).name,
        cuts=tuple(traced.cut_of(name).name for name in recipe.cuts),
    )
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
    features = features.noting(odd_ones(features.images, features.looks))
    split = split_images(features.images, features.pixels, recipe.split_seed)
    distinct = len({features.pixels[row] for row in split.train})
    size = size_of(features.labels[split.train], len(images.classes), recipe.large_from, distinct)
    statistics = backbone.statistics
    unit = unit_of(traced.cuts, statistics)
    if unit is None and (statistics or features.norms):
        unit = unit_of_noise(backbone, traced, recipe)
    similarity = measure_similarity(
        features, split.train, split.folds, statistics, unit, backbone.source_classes, progress
    )
    sides = short_side(features, np.arange(len(features.looks))), backbone.preprocessing.size
    plan = make_plan(size, similarity, recipe, [cut.name for cut in traced.cuts], sides)
    return Prepared(recipe, backbone, traced, features, split, plan)


def reading_of(recipe: Recipe) -> Reading:
    """The recipe's part that says how the images are read."""
    return Reading(**{field.name: getattr(recipe, field.name) for field in fields(Reading)})
