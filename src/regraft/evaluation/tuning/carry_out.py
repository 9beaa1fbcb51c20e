"""An order carried out: the study opened, the search run, and its winner written by the process that ends last."""

import json
import math
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import optuna

from regraft.errors import RecipeError
from regraft.evaluation.tuning.axis import JOINED, Axis
from regraft.evaluation.tuning.book import Book
from regraft.evaluation.tuning.final import write_winner
from regraft.evaluation.tuning.head_search import go_on_with_heads, search_heads
from regraft.evaluation.tuning.heads import heads_of_train, places_of
from regraft.evaluation.tuning.jobs import Jobs, fingerprint_of, sides_of
from regraft.evaluation.tuning.journal import JOURNAL, open_study, quiet
from regraft.evaluation.tuning.network_search import search_networks
from regraft.evaluation.tuning.order import Order
from regraft.evaluation.tuning.result import Tuned
from regraft.evaluation.tuning.search import USUAL_TRIALS, Search
from regraft.evaluation.tuning.space import Facts, Space, space_from_dict, usual_space
from regraft.planning.costs import TRAIN_PASSES
from regraft.planning.defaults import completed, epochs_of
from regraft.planning.prepare import Job
from regraft.progress import Progress
from regraft.progress.pace import time_in_words
from regraft.recipe.recipe import DEFAULTS
from regraft.runs.job import time_to_finish
from regraft.training.choosing import counts_for
from regraft.training.examples import rows_for_tuning
from regraft.training.frozen import choosing_rows

HEADS_SHARE = 0.25  # of a time limit, where whole networks are searched too
HEADS_SECONDS = 300.0  # for them without one
OF_NO_RESULT = {"workers", "device", "time_limit"}


def searched(order: Order, folder: Path, place: Path, progress: Progress, started: float, began: float) -> Tuned:
    """Search in ``place`` and write the run ``folder``.

    ``started`` and ``began``: when, by perf_counter() and by monotonic().
    """
    poolings = [str(one) for axis in poolings_of(order) for one in axis]
    jobs = Jobs(order.data, order.recipe, order.backbones, poolings, place, progress)
    job = jobs.of(order.recipe).job
    with quiet():
        study = study_of(order, job, place)
        space = space_of(order, job, study)
        book = book_of(order, jobs, space, study, place, progress)
        search = search_of_order(order, jobs, book, space, progress, began)
        if order.kinds.networks and order.sampler != "grid":
            progress.say(outlook(order, job, search))
        if order.kinds.heads:
            search_heads(search)
        if order.kinds.networks:
            search_networks(search)
        if order.kinds.heads and order.kinds.networks:
            go_on_with_heads(search)
        if book.running_elsewhere():
            return Tuned(folder, None, None)
        return write_winner(order, search, folder, place, started)


def poolings_of(order: Order) -> list[tuple[Any, ...]]:
    """The poolings that are searched, whose features one pass gives."""
    if order.space is None:
        return [("average", "max")] if order.kinds.heads else []
    return [axis.values for axis in (*order.space.heads, *order.space.networks) if axis.name == "pooling"]


def study_of(order: Order, job: Job, place: Path) -> optuna.Study:
    """The study, which knows the images and the recipe that it belongs to."""
    recipe = {name: value for name, value in order.recipe.flat().items() if name not in OF_NO_RESULT}
    identity = {
        "data": fingerprint_of(job),
        "recipe": plain(recipe),
        "backbones": [list(one) for one in order.backbones],
        "sampler": order.sampler,
        "limits": [order.limits.seconds, order.limits.bytes],
        "asked_space": plain(order.space.as_dict()) if order.space else None,
    }
    return open_study(place / JOURNAL, identity)


def plain(values: Mapping[str, Any]) -> dict[str, Any]:
    """Plain data as JSON gives it back."""
    return dict(json.loads(json.dumps(values)))


def space_of(order: Order, job: Job, study: optuna.Study) -> Space:
    """What is searched: as it was begun with, as somebody said it, or the default ranges for these images."""
    known = study.user_attrs.get("space")
    if known is not None:
        return space_from_dict(known)
    space = order.space or usual_space(facts_of(order, job), order.kinds)
    if len(order.backbones) > 1:
        axis = Axis("backbone", tuple(name for name, _ in order.backbones), source="asked for")
        space = replace(space, networks=(*space.networks, axis) if order.kinds.networks else ())
    study.set_user_attr("space", plain(space.as_dict()))
    return space_from_dict(study.user_attrs["space"])


def facts_of(order: Order, job: Job) -> Facts:
    """What the default ranges follow from."""
    images, rate = len(job.split.train), job.features.rate
    flat = order.recipe.flat()
    fixed = {name for name, value in flat.items() if value != DEFAULTS[name]}
    return Facts(
        cuts=[cut.name for cut in job.backbone.cuts],
        usual_epochs=epochs_of(None, order.recipe.planning.strategy, images),
        image_size=job.backbone.preprocessing.size,
        short_side=sides_of(job),
        epoch_seconds=TRAIN_PASSES * images / rate if rate else None,
        time_limit=order.time_limit,
        fixed=frozenset(fixed),
        strategy=order.recipe.planning.strategy,
    )


def book_of(order: Order, jobs: Jobs, space: Space, study: optuna.Study, place: Path, progress: Progress) -> Book:
    """The trials, with the places where heads may sit as values of a setting."""
    bench = jobs.of(order.recipe)
    facts = [jobs.fingerprint, bench.job.backbone.fingerprint]
    axes = {axis.name: axis for axis in (*space.heads, *space.networks)}
    images, large = len(bench.job.split.train), bench.job.plan.size.verdict == "large"
    book = Book(place, study, order.recipe, facts, axes, lambda recipe: completed(recipe, images, large))
    if not order.kinds.heads:
        return book
    if "places" not in study.user_attrs:
        own = [str(one.params["cut"]) for one in heads_of_train(bench, progress)]
        given = next((axis.values for axis in space.heads if axis.name == "cut"), None)
        every = given or [JOINED.join(names) for names in places_of(bench, space.own, progress)]
        study.set_user_attr("places", list(dict.fromkeys((*own, *map(str, every)))))
    book.axes = axes | {"cut": Axis("cut", tuple(study.user_attrs["places"]))}
    return book


def search_of_order(order: Order, jobs: Jobs, book: Book, space: Space, progress: Progress, began: float) -> Search:
    """The search with its limits in time."""
    job = jobs.of(order.recipe).job
    limit, kinds, now = order.time_limit, order.kinds, time.monotonic()
    end = math.inf if limit is None else began + limit - time_to_finish(job, limit)
    both = kinds.heads and kinds.networks
    heads_end = min(end, now + (HEADS_SECONDS if limit is None else HEADS_SHARE * (end - now))) if both else end
    rows = rows_for_tuning(job.split)[1] if kinds.networks else judging(job)
    if limit is not None and end <= now:
        raise RecipeError(f"--time-limit {limit:g}s was spent on looking at the images; give more, or --resume")
    few = None if kinds.heads and not kinds.networks else USUAL_TRIALS
    most = order.trials or (few if few and limit is None else 10_000)
    return Search(
        jobs, book, space, kinds, order.sampler, most, order.limits, heads_end, end, rows,
        counts_for(order.recipe.stopping.monitor, job.features.labels), progress,
    )  # fmt: skip


def judging(job: Job) -> np.ndarray:
    """The rows that judge heads."""
    rows, folds = choosing_rows(job.split)
    return np.asarray(rows[np.concatenate([fold.judge for fold in folds])])


def outlook(order: Order, job: Job, search: Search) -> str:
    """What is about to be searched, and about how long it takes where that is known."""
    names = [axis.name.replace("_", " ") for axis in search.space.networks]
    what = f"Fine-tuning is searched over {', '.join(names)}" if names else "Fine-tuning is not searched"
    if order.time_limit is not None:
        now = time.monotonic()
        left = time_in_words(search.end - now)
        heads = f"heads get {time_in_words(search.heads_end - now)} at most, and fine-tuning the rest"
        shared = heads if order.kinds.heads else "fine-tuning gets all"
        return f"Of the {left} that are left, {shared}. {what}"
    axis = next((one for one in search.space.networks if one.name == "epochs"), None)
    epochs = float(np.mean(axis.values or (axis.low, axis.high))) if axis else 10.0
    rate = job.features.rate
    seconds = search.most * TRAIN_PASSES * epochs * len(job.split.train) / rate if rate else None
    about = f", at most about {time_in_words(seconds)}" if seconds else ""
    return f"{what}: up to {search.most:,} trainings{about}; --time-limit and --trials say less"
