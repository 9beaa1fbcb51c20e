"""The trainings of one comparison: done once each, kept, and gone on with where they broke off."""

import math
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from regraft.data.split import smaller
from regraft.errors import RecipeError, RegraftError
from regraft.evaluation.comparison import kept
from regraft.evaluation.comparison.budget import Budget
from regraft.evaluation.comparison.entries import COMPARED, Entry, entries_of, joined_cuts
from regraft.evaluation.comparison.kept import Figures, Outcome
from regraft.evaluation.kept_folder import CHECKPOINTS, TRAININGS, key_of
from regraft.planning.prepare import Job, Looked
from regraft.progress import Progress, WithoutLines
from regraft.training.examples import Examples
from regraft.training.result import Trained
from regraft.training.strategy import Trainer, trainer_for

SEEDS_APART = 10  # between repeats; a split's folds take the seeds beside its own


@dataclass(frozen=True)
class Part:
    """One split of the images, at one number of training images."""

    repeat: int
    job: Job

    @property
    def images(self) -> int:
        """That train, or choose."""
        return len(self.job.split.train) + len(self.job.split.val)

    @property
    def ratio(self) -> float:
        """Test images to training images."""
        return len(self.job.split.test) / self.images

    @property
    def labels(self) -> np.ndarray:
        """The test images' class ids: (images,)."""
        return np.asarray(self.job.features.labels[self.job.split.test])

    @property
    def groups(self) -> list[str | None]:
        """The test images' groups."""
        return [self.job.images.files[row].group for row in self.job.split.test]

    @property
    def names(self) -> list[str]:
        """The test images' names."""
        return [self.job.images.files[row].name for row in self.job.split.test]


@dataclass(frozen=True)
class Scored:
    """What the strategies came to on one part, under one budget."""

    part: Part
    budget: Budget
    outcomes: Mapping[str, Outcome]  # by strategy, each under the setting that validated best

    @property
    def planned(self) -> str:
        """The strategy that the plan takes."""
        return self.part.job.plan.strategy


def parts_of(looked: Looked, repeats: int, sizes: Sequence[int], progress: Progress) -> Iterator[Part]:
    """Every repeat's split, at each of ``sizes`` and with all its training images; the smallest first."""
    images, own = looked.features.images, looked.recipe
    for repeat in range(repeats):
        seed = own.planning.split_seed + SEEDS_APART * repeat
        split = looked.split(seed)
        check_sizes(sizes, len(split.train), len(images.classes))
        recipe = own.but(seed=own.seed + repeat, split_seed=seed)
        here = Looked(recipe, looked.backbone, looked.features, looked.statistics)
        parted = [smaller(split, images.labels, looked.features.pixels, size, seed) for size in sorted(set(sizes))]
        for one in (*parted, split):
            yield Part(repeat, here.planned(one, progress))


def check_sizes(sizes: Sequence[int], images: int, classes: int) -> None:
    """Raise RecipeError for a size that there are too few images for, or that has too few for the classes."""
    for size in sizes:
        if not 2 * classes <= size < images:
            raise RecipeError(
                f"--sizes has {size:,}; there are {images:,} training images of {classes} classes, so give sizes from"
                f" {2 * classes} to {images - 1:,}"
            )


@dataclass
class Bench:
    """Does the trainings, in a folder that keeps them."""

    folder: Path
    settings: int
    budgets: Sequence[Budget]
    progress: Progress
    total: int  # trainings, if every strategy can be had
    done: int = 0
    made: int = 0  # of those, in this call
    notes: dict[str, None] = field(default_factory=dict)  # what to know, once each
    examples: Examples | None = None  # of the last part: what is decoded stays so

    def score(self, part: Part) -> Iterator[Scored]:
        """All strategies on one part, under each budget."""
        trainer = self.trainer(part.job)
        facts = [part.job.features.fingerprint(part.job.split.part_of()), part.job.backbone.fingerprint, part.names]
        joined = joined_cuts(part.job, trainer.examples)
        for budget in self.budgets:
            tried: dict[str, list[Outcome]] = {}
            for entry in entries_of(part.job, joined, self.settings, budget):
                self.progress("Comparing", self.done, self.total, "trainings")
                outcome = self.outcome(part, trainer, entry, budget, facts)
                self.done += 1
                if outcome:
                    tried.setdefault(entry.strategy, []).append(outcome)
            self.progress("Comparing", self.done, self.total, "trainings")
            best = {name: max(tried[name], key=worth) for name in COMPARED if name in tried}
            yield Scored(part, budget, best)

    def trainer(self, job: Job) -> Trainer:
        """What trains on a job, with the images that another one decoded."""
        made = trainer_for(job, self.folder / CHECKPOINTS, resume=True, progress=WithoutLines(self.progress))
        if self.examples:
            examples = self.examples.parted(job.split, made.examples.large)
            made = Trainer(made.backbone, examples, made.folder, made.resume, made.progress)
        self.examples = made.examples
        return made

    def outcome(
        self, part: Part, trainer: Trainer, entry: Entry, budget: Budget, facts: Sequence[object]
    ) -> Outcome | None:
        """One training, from the folder or done now; None where it cannot be done, which is noted."""
        seconds = None if entry.frozen else budget.seconds
        recipe = {name: value for name, value in entry.recipe.flat().items() if name not in {"workers", "weights"}}
        key = key_of([kept.FORMAT, recipe, seconds, *facts])
        images, place = len(part.job.split.test), self.folder / TRAININGS
        found = kept.read(place, key, images, trainer.examples.classes)
        if found:
            return found
        try:
            outcome = self.train(part, trainer, entry, key, seconds)
        except RegraftError as error:
            self.notes[f"{entry.strategy} is left out: {error}"] = None
            return None
        self.made += 1
        self.progress.say(in_words(self.done + 1, self.total, part.images, outcome.figures))
        kept.write(place, key, outcome)
        shutil.rmtree(self.folder / CHECKPOINTS / key, ignore_errors=True)
        return outcome

    def train(self, part: Part, trainer: Trainer, entry: Entry, key: str, seconds: float | None) -> Outcome:
        """One training, done; KeyboardInterrupt where it was interrupted, with its checkpoints left."""
        if seconds is not None:  # time that passed cannot be gone on with
            shutil.rmtree(self.folder / CHECKPOINTS / key, ignore_errors=True)
        started = time.monotonic()
        trained = trainer.train(entry.recipe, key, math.inf if seconds is None else started + seconds)
        if trained.interrupted:
            raise KeyboardInterrupt
        took = time.monotonic() - started
        probabilities = trainer.probabilities_of(trained, part.job.split.test)
        return Outcome(figures_of(entry, trained, took), probabilities.astype(np.float32))


def in_words(place: int, total: int, images: int, figures: Figures) -> str:
    """A training that is done; ``images``: that trained or chose."""
    named = f"{figures.strategy}, {figures.setting}" if figures.setting else figures.strategy
    epochs = f" in {figures.epochs} epochs" if figures.epochs else ""
    return (
        f"{place} of {total}: {named}, {images:,} images: validation accuracy"
        f" {figures.validated:.1%}{epochs}, {figures.seconds:.1f} s"
    )


def figures_of(entry: Entry, trained: Trained, seconds: float) -> Figures:
    """What a training came to."""
    loss = trained.judged.loss
    return Figures(
        strategy=entry.strategy,
        setting=entry.setting,
        cuts=tuple(cut.name for cut in trained.graft.cuts),
        validated=trained.judged.accuracy,
        loss=loss if math.isfinite(loss) else None,
        epochs=0 if trained.frozen else max(int(row["epoch"]) for row in trained.history),
        seconds=seconds,
        trainable=trained.trainable,
    )


def worth(outcome: Outcome) -> tuple[float, float]:
    """What the settings of one strategy are chosen by: accuracy on the validating images, then their loss."""
    return outcome.figures.validated, -(outcome.figures.loss or 0.0)
