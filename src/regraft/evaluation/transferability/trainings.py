"""Trainings carried out one after another, all with the same settings, or read where they were before."""

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np

from regraft.evaluation.kept_folder import key_of
from regraft.evaluation.transferability.composed import State, composed, mean_var
from regraft.evaluation.transferability.kept import UNDER_WAY, Kept, Outcome, letters
from regraft.evaluation.transferability.targets import Target
from regraft.evaluation.transferability.variants import FROZEN, MEAN_VAR, RNB, SCRATCH, SHORT, Variant
from regraft.network.backbone import Backbone
from regraft.planning.defaults import completed
from regraft.progress import Progress, WithoutLines, silent
from regraft.recipe import Recipe
from regraft.training.examples import rows_for_tuning
from regraft.training.result import Trained

FORMAT = 1  # of what is kept; a change makes older ones unused
Tell = Callable[[str], None]
SHORT_WAIT = 90  # seconds
SEEDS = 2**32 - 1  # a recipe takes smaller ones


@dataclass(frozen=True, eq=False)
class Source:
    """Layers that were learned before."""

    key: str  # follows from all that determines them
    state: Callable[[], State]


@dataclass(frozen=True, eq=False)
class Training:
    """One network to train."""

    variant: Variant
    target: Target
    seed: int
    source: Source | None = None
    keeps_weights: bool = False  # since others start from them: an own network

    @property
    def draw(self) -> int:
        """The seed of its random layers: those of a network put together are none that its others grew up with."""
        return (2 * self.seed + (not self.keeps_weights)) % SEEDS


@dataclass
class Bench:
    """What carries trainings out."""

    backbone: Backbone
    recipe: Recipe
    kept: Kept
    progress: Progress = silent
    tell: Tell = lambda _: None
    total: int = 0  # trainings that are expected in all
    done: int = 0
    carried_out: int = 0  # in this call
    missing: int = 0  # that were not carried out before this call

    def plan(self, trainings: Sequence[Training]) -> None:
        """Note what is expected, and how much of it is there."""
        self.total = len(trainings)
        self.missing = sum(not self.kept.holds(self.key(training)) for training in trainings)

    def all_of(self, trainings: Sequence[Training]) -> list[Outcome]:
        """What each of the trainings gives."""
        outcomes = []
        for training in trainings:
            outcomes.append(self.outcome(training))
            self.done += 1
            self.progress("All trainings", self.done, self.total, "trainings")
        return outcomes

    def outcome(self, training: Training) -> Outcome:
        """What one training gives, or gave before."""
        key = self.key(training)
        known = self.kept.read(key, len(training.target.test), training.keeps_weights)
        if known:
            return known
        started = time.perf_counter()
        target = training.target.with_share(training.variant.share)
        recipe = self.settings(training)
        trained = self.train(training, target, recipe)
        right = self.right(trained, target)
        body = trained.graft.backbone.model.state_dict()
        names = [name for stage in self.backbone.description.stages for name in stage]
        weights = {name: body[name].cpu().numpy() for name in names} if training.keeps_weights else None
        best = max((row for row in trained.history if row["best"]), key=lambda row: row["epoch"])
        seconds = time.perf_counter() - started
        outcome = Outcome(key, letters(right), best["val_accuracy"], best["epoch"], seconds)
        self.kept.write(outcome, weights)
        self.carried_out += 1
        self.progress.say(in_words(self.done + 1, self.total, training, outcome))
        if self.carried_out == 1:
            self.tell(time_in_words(seconds, self.missing))
        return outcome

    def train(self, training: Training, target: Target, recipe: Recipe) -> Trained:
        """Train one network; KeyboardInterrupt where it was interrupted."""
        from regraft.training.full import train_full

        folder = self.kept.folder / UNDER_WAY
        shutil.rmtree(folder, ignore_errors=True)
        try:
            start = self.start(training)
            trained = train_full(start, target.examples, recipe, folder, False, WithoutLines(self.progress))
        finally:
            shutil.rmtree(folder, ignore_errors=True)
        if trained.interrupted:
            raise KeyboardInterrupt
        return trained

    def right(self, trained: Trained, target: Target) -> np.ndarray:
        """Whether a network is right on each test image."""
        from regraft.training.full import logits_of

        logits = logits_of(trained.graft.module, target.examples, target.test, self.recipe.network.device)
        return np.asarray(logits.argmax(axis=1) == target.examples.labels[target.test])

    def start(self, training: Training) -> Backbone:
        """The network that a training starts from."""
        variant = training.variant
        learned = training.source.state() if training.source else {}
        if variant.kind == MEAN_VAR:
            return mean_var(self.backbone, learned, training.draw)
        layers = 0 if variant.kind in {SCRATCH, RNB} else variant.layers
        return composed(self.backbone, learned, layers, training.draw)

    def settings(self, training: Training) -> Recipe:
        """The recipe of one training: with fewer images as many more epochs, so that the steps are as many."""
        base, variant, cuts = self.recipe, training.variant, self.backbone.cuts
        frozen = cuts[variant.layers - 1].name if variant.kind in FROZEN else None
        epochs = math.ceil((base.optimisation.epochs or 1) / variant.share)
        return base.but(seed=training.draw, unfreeze_from=frozen, epochs=epochs, patience=epochs)

    def key(self, training: Training) -> str:
        """The name of what a training gives."""
        settings = {name: value for name, value in self.settings(training).flat().items() if name != "workers"}
        facts = {
            "format": FORMAT,
            "versions": [version(name) for name in ("regraft", "torch")],
            "settings": settings,
            "network": [str(self.backbone.architecture), self.backbone.preprocessing.as_dict()],
            "variant": vars(training.variant),
            "images": training.target.fingerprint,
            "source": training.source.key if training.source else None,
        }
        return key_of(facts)


def same_settings(recipe: Recipe, images: int) -> Recipe:
    """The settings that all trainings share: no layer decay, a random head, nothing between the start and the best."""
    own = recipe.optimisation
    shared = recipe.but(
        strategy="fine-tune",
        cut=None,
        cuts=(),
        unfreeze_from=None,
        views=0,
        head_start="random",
        layer_decay=1.0,
        batch_norm="adapt" if own.batch_norm == "auto" else own.batch_norm,
        interpolate="no",
        ema=own.ema or 0.0,
        time_limit=None,
    )
    return completed(shared, images, large=False)


def in_words(place: int, total: int, training: Training, outcome: Outcome) -> str:
    """A training that is done."""
    variant = training.variant
    cut = f", n = {variant.layers}" if variant.layers else ""
    part = f", {variant.share:.0%} of the images" if variant.share < 1 else ""
    named = f"{SHORT[variant.kind]}{cut}{part}"
    return f"{place} of {total}: {named}: validation accuracy {outcome.validated:.1%}, {outcome.seconds:.1f} s"


def time_in_words(seconds: float, trainings: int) -> str:
    """How long so many trainings take, by the first one's seconds."""
    left = seconds * trainings
    length = f"{left:.0f} seconds" if left < SHORT_WAIT else f"{left / 60:.0f} minutes"
    return f"the first training took {seconds:.1f} s; {trainings} take up to {length}, frozen ones being quicker"


def training_images(target: Target) -> int:
    """How many images a network is trained on, beside those that choose the epoch."""
    return len(rows_for_tuning(target.examples.split)[0])
