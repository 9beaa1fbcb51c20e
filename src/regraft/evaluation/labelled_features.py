"""The features of a labelled set as arrays: for scikit-learn, or for whatever a network's eyes are good for."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from regraft.data.find import Data
from regraft.data.images import Fault
from regraft.errors import DataError
from regraft.planning.prepare import look
from regraft.progress.shown import ShowProgress, shown
from regraft.recipe import Recipe
from regraft.visible import Shown


@dataclass(frozen=True, eq=False, repr=False)
class LabelledFeatures(Shown):
    """Features of images, their labels, and which part each image is in."""

    X: np.ndarray  # (images, channels) float32
    y: np.ndarray  # (images,) int64: places in ``classes``
    classes: tuple[str, ...]
    paths: tuple[str, ...]  # (images,), as the data names them
    splits: np.ndarray  # (images,) of str: train, val or test, as train would part them
    cuts: tuple[str, ...]  # whose features are joined in ``X``
    left_out: tuple[Fault, ...] = ()  # files that could not be used, and the like

    def part(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """``X`` and ``y`` of train, val or test alone; DataError where no image is in it."""
        rows = self.splits == name
        if not rows.any():
            there = ", ".join(sorted(set(self.splits.tolist())))
            raise DataError(f"no image is in the part '{name}'; there are {there}")
        return self.X[rows], self.y[rows]

    def in_lines(self) -> Iterator[str]:
        """Its shape."""
        parts, counts = np.unique(self.splits, return_counts=True)
        shown = ", ".join(f"{count:,} {part}" for part, count in zip(parts, counts, strict=True))
        yield f"{len(self.X):,} images ({shown}), {len(self.classes):,} classes: {self.X.shape[1]:,} features"
        yield f"Of {', '.join(self.cuts)}"


def features_of(
    data: Data,
    recipe: Recipe = Recipe(),
    cut: str | Sequence[str] | None = None,
    progress: ShowProgress = True,
    **settings: Any,
) -> LabelledFeatures:
    """The pooled features of labelled images, from the pass that ``plan`` and ``train`` keep.

    ``data`` and ``recipe`` (backbone, image size, pooling, split seed) as ``train`` takes them; a run may be the
    backbone. ``cut``: one of the network's cuts, or several, whose features are joined; the last one by default.
    ``settings``: of the recipe, by their names.
    """
    recipe = recipe.but(**settings) if settings else recipe
    with shown(progress) as shows:
        looked = look(data, recipe, shows, also=(cut,) if isinstance(cut, str) else tuple(cut or ()))
    planning, features = looked.recipe.planning, looked.features
    asked = (cut,) if isinstance(cut, str) else tuple(cut or planning.cuts or filter(None, [planning.cut]))
    cuts = [looked.backbone.cut_of(name) for name in asked] or [looked.backbone.cuts[-1]]
    images, part = features.images, looked.split().part_of()
    rows = np.arange(len(images.files))
    return LabelledFeatures(
        X=features.pooled(cuts, rows, recipe.head.pooling),
        y=features.labels,
        classes=images.classes,
        paths=tuple(file.name for file in images.files),
        splits=np.array([part[row] for row in rows.tolist()]),
        cuts=tuple(one.name for one in cuts),
        left_out=images.faults,
    )
