"""What would probably help next: commands that were not tried, each with what it costs and may bring.

The expected gains come from this run where it holds them, and else from what was measured on other sets
(docs/decisions/020-next-steps.md).
"""

import math
import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from regraft.data.split import subsample
from regraft.errors import RecipeError
from regraft.features.doubling import MOST_IMAGES, removed_by_doubling
from regraft.network.hub import fetched
from regraft.planning.costs import TRAIN_PASSES
from regraft.planning.defaults import epochs_of
from regraft.planning.prepare import Job
from regraft.progress.pace import time_in_words
from regraft.recipe import EMBEDDED, Recipe
from regraft.recipe.command import command
from regraft.training.result import Trained

MOST = 3
REMOVED_BY_SIZE = {224: 0.17, 288: 0.08}  # pixels a side to go on to, and the share of the errors that this removed
REMOVED_BY_TUNING = 0.11  # of the errors, by training every layer from the best head
LIMITS = (60, 120, 300, 600, 900, 1200, 1800, 3600, 7200, 14_400, 28_800, 86_400)  # seconds that are proposed
AROUND = 1.3  # times the training itself: the heads before it, the test after it
LOOK_SECONDS = 5.0  # of a person, for an image
LARGER, LARGER_DEPTH, LARGER_MEGABYTES = "convnext_tiny.fb_in22k", 11, 114  # depth: multiply-adds by the embedded one's
FREED: dict[str, Any] = {"strategy": None, "cut": None, "cuts": (), "unfreeze_from": None}
FEW_TESTED = 50  # images, whose share says little
FEW_ERRORS, LEAST_POINTS = 3, 0.2  # under which there is nothing to gain that could be seen
MUCH = 0.05  # of the test images, so many wrong are no small rest, however few they are


@dataclass(frozen=True)
class NextStep:
    """Something to try."""

    text: str  # what, and why
    gain: str
    cost: str
    command: str
    points: float | None = None  # of accuracy, that are expected; None where nothing is known


@dataclass(frozen=True)
class Finished:
    """A run that is done, as far as it decides what to try next."""

    data: str  # as it was named
    folder: str
    asked: Recipe  # as it was given
    job: Job
    trained: Trained
    wrong: np.ndarray  # rows of the images reported on that are predicted wrongly
    seconds: float  # that all took, but for looking at the images

    @property
    def error(self) -> float:
        """Share of the images reported on that are predicted wrongly."""
        return len(self.wrong) / max(1, len(self.job.split.test))

    @property
    def pass_seconds(self) -> float | None:
        """Of all images through the network, once; None where its rate here is not known."""
        rate = self.job.features.rate
        return len(self.job.features.looks) / rate if rate else None

    def seconds_of(self, larger: float) -> float | None:
        """Of the whole run, where an image is so many times the work."""
        tuned = any(attempt.epochs for attempt in self.trained.tried)
        rest = self.seconds * (larger if tuned or not self.trained.frozen else 1)
        taken = None if self.pass_seconds is None else larger * self.pass_seconds + rest
        limit = self.asked.stopping.time_limit
        return taken if limit is None else min(taken or limit, limit)

    def command(self, **changes: Any) -> str:
        """The run's own command with some settings changed."""
        return command("train", self.data, self.asked.but(**changes))


def next_steps(run: Finished) -> tuple[NextStep, ...]:
    """At most MOST, what promises most first; where little is left to gain, how to make sure of it."""
    if len(run.wrong) < FEW_ERRORS and run.error < MUCH:
        return (elsewhere(run),)
    found = [step for propose in PROPOSALS for step in proposed(propose, run)]
    known = sorted((step for step in found if step.points is not None), key=lambda step: -(step.points or 0))
    worth = [step for step in known if (step.points or 0) >= LEAST_POINTS]
    unknown = [step for step in found if step.points is None]
    room = MOST - min(len(unknown), 1)
    return tuple((*worth[:room], *unknown)[:MOST]) or (elsewhere(run),)


def proposed(propose: Callable[[Finished], Iterator[NextStep]], run: Finished) -> list[NextStep]:
    """What is proposed; nothing where its settings do not go with those of the run."""
    try:
        return list(propose(run))
    except RecipeError:
        return []


def elsewhere(run: Finished) -> NextStep:
    """Where nothing that is known of promises a gain on these images."""
    tested = len(run.job.split.test)
    wrong = len(run.wrong)
    text = f"Nearly all of the {tested:,} test images are right."
    if run.error >= MUCH:
        text = f"{wrong:,} of the {tested:,} test image{'s' * (tested > 1)} {'is' if wrong == 1 else 'are'} wrong."
    text += " They are few: judge it on more." if tested < FEW_TESTED else ""
    text += " See whether that holds on images of another day, place or camera."
    return NextStep(
        text,
        "whether the figure holds elsewhere",
        "seconds",
        f"regraft evaluate {shlex.quote(run.folder)} LABELLED-IMAGES",
    )


def labels_to_review(run: Finished) -> Iterator[NextStep]:
    """Labels that look wrong, among them those of wrong predictions."""
    doubted = {issue.row for issue in run.job.label_issues}
    among = len(doubted & set(run.wrong.tolist()))
    if not among:
        return
    points = 100 * among / len(run.job.split.test)
    text = f"Look at the {len(doubted):,} doubted labels, test images too. One key corrects each; then train again."
    gain = f"at most {points:.1f} points: {among:,} of the {len(run.wrong):,} wrong answers are among them"
    cost = f"{time_in_words(LOOK_SECONDS * len(doubted))} of looking; features are kept"
    yield NextStep(text, gain, cost, f"regraft review {shlex.quote(run.folder)}", points / 4)


def larger_images(run: Finished) -> Iterator[NextStep]:
    """The next larger input that the images fill."""
    features, side = run.job.features, run.job.backbone.preprocessing.size
    larger = next((one for one in REMOVED_BY_SIZE if one > side), None)
    if larger is None or features.short_side(np.arange(len(features.looks))) < larger:
        return
    text = f"Images went in at {side} pixels a side, and most have {larger} or more: give the network those."
    removed, taken = REMOVED_BY_SIZE[larger], run.seconds_of((larger / side) ** 2)
    changed = run.command(image_size=larger)
    yield NextStep(text, expected(run, removed), about(taken), changed, points_of(run, removed))


def longer_training(run: Finished) -> Iterator[NextStep]:
    """Every layer trained, for as long as is usual; or for longer, where it was still getting better."""
    asked, trained, images = run.asked, run.trained, len(run.job.split.train)
    if not trained.frozen:
        yield from trained_on(run)
        return
    if not asked.left_open:
        return
    usual = epochs_of(asked.optimisation.epochs, "fine-tune", images)
    before = next((one for one in trained.tried if one.name == "fine-tune" and one.epochs), None)
    done = (before and before.epochs) or 0
    if done >= usual:
        return
    rate = run.job.features.rate
    seconds = before.seconds / done * usual if before and done else rate and TRAIN_PASSES * usual * images / rate
    limit = limit_for(seconds)
    tried = f"Fine-tuning had {done} epoch{'s' if done > 1 else ''}" if done else "Only heads were trained"
    text = f"{tried}. Give fine-tuning the time for its usual {usual} epochs."
    removed = REMOVED_BY_TUNING * (1 - done / usual)
    changed = run.command(time_limit=limit, fast=False)
    yield NextStep(text, expected(run, removed), about(limit), changed, points_of(run, removed))


def trained_on(run: Finished) -> Iterator[NextStep]:
    """Twice the epochs, where validation was best at the last one."""
    history = run.trained.history
    if not still_rising([row["val_accuracy"] for row in history if row.get("val_accuracy") is not None]):
        return
    epochs = 2 * len(history)
    changed = run.command(epochs=epochs, strategy=run.trained.strategy, time_limit=None)
    text = f"After {len(history)} epochs it was still getting better: train for longer."
    cost = about(2 * run.trained.seconds)
    yield NextStep(text, expected(run, REMOVED_BY_TUNING), cost, changed, points_of(run, REMOVED_BY_TUNING))


def still_rising(accuracies: list[float]) -> bool:
    """Whether the best epoch is the last one."""
    return len(accuracies) > 1 and max(accuracies) == accuracies[-1] > accuracies[-2]


def limit_for(seconds: float | None) -> float:
    """The time limit to propose for a training that takes so long."""
    return next((limit for limit in LIMITS if limit >= AROUND * (seconds or 0.0)), LIMITS[-1])


def what_was_planned(run: Finished) -> Iterator[NextStep]:
    """Everything that competes, where a strategy was asked for."""
    if run.asked.left_open:
        return
    text = f"Only {run.trained.strategy} was tried, as the settings ask. Let the candidates compete and keep the best."
    yield NextStep(text, "shown before it is kept", about(run.seconds_of(1)), run.command(**FREED))


def more_images(run: Finished) -> Iterator[NextStep]:
    """Twice the images, most of all of the class that is found worst."""
    split, features = run.job.split, run.job.features
    labels, classes = features.labels, run.job.images.classes
    chosen = subsample(labels[split.train], MOST_IMAGES)
    rows, folds = split.train[chosen], split.folds[chosen]
    removed = removed_by_doubling(features.pooled([features.cuts[-1]], rows), labels[rows], len(classes), folds)
    if removed is None:
        return
    tested = np.bincount(labels[split.test], minlength=len(classes))
    missed = np.bincount(labels[run.wrong], minlength=len(classes))
    worst = int(np.argmax(missed / np.maximum(tested, 1)))
    text = (
        f"Bring more images, most of all of '{classes[worst]}' ({missed[worst]:,} of {tested[worst]:,} missed),"
        " and train again."
    )
    points = points_of(run, removed)
    gain = f"about {points:.1f} points from twice as many: the last doubling removed {removed:.0%} of the errors"
    yield NextStep(text, gain, f"{len(split.train):,} more labelled images", run.command(), points)


def other_backbones(run: Finished) -> Iterator[NextStep]:
    """Another network that is here already; else, beside the embedded one, a larger one to fetch."""
    network = run.asked.network
    if network.continue_from:  # which brings its own
        return
    here = [name for name in fetched() if name.partition(".")[0] != network.backbone.partition(".")[0]]
    if here and not network.weights:
        text = f"{len(here)} other {'network is' if len(here) == 1 else 'networks are'} on this machine: rank them."
        named = "".join(f" --backbone {shlex.quote(name)}" for name in (network.backbone, *here[:2]))
        ranked = command("plan", run.data, run.asked.but(backbone=EMBEDDED), ("network", "reading")) + named
        yield NextStep(
            text, "shown by the ranking, before anything is trained", "a pass of the images through each", ranked
        )
    elif network.backbone == EMBEDDED:
        text = "The embedded network is small. A larger one, trained on more images, mostly sees new ones better."
        cost = f"{LARGER_MEGABYTES} MB to fetch, or to bring by hand, once; then {about(run.seconds_of(LARGER_DEPTH))}"
        changes = {"backbone": LARGER, "image_size": None}
        yield NextStep(text, "not known before it is tried", cost, run.command(**changes))


def side_by_side(run: Finished) -> Iterator[NextStep]:
    """Every strategy on the same images, where the verdict is near its threshold."""
    plan = run.job.plan
    if run.asked.network.continue_from:
        return
    if not (plan.similarity.score.reaches_across(plan.similar_from) or plan.size.near_threshold):
        return
    near = "The images are near the threshold between few and many"
    if plan.similarity.score.reaches_across(plan.similar_from):
        near = "The verdict on similarity is not sure"
    seconds = [cost.seconds for cost in plan.costs]
    taken = None if None in seconds else sum(filter(None, seconds))
    text = f"{near}: run every strategy on the same images."
    yield NextStep(
        text,
        "whether the choice was right",
        about(taken),
        command("compare", run.data, run.asked, ("network", "reading")),
    )


PROPOSALS: tuple[Callable[[Finished], Iterator[NextStep]], ...] = (
    larger_images,
    longer_training,
    labels_to_review,
    more_images,
    what_was_planned,
    side_by_side,
    other_backbones,
)


def points_of(run: Finished, removed: float) -> float:
    """Points of accuracy, where a share of the errors goes."""
    return 100 * removed * run.error


def expected(run: Finished, removed: float) -> str:
    """The same in words, with where it is known from."""
    return f"about {points_of(run, removed):.1f} points, as on other sets ({removed:.0%} of the errors on average)"


def about(seconds: float | None) -> str:
    """A time in words, where it is known."""
    return (
        "a time not known before"
        if seconds is None or not math.isfinite(seconds)
        else f"about {time_in_words(seconds)}"
    )
