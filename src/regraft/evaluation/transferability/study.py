"""How transferable a network's layers are, by depth (Yosinski et al., 2014)."""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from os import PathLike
from typing import Any

import numpy as np

from regraft.data.address import without_secrets
from regraft.data.find import Data, find_images
from regraft.data.images import FEWEST_CLASSES
from regraft.errors import DataError
from regraft.evaluation.kept_folder import kept_in
from regraft.evaluation.transferability.composed import State
from regraft.evaluation.transferability.crossed import share
from regraft.evaluation.transferability.figures import Table, contrasts_of, points_of
from regraft.evaluation.transferability.kept import Kept, Outcome
from regraft.evaluation.transferability.reading import clearly_above, reading_of
from regraft.evaluation.transferability.result import Transferability
from regraft.evaluation.transferability.targets import Target, halves_of, whole_target
from regraft.evaluation.transferability.trainings import Bench, Source, Tell, Training, same_settings, training_images
from regraft.evaluation.transferability.variants import ANB_PLUS, BY_CUT, MEAN_VAR, OWN, RNB, SCRATCH, Variant
from regraft.evaluation.transferability.wanted import FEWEST_EACH, SEEDS, SHARES, USUAL_TAUGHT, Wanted
from regraft.metrics.classification import UNEVEN
from regraft.planning.prepare import Looked, look
from regraft.progress import Progress
from regraft.progress.shown import ShowProgress, shown
from regraft.recipe import Recipe
from regraft.training.examples import rows_for_tuning


def transferability(
    data: Data,
    recipe: Recipe = Recipe(),
    teach: bool = False,
    cuts: int | str = "5",
    seeds: int = SEEDS,
    images: int | None = None,
    out: str | PathLike[str] | None = None,
    progress: ShowProgress = True,
    tell: Tell = lambda _: None,
    **settings: Any,
) -> Transferability:
    """Train networks whose first layers come from elsewhere, cut by cut, and compare them on images that chose nothing.

    On ``data`` with a pre-trained network; with ``teach`` the demonstration network on random halves of the classes.
    ``cuts``: how many, "all", or names with commas between; ``images``: used at most; ``tell``: gets the time it takes.
    What was computed stays in ``out``, and a second call computes the rest. ``settings``: of the recipe, by
    their names. Raises RegraftError for what the user can mend.
    """
    recipe = recipe.but(**settings) if settings else recipe
    wanted = Wanted(recipe, teach, str(cuts), seeds, images)
    listed = find_images(data, recipe.reading)
    wanted.check_classes(listed)
    sampled = wanted.sampled(listed)
    with kept_in(wanted.folder(data, out), "a study of transferability") as place, shown(progress) as shows:
        kept = Kept(place)
        looked = look(sampled, wanted.recipe_for_looking(), shows, every_cut=True)
        study = Study.of(wanted, looked, kept, shows, tell)
        named = without_secrets(os.fspath(data)) if isinstance(data, str | PathLike) else data.root.name
        result = study.result(named)
        result.write()
    return result


@dataclass(frozen=True, eq=False)
class Side:
    """One seed's target, and the layers that are brought to it."""

    seed: int
    target: Target
    others: Target | None  # that the foreign layers are learned on; None: they are pre-trained


@dataclass
class Study:
    """The trainings of a study, in two steps: own networks, and what is put together of layers."""

    wanted: Wanted
    looked: Looked
    whole: Target
    bench: Bench
    layers: tuple[int, ...]
    sides: tuple[Side, ...]
    own: dict[tuple[int, Target], Outcome] = field(default_factory=dict)

    @classmethod
    def of(cls, wanted: Wanted, looked: Looked, kept: Kept, progress: Progress, tell: Tell) -> "Study":
        """What is wanted of images that were looked at."""
        whole, layers = whole_target(looked, looked.split()), wanted.layers(looked.backbone.cuts)
        sides = [side for seed in wanted.seed_numbers for side in sides_of(wanted, whole, seed)]
        for side in sides:
            check_target(side.target)
        images = training_images(sides[0].target)
        recipe = same_settings(wanted.recipe_for_training(looked.recipe, images), images)
        bench = Bench(looked.backbone, recipe, kept, progress, tell)
        return cls(wanted, looked, whole, bench, layers, tuple(sides))

    def result(self, data: str) -> Transferability:
        """Carry out what is not there yet, and say what it shows."""
        own = [self.own_training(side) for side in self.sides]
        self.bench.plan([*own, *self.put_together(clear=True)])
        for side, outcome in zip(self.sides, self.bench.all_of(own), strict=True):
            self.own[side.seed, side.target] = outcome
        scratch = self.gathered(own, list(self.own.values()))[Variant(SCRATCH)]
        clear = clearly_above(share(scratch, self.strata), self.chance)
        rest = self.put_together(clear)
        self.bench.total = len(own) + len(rest)
        table = self.gathered([*own, *rest], [*self.own.values(), *self.bench.all_of(rest)])
        points, contrasts = points_of(table, self.strata), contrasts_of(table, self.strata)
        target, recipe = self.sides[0].target, self.bench.recipe
        images, depth = training_images(target), len(self.looked.backbone.cuts)
        measure = "balanced accuracy" if self.uneven else "accuracy"
        return Transferability(
            folder=self.bench.kept.folder.parent,
            data=data,
            network=self.looked.backbone.name,
            teach=self.wanted.teach,
            seeds=self.wanted.seed_numbers,
            classes=max(side.target.examples.classes for side in self.sides),
            train_images=images,
            val_images=validation_images(target),
            test_images=len(self.whole.test),
            epochs=recipe.optimisation.epochs or 0,
            image_size=self.looked.backbone.preprocessing.size,
            measure=measure,
            chance=self.chance,
            guess=self.guess,
            own_is_clear=clear,
            cuts=tuple(cut.name for cut in self.looked.backbone.cuts),
            points=points,
            contrasts=contrasts,
            reading=tuple(reading_of(points, contrasts, self.chance, measure, self.guess, images, depth)),
            notes=tuple(self.notes()),
            trainings=len(own) + len(rest),
            carried_out=self.bench.carried_out,
        )

    def own_training(self, side: Side) -> Training:
        """The own network: every layer random, its weights kept, since others start from them."""
        return Training(Variant(SCRATCH), side.target, side.seed, keeps_weights=True)

    def put_together(self, clear: bool) -> list[Training]:
        """All other networks; those of own layers only where the own network is ``clear`` of chance."""
        return [
            Training(variant, side.target, side.seed, self.source(variant, side))
            for side in self.sides
            for variant in self.variants(side, clear)
        ]

    def variants(self, side: Side, clear: bool) -> Iterator[Variant]:
        """What is trained for one target."""
        if side.others is None:
            yield Variant(MEAN_VAR)
        for n in self.layers:
            yield from (Variant(kind, n) for kind in BY_CUT if clear or kind not in OWN)
        for part in self.shares():
            yield from (Variant(SCRATCH, 0, part), Variant(ANB_PLUS, max(self.layers), part))

    def shares(self) -> list[float]:
        """The parts of the training images that --teach tries too, where each class has some left."""
        if not self.wanted.teach:
            return []
        each = min(np.bincount(self.whole.examples.labels[self.whole.examples.split.train]))
        return [part for part in SHARES if each * part >= FEWEST_EACH]

    def source(self, variant: Variant, side: Side) -> Source | None:
        """Where the layers of a variant were learned."""
        if variant.kind in {SCRATCH, RNB}:
            return None
        backbone = self.looked.backbone
        if variant.kind in OWN:
            return self.learned(side.seed, side.target)
        if side.others:
            return self.learned(side.seed, side.others)
        return Source(backbone.fingerprint, partial(backbone.state_up_to, backbone.cuts[-1]))

    def learned(self, seed: int, target: Target) -> Source:
        """The layers of the network that was trained for ``target``."""
        key = self.bench.key(Training(Variant(SCRATCH), target, seed, keeps_weights=True))
        return Source(key, partial(weights_of, self.bench.kept, key))

    def gathered(self, trainings: Sequence[Training], outcomes: Sequence[Outcome]) -> Table:
        """Which test images are right, by variant and seed: both halves' images side by side."""
        seeds, place = self.wanted.seed_numbers, {int(row): i for i, row in enumerate(self.whole.test)}
        table: dict[Variant, np.ndarray] = {}
        for training, outcome in zip(trainings, outcomes, strict=True):
            hits = table.setdefault(training.variant, np.zeros((len(seeds), len(place)), dtype=bool))
            columns = [place[int(row)] for row in training.target.rows]
            hits[seeds.index(training.seed), columns] = outcome.right
        return table

    @property
    def labels(self) -> np.ndarray:
        """The test images' classes."""
        return np.asarray(self.whole.examples.labels[self.whole.test])

    @property
    def uneven(self) -> bool:
        """Whether the classes differ so much in size that each must count the same."""
        counts = np.unique(self.labels, return_counts=True)[1]
        return bool(counts.max() >= UNEVEN * counts.min())

    @property
    def strata(self) -> np.ndarray | None:
        """The test images' classes, where each counts the same."""
        return self.labels if self.uneven else None

    @property
    def guess(self) -> str:
        """What needs no network."""
        return "guessing" if self.uneven else "always naming the largest class"

    @property
    def chance(self) -> float:
        """What that reaches, on the average of all targets."""
        return float(np.mean([self.chance_of(side.target) for side in self.sides]))

    def chance_of(self, target: Target) -> float:
        """What it reaches for one target."""
        counts = np.bincount(target.examples.labels[target.test])
        return 1 / np.count_nonzero(counts) if self.uneven else float(counts.max() / counts.sum())

    def notes(self) -> Iterator[str]:
        """What must be known beside the figures."""
        wanted, looked = self.wanted, self.looked
        yield from looked.features.images.notes
        if not wanted.teach:
            yield from looked.backbone.notes
        if wanted.seeds == 1:
            yield "one seed: the intervals are over images alone; --seeds 3 shows how much chance in training adds"
        if wanted.teach and len(looked.features.images.classes) < USUAL_TAUGHT:
            yield f"halves of fewer than {USUAL_TAUGHT} classes differ much by chance; more classes say more"
        yield "each interval holds by itself; among twenty differences that are none, one lies beyond its interval"
        yield "all networks get the same epochs and settings; with more of them, random weights catch up"


def sides_of(wanted: Wanted, whole: Target, seed: int) -> Iterator[Side]:
    """The targets of one seed: all images, or two halves of the classes in both directions."""
    if not wanted.teach:
        yield Side(seed, whole, None)
        return
    first, second = halves_of(whole, seed)
    yield Side(seed, second, first)
    yield Side(seed, first, second)


def check_target(target: Target) -> None:
    """Raise DataError where a half has nothing to train or to test on."""
    if len(target.test) == 0 or len(np.unique(target.examples.labels[target.examples.split.train])) < FEWEST_CLASSES:
        raise DataError("some half of the classes has too few images to train and test on; bring more of each class")


def weights_of(kept: Kept, key: str) -> State:
    """The weights of an own network."""
    weights = kept.weights(key)
    assert weights is not None, "own networks come before those that start from them"
    return weights


def validation_images(target: Target) -> int:
    """How many images choose the epoch."""
    return len(rows_for_tuning(target.examples.split)[1])
