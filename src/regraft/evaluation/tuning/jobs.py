"""The images as each backbone and each image size sees them: looked at once, on first use."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from regraft.data.find import Data
from regraft.errors import RunError
from regraft.evaluation.kept_folder import CHECKPOINTS
from regraft.network.cuts import POOLINGS
from regraft.planning.prepare import Job, look
from regraft.progress import Progress, WithoutLines
from regraft.recipe import Recipe
from regraft.training.strategy import Trainer, trainer_for

Backbone = tuple[str, str | None]  # a name, and a file of weights


@dataclass(frozen=True)
class Bench:
    """One backbone at one image size, and what trains on it."""

    job: Job
    trainer: Trainer
    heads: dict[str, list[Any]] = field(default_factory=dict)  # what was worked out for them before, by what it is


@dataclass
class Jobs:
    """One for every backbone and size."""

    data: Data
    asked: Recipe
    backbones: Sequence[Backbone]  # the first is the recipe's
    poolings: Sequence[str]  # that are searched
    folder: Path
    progress: Progress
    made: dict[tuple[str, int | None], Bench] = field(default_factory=dict)
    fingerprint: str = ""

    def of(self, recipe: Recipe) -> Bench:
        """The bench that a recipe is trained on; only the last one used keeps its decoded images."""
        place = recipe.network.backbone, recipe.network.image_size
        if place not in self.made:
            self.made[place] = self.make(recipe)
            own = self.made[place].job
            self.made.setdefault((place[0], own.recipe.network.image_size), self.made[place])
        bench = self.made[place]
        for other in self.made.values():
            if other.trainer.examples is not bench.trainer.examples:
                vars(other.trainer.examples).pop("samples", None)
        return bench

    def make(self, recipe: Recipe) -> Bench:
        """Look at every image once through a network."""
        network = recipe.network
        weights = next((file for name, file in self.backbones if name == network.backbone), network.weights)
        asked = self.asked.but(backbone=network.backbone, weights=weights, image_size=network.image_size)
        wide = asked.but(pooling=self.widest(asked.head.pooling))
        looked = look(self.data, wide, self.progress, every_cut=True)
        looked = replace(looked, recipe=looked.recipe.but(pooling=asked.head.pooling))
        job = looked.planned(looked.split(), self.progress)
        fingerprint = fingerprint_of(job)
        if self.fingerprint and fingerprint != self.fingerprint:
            raise RunError(f"{network.backbone} sees other images than the first backbone; search it by itself")
        self.fingerprint = fingerprint
        return Bench(job, trainer_for(job, self.folder / CHECKPOINTS, True, WithoutLines(self.progress)))

    def own_settings(self) -> dict[str, dict[str, Any]]:
        """What each backbone brings of its own."""
        size = self.asked.network.image_size
        return {name: {"weights": file, "image_size": size} for name, file in self.backbones}

    def widest(self, own: str) -> str:
        """The pooling whose features all that are searched can be had from."""
        pools = {pool for name in (own, *self.poolings) for pool in POOLINGS[name]}
        return next(name for name, these in POOLINGS.items() if pools <= set(these))


def fingerprint_of(job: Job) -> str:
    """Of the images' bytes, their classes and the parts they are in."""
    return job.features.fingerprint(job.split.part_of())


def sides_of(job: Job) -> int:
    """The images' short side, usually, in pixels."""
    return job.features.short_side(np.arange(len(job.features.looks)))
