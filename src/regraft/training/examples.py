"""The labelled images that a strategy trains on, and what is known of them."""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from regraft.data.split import Split
from regraft.features.features import Features
from regraft.features.going_on import Start
from regraft.network.preprocessing import Preprocessing

if TYPE_CHECKING:
    from regraft.training.samples import Samples

VALIDATING = 4_000  # images, or about so many, that fine-tuning sets aside of train to validate on at most


@dataclass(frozen=True)
class Examples:
    """Images with their features and their parts; decoded when a strategy needs pixels."""

    features: Features
    split: Split
    preprocessing: Preprocessing  # the backbone's
    large: bool  # whether the plan counts them as large
    workers: int = 0
    start: Start | None = None  # the head that training goes on from

    @property
    def labels(self) -> np.ndarray:
        """The class ids: (images,), int64."""
        return self.features.labels

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.features.images.classes)

    @cached_property
    def samples(self) -> "Samples":
        """All images decoded for training, on first use."""
        import torch

        from regraft.training.samples import read_samples

        images, labels = self.features.images, torch.from_numpy(self.labels)
        looks = self.features.looks
        sides = list(zip(looks.widths.tolist(), looks.heights.tolist(), strict=True))
        return read_samples(self.features.files, labels, self.preprocessing, self.workers, images.rendering, sides)

    def parted(self, split: Split, large: bool) -> "Examples":
        """The same images in other parts; those that are decoded stay so."""
        twin = replace(self, split=split, large=large)
        if "samples" in vars(self):
            vars(twin)["samples"] = self.samples
        return twin


def rows_for_tuning(split: Split) -> tuple[np.ndarray, np.ndarray]:
    """Rows that train and rows that validate: the given validation part, else a fold of train, about VALIDATING of it.

    Copies and members of one group stay on one side.
    """
    if len(split.val):
        return split.train, split.val
    fold = split.folds == 0
    units, first = np.unique(split.units[fold], return_index=True)
    in_turn = units[np.argsort(first)]
    chosen = fold & np.isin(split.units, in_turn[:: math.ceil(fold.sum() / VALIDATING)])
    return split.train[~chosen], split.train[chosen]
