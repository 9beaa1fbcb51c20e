"""What networks are trained for: all of the images, or those of half of the classes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from regraft.data.image_files import Files
from regraft.data.split import Split, subsample
from regraft.features.features import Features
from regraft.planning.prepare import Looked
from regraft.training.examples import Examples

if TYPE_CHECKING:
    from regraft.training.samples import Samples


@dataclass(frozen=True, eq=False)
class Target:
    """Labelled images that networks are trained for."""

    name: str
    examples: Examples
    rows: np.ndarray  # the test images' rows in the whole set: (test images,)

    @property
    def test(self) -> np.ndarray:
        """The test images' rows among the target's own."""
        return self.examples.split.test

    @cached_property
    def fingerprint(self) -> str:
        """Of the images, their classes and their parts."""
        return self.examples.features.fingerprint(self.examples.split.part_of())

    def with_share(self, share: float) -> "Target":
        """The same with a share of the training images of each class, at least two; the test images stay."""
        if share == 1:
            return self
        split, labels = self.examples.split, self.examples.labels
        classes = [np.flatnonzero(labels[split.train] == label) for label in np.unique(labels[split.train])]
        by_fold = [own[np.argsort(split.folds[own], kind="stable")] for own in classes]  # so that some validate
        chosen = np.concatenate([own[spread_over(len(own), max(2, round(share * len(own))))] for own in by_fold])
        return replace(self, examples=Part(self.examples, reduced(split, np.sort(chosen))))


def spread_over(count: int, most: int) -> np.ndarray:
    """At most ``most`` of so many places, spread evenly."""
    return subsample(np.zeros(count, dtype=np.int64), most)


def reduced(split: Split, places: np.ndarray) -> Split:
    """The split with some of its training images, by their places, all validation images in proportion."""
    share = len(places) / len(split.train)
    val = split.val[spread_over(len(split.val), max(1, round(share * len(split.val))))] if len(split.val) else split.val
    return replace(split, train=split.train[places], val=val, folds=split.folds[places], units=split.units[places])


class Part(Examples):
    """Some of other examples' images for training, or all in another split; none is decoded twice."""

    def __init__(self, whole: Examples, split: Split, features: Features | None = None, rows: Any = None) -> None:
        super().__init__(features or whole.features, split, whole.preprocessing, whole.large, whole.workers)
        vars(self).update(whole=whole, rows=rows)

    @cached_property
    def samples(self) -> "Samples":
        """The images as the whole has them."""
        import torch

        whole: Samples = vars(self)["whole"].samples
        rows: np.ndarray | None = vars(self)["rows"]
        if rows is None:
            return whole
        return replace(whole, images=Chosen(whole.images, rows), labels=torch.from_numpy(self.labels))


@dataclass(frozen=True, eq=False)
class Chosen(Sequence[Any]):
    """Some elements of a sequence."""

    whole: Sequence[Any]
    rows: np.ndarray

    def __getitem__(self, place: Any) -> Any:
        """One of them."""
        return self.whole[self.rows[place]]

    def __len__(self) -> int:
        """Count them."""
        return len(self.rows)


def whole_target(looked: Looked, split: Split) -> Target:
    """All of the images."""
    examples = Examples(looked.features, split, looked.backbone.preprocessing, False, looked.recipe.network.workers)
    return Target("all classes", examples, split.test)


def halves_of(whole: Target, seed: int) -> tuple[Target, Target]:
    """The images of two halves of the classes, drawn at random by ``seed``; of an odd number the first has one less."""
    count = whole.examples.classes
    order = np.random.default_rng(seed).permutation(count)
    first, second = np.sort(order[: count // 2]), np.sort(order[count // 2 :])
    return half(whole, "A", first), half(whole, "B", second)


def half(whole: Target, name: str, classes: np.ndarray) -> Target:
    """The images of some classes, which are numbered anew."""
    examples, split = whole.examples, whole.examples.split
    inside = np.isin(examples.labels, classes)
    rows, number = np.flatnonzero(inside), {int(label): place for place, label in enumerate(classes)}
    place = np.cumsum(inside) - 1
    images = examples.features.images
    files = Files.of(replace(file, label=number[file.label]) for file in images.files.take(rows))
    own = replace(images, classes=tuple(images.classes[label] for label in classes), files=files)
    features = replace(examples.features, images=own, looks=examples.features.looks.take(rows))
    train = inside[split.train]
    parts = replace(
        split,
        train=place[split.train[train]],
        val=place[split.val[inside[split.val]]],
        test=place[split.test[inside[split.test]]],
        folds=split.folds[train],
        units=split.units[train],
    )
    return Target(name, Part(examples, parts, features, rows), split.test[inside[split.test]])
