"""The whole job, top to bottom: recipe + images -> run."""

import os
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from regraft.data.address import without_secrets
from regraft.data.find import Data
from regraft.data.images import ImageSet, images_by_kind
from regraft.metrics import Metrics, baselines_by, measure, slices_of
from regraft.network.engine import BF16
from regraft.planning.plan import Plan
from regraft.planning.prepare import Job, notes_on_going_on, prepare
from regraft.progress.shown import ShowProgress, shown
from regraft.recipe import Recipe
from regraft.runs.card import write_card
from regraft.runs.claim import Claim, claimed
from regraft.runs.command import Asked, made_by
from regraft.runs.copies import flattered, notes_of_copies
from regraft.runs.folder import CHECKPOINTS, check_goes_on, holds_checkpoints
from regraft.runs.gained import gained_since
from regraft.runs.next_steps import Finished, next_steps
from regraft.runs.overlap import Overlap, overlap_of, shared_groups
from regraft.runs.ran import Ran
from regraft.runs.record import write_plan, write_run
from regraft.runs.remarks import remarks_on
from regraft.runs.report import write_report
from regraft.runs.rows import formulas_note
from regraft.runs.run import CROSS_VALIDATION, Ruled, Run, Seconds, Validated
from regraft.runs.slicing import slice_names
from regraft.runs.started_from import check_place, faded, notes_on_start
from regraft.runs.writing import writing
from regraft.training.anytime import train_in_turn
from regraft.training.choosing import is_balanced
from regraft.training.ranks import ALONE, Ranks
from regraft.training.result import Trained
from regraft.training.strategy import Trainer, train_as_planned, trainer_for
from regraft.training.together import meet, part

ROUNDED = "Features here are in bfloat16; `predict` computes in float32, so an answer near a tie can differ"
FINISH_SHARE = 0.1  # of a time limit
FINISH_PASSES = 4.0  # predictions of test and validation take so many times the frozen pass of as many images


def train(
    data: Data,
    recipe: Recipe = Recipe(),
    out: str | PathLike[str] | None = None,
    overwrite: bool = False,
    resume: bool = False,
    progress: ShowProgress = True,
    **settings: Any,
) -> Run:
    """Train on ``data``, which find_images takes, as ``recipe`` and the plan say, and write the run folder ``out``.

    ``resume`` goes on with the training of ``out`` that was interrupted. ``progress``: shown, unless it is False; a
    function is called with (stage, done, total). ``settings``: of the recipe, by their names, as ``epochs=5``. Raises
    RegraftError for what the user can mend; then nothing is left behind but the feature cache and the checkpoints of a
    training under way.
    """
    recipe = recipe.but(**settings) if settings else recipe
    return train_on(ALONE, data, recipe, out, overwrite, resume, progress)


def train_on(
    ranks: Ranks,
    data: Data,
    recipe: Recipe,
    out: str | PathLike[str] | None,
    overwrite: bool,
    resume: bool,
    progress: ShowProgress,
) -> Run:
    """The same where several processes may train together; this is the one that leads."""
    started = time.perf_counter()
    wanted = Path(out) if out is not None else None
    check_place(recipe, wanted)
    with claimed(name_of(data), wanted, overwrite, resume) as claim, shown(progress) as shows:
        job = prepare(data, recipe, shows, may_go_on=True)
        if resume and not tries_more(recipe):
            check_goes_on(claim.folder, job.plan.strategy)
        meet(job, ranks, shows, lambda: how_to_go_on(claim))
        with writing(claim.folder, overwrite, resume) as place:
            trainer = trainer_for(job, place / CHECKPOINTS, resume, shows, ranks)
            trained = train_in_time(job, trainer, started)
            part(ranks)
            asked = Asked(data, recipe, made_by(sys.argv, data, recipe, wanted, overwrite, resume))
            return finish(job, trainer, trained, claim.folder, place, started, asked)


def how_to_go_on(claim: Claim) -> str:
    """What to do where a training on several processes has broken off."""
    return f"go on with --out {claim.folder} --resume" if holds_checkpoints(claim.place) else "run it again"


def plan(
    data: Data,
    recipe: Recipe = Recipe(),
    out: str | PathLike[str] | None = None,
    overwrite: bool = False,
    progress: ShowProgress = True,
    **settings: Any,
) -> Plan:
    """Look at the images and plan; the folder ``out`` gets plan.json, recipe.json and the pictures.

    ``settings``: of the recipe, by their names.
    """
    recipe = recipe.but(**settings) if settings else recipe
    if out is None:
        with shown(progress) as shows:
            return prepare(data, recipe, shows, may_go_on=True, plan_alone=True).plan_with_faults()
    check_place(recipe, Path(out))
    with claimed(name_of(data), Path(out), overwrite) as claim, shown(progress) as shows:
        job = prepare(data, recipe, shows, may_go_on=True, plan_alone=True)
        with writing(claim.folder, overwrite) as place:
            write_plan(place, job)
    return job.plan_with_faults()


def train_in_time(job: Job, trainer: Trainer, started: float) -> Trained:
    """Let candidates compete where nothing was asked for, else carry out the strategy; within the time, if any."""
    limit = job.recipe.stopping.time_limit
    carry_out = train_in_turn if tries_more(job.recipe) else train_as_planned
    if limit is None:
        return carry_out(job, trainer)
    left = limit - (time.perf_counter() - started) - time_to_finish(job, limit)
    return carry_out(job, trainer, time.monotonic() + left)


def tries_more(recipe: Recipe) -> bool:
    """Whether more than the plan's strategy is to be tried: where no strategy and no cut was asked for."""
    return recipe.left_open


def time_to_finish(job: Job, limit: float) -> float:
    """Seconds to keep for the last predictions and the report, from what the pass took where it ran."""
    features = job.features
    an_image = features.seconds / features.passed if features.passed else 0.0
    return max(FINISH_SHARE * limit, FINISH_PASSES * an_image * (len(job.split.test) + len(job.split.val)))


def finish(
    job: Job, trainer: Trainer, trained: Trained, folder: Path, place: Path, started: float, asked: Asked
) -> Run:
    """Evaluate, write the run's files to ``place``, which becomes ``folder``, and return the run.

    ``asked``: what was asked for, and how.
    """
    split, labels = job.split, job.features.labels[job.split.test]
    probabilities = trainer.probabilities_of(trained, split.test)
    tested = job.images.files.take(split.test)
    groups = list(tested.groups)
    threshold = trained.calibration.threshold
    metrics = measure(probabilities, labels, job.images.classes, split.reported, job.recipe.seed, groups, threshold)
    right = probabilities.argmax(axis=1) == labels
    names = slice_names(tested, job.features.looks.short_sides[split.test].tolist())
    metrics = replace(metrics, slices=slices_of(right, names, groups))
    rule = ruled(job, trainer, trained, metrics.accuracy)
    copies, shared = overlap_of(job.near_duplicates, split.test, right), shared_groups(job.images, split, right)
    run = run_of(job, trained, metrics, right, (copies, shared), rule, folder, started)
    if not run.interrupted:
        rest = time.perf_counter() - started - job.features.seconds
        finished = Finished(asked.named, str(folder), asked.recipe, job, trained, np.asarray(split.test)[~right], rest)
        run = replace(run, next_steps=next_steps(finished))
    write_run(place, job, trained, run, probabilities)
    run = replace(run, seconds=replace(run.seconds, total=time.perf_counter() - started))
    write_report(place / run.report.name, job, trained, run, probabilities, asked.command)
    lacking = write_card(place)
    return replace(run, notes=(*run.notes, lacking)) if lacking else run


def ruled(job: Job, trainer: Trainer, trained: Trained, accuracy: float) -> Ruled | None:
    """What the rule's head gives on the images reported on; ``accuracy``: of what was kept."""
    rule, test = trained.rule, job.split.test
    if rule is None:
        return None
    kept = rule.graft is trained.graft
    if not kept:
        predicted = trainer.probabilities_of(rule, test).argmax(axis=1)
        accuracy = float((predicted == job.features.labels[test]).mean())
    return Ruled(rule.strategy, tuple(cut.name for cut in rule.graft.cuts), accuracy, kept)


def run_of(
    job: Job,
    trained: Trained,
    metrics: Metrics,
    right: np.ndarray,
    overlaps: tuple[Overlap, Overlap],
    rule: Ruled | None,
    folder: Path,
    started: float,
) -> Run:
    """What ``train`` returns; ``right``: of the images reported on; ``overlaps``: copies and shared groups."""
    gained, cuts = gained_since(job, right), tuple(cut.name for cut in trained.graft.cuts)
    figures, weighed = baselines_on_test(job), trained.recipe.head.class_weights != "none"
    return Run(
        folder=folder,
        plan=job.plan_with_faults(),
        metrics=metrics,
        baselines=figures,
        remarks=(*flattered(overlaps[0]), *faded(job), *remarks_on(metrics, figures["majority_class"], weighed)),
        validation=validated(job, trained),
        near_duplicates=overlaps[0],
        shared_groups=overlaps[1],
        strategy=trained.strategy,
        cuts=cuts,
        frozen=trained.frozen,
        trainable_parameters=trained.trainable,
        frozen_parameters=trained.graft.parameters - trained.trainable,
        seconds=Seconds(time.perf_counter() - started, job.features.seconds, trained.seconds),
        images_through_backbone=job.features.passed + trained.passed,
        left_out=job.images.left_out,
        faults=images_by_kind(job.faults),
        tried=trained.tried,
        rule=rule,
        interrupted=trained.interrupted,
        done=Ran.of(trained, cuts, [cut.name for cut in job.backbone.cuts]).in_words,
        notes=(
            *notes_of(job, trained, *overlaps),
            *notes_on_start(job, right),
            *([gained.in_words] if gained else ()),
        ),
        continued=job.going_on.continued(job.images.classes) if job.going_on else None,
        gained=gained,
    )


def validated(job: Job, trained: Trained) -> Validated:
    """What the settings were chosen on."""
    carved = CROSS_VALIDATION if trained.frozen else "a fold of train"
    by = "the validation images" if len(job.split.val) else carved
    figure = "balanced accuracy" if is_balanced(job.recipe.stopping.monitor) else "accuracy"
    return Validated(trained.judged.accuracy, by, len(trained.judged.rows), figure)


def baselines_on_test(job: Job) -> dict[str, float]:
    """The majority class and the nearest neighbour at the last cut, on the images that are reported on."""
    features, split, last = job.features, job.split, [job.features.cuts[-1]]
    return baselines_by(lambda rows: features.pooled(last, rows), features.labels, split.train, split.test)


def name_of(data: Data) -> str:
    """What a run on ``data`` is called after."""
    place = data.root if isinstance(data, ImageSet) else Path(without_secrets(os.fspath(data)))
    name = place.resolve().name.partition(".")[0]
    return re.sub(r"[^\w.-]+", "-", name).strip("-") or "data"


def notes_of(job: Job, trained: Trained, copies: Overlap, groups: Overlap) -> Iterator[str]:
    """What the user should know beside the figures."""
    yield from job.images.rendering.in_words()
    yield from job.images.notes
    yield from job.backbone.notes
    yield from notes_on_going_on(job.going_on, job.images)
    yield from trained.notes
    yield from notes_of_copies(job, copies, groups)
    if trained.frozen and job.features.engine == BF16:
        yield ROUNDED
    written = chain(job.images.files.names.take(job.split.test), job.images.classes)
    if note := formulas_note(written, "predictions.csv"):
        yield note
