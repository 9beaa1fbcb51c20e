"""The winner as an ordinary run: trained on train as always, looked at on test once, with the search beside it."""

import json
import math
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from regraft.errors import RunError
from regraft.evaluation.kept_folder import CHECKPOINTS
from regraft.evaluation.tuning.book import HEAD, Entry
from regraft.evaluation.tuning.chapter import add_chapter
from regraft.evaluation.tuning.heads import OF_TRAIN, PLAN
from regraft.evaluation.tuning.importance import importance_of
from regraft.evaluation.tuning.jobs import Bench
from regraft.evaluation.tuning.journal import JOURNAL
from regraft.evaluation.tuning.optimism import optimism_of
from regraft.evaluation.tuning.order import Order
from regraft.evaluation.tuning.outcomes import FAILED
from regraft.evaluation.tuning.place import RESULT, keep
from regraft.evaluation.tuning.result import Result, Tuned, Winner, counts_of, result_as_dict, rows_of
from regraft.evaluation.tuning.search import SAMPLED, Search
from regraft.evaluation.tuning.winner import kept_among, outcome_of, winner_of
from regraft.progress import WithoutLines
from regraft.recipe.recipe import DEFAULTS
from regraft.runs.claim import Held, claimed, hold, release
from regraft.runs.command import Asked, made_by
from regraft.runs.job import finish, name_of
from regraft.runs.rows import write_rows
from regraft.runs.writing import remove, writing
from regraft.training.choosing import is_balanced
from regraft.training.result import Attempt, Trained
from regraft.training.state import LAST

TRIALS = "trials.csv"
WRITING = "writing"  # a folder that the process locks that writes the run


def write_winner(order: Order, search: Search, folder: Path, place: Path, started: float) -> Tuned:
    """Train the best trial's recipe, or take it from its checkpoint, and write the run ``folder``.

    Another process that does so already, or has done, leaves nothing to do.
    """
    try:
        lock = hold(place / WRITING)
    except Held:
        return Tuned(folder, None, None)
    try:
        if not (place / JOURNAL).exists():
            return Tuned(folder, None, None)
        return written(order, search, folder, place, started)
    finally:
        release(lock)


def written(order: Order, search: Search, folder: Path, place: Path, started: float) -> Tuned:
    """The same by the one process that does it."""
    entries = search.book.entries()
    best = winner_of(entries, search.counts)
    if best is None:
        raise RunError(f"no trial ran to its end: {why_none(search, entries)}")
    bench = search.jobs.of(best.recipe)
    data, recipe = order.data, order.recipe
    command = order.call(made_by(sys.argv, data, recipe, folder, False, False))
    with claimed(name_of(data), folder, order.replaces) as claim, writing(claim.folder, order.replaces) as unfinished:
        trained = trained_again(bench, best, place, unfinished, search)
        trained = replace(trained, tried=tuple(attempts(entries, best)), rule=ruled(bench, entries, best, trained))
        trainer = replace(bench.trainer, folder=unfinished / CHECKPOINTS)
        run = finish(bench.job, trainer, trained, claim.folder, unfinished, started, Asked(data, recipe, command))
        result = result_of(order, search, entries, best, started)
        tuned = Tuned(claim.folder, run, result)
        write_rows(unfinished / TRIALS, rows_of(entries, best.number))
        (unfinished / RESULT).write_text(json.dumps(result_as_dict(result, run), indent=2) + "\n", encoding="utf-8")
        add_chapter(unfinished / run.report.name, result, run, entries, search.space.networks)
        search.book.study.set_user_attr("winner", best.number)
        keep(place, unfinished, best.key)
    remove(place)
    return tuned


def why_none(search: Search, entries: Sequence[Entry]) -> str:
    """Why there is no winner, and what to do."""
    failed = next((one.outcome.figures.note for one in entries if one.outcome and one.outcome.figures.note), "")
    return failed or next(iter(search.notes), "the time was up; give more of it with --resume")


def trained_again(bench: Bench, best: Entry, place: Path, unfinished: Path, search: Search) -> Trained:
    """The winner: from the end of its own training where that is kept, else by training it as it was."""
    strategy = str(best.recipe.planning.strategy)
    kept = place / CHECKPOINTS / best.key
    ended = (kept / LAST).exists()
    if ended:
        shutil.copytree(kept, unfinished / CHECKPOINTS / strategy)
    trainer = replace(
        bench.trainer, folder=unfinished / CHECKPOINTS, resume=True, progress=WithoutLines(search.progress)
    )
    trained = trainer.train(best.recipe, strategy, -math.inf if ended and best.kind != HEAD else math.inf)
    before = outcome_of(best).judged
    if not np.array_equal(trained.judged.hits, before.hits):
        now, then = trained.judged.accuracy, before.accuracy
        note = f"trained again, the winner validates at {now:.1%} where its trial had {then:.1%}"
        trained = replace(trained, notes=(*trained.notes, note))
    return trained


def ruled(bench: Bench, entries: Sequence[Entry], best: Entry, trained: Trained) -> Trained | None:
    """The plan's head on the same images, which the winner stands beside; None where the plan's is something else."""
    first = entries[0]
    same = first.recipe.network == best.recipe.network
    if first.origin != PLAN or first.kind != HEAD or not first.complete or not same:
        return None
    return trained if first.number == best.number else bench.trainer.train(first.recipe, first.key)


def attempts(entries: Sequence[Entry], best: Entry) -> Iterator[Attempt]:
    """What ``train`` tries too, and the winner, for the run's table of what was tried."""
    for entry in entries:
        if entry.outcome and (entry.origin in {PLAN, OF_TRAIN} or entry.number == best.number):
            figures = entry.outcome.figures
            yield Attempt(
                name=f"trial {entry.number}: {entry.name}",
                accuracy=figures.accuracy,
                kept=entry.number == best.number,
                seconds=figures.seconds,
                note="the rule" if entry.number == 0 and entry.kind == HEAD else "",
                images=len(entry.outcome.rows) or None,
                epochs=figures.epochs or None,
                planned_epochs=figures.planned_epochs or None,
                why=figures.note,
            )


def result_of(order: Order, search: Search, entries: Sequence[Entry], best: Entry, started: float) -> Result:
    """What the search came to."""
    counts, shared = search.counts, search.shared
    complete = [one for one in entries if one.complete]
    rivals = [one for one in complete if one.kind == HEAD] if best.kind == HEAD else complete
    rows = np.sort(outcome_of(best).rows) if best.kind == HEAD else shared  # those that the choice was made on
    hits = [hits_on(one, rows) for one in rivals]
    whole = [one for one in hits if one is not None]
    own = kept_among([one for one in complete if one.origin in {PLAN, OF_TRAIN}], counts)
    first = entries[0].outcome if entries and entries[0].origin == PLAN else None
    networks = [one for one in entries if one.kind != HEAD]
    figures = outcome_of(best).figures
    changes = {name: value for name, value in best.recipe.flat().items() if value != DEFAULTS[name]}
    return Result(
        **counts_of(entries),
        trained=search.trained,
        sampler=order.sampler,
        sampled=sum(one.origin == SAMPLED for one in networks),
        figure="balanced accuracy" if is_balanced(order.recipe.stopping.monitor) else "accuracy",
        winner=Winner(
            best.number,
            best.name,
            best.kind,
            best.origin,
            figures.shared or 0.0,
            figures.accuracy or 0.0,
            len(outcome_of(best).rows),
            changes,
        ),
        first=first.figures.shared if first else None,
        of_train=outcome_of(own).figures.shared if own else None,
        judging=len(shared),
        optimism=optimism_of(whole, None if counts is None else counts[rows], order.recipe.seed),
        importance=importance_of(networks, search.space.networks, order.recipe.seed),
        seconds=time.perf_counter() - started,
        left=search.left,
        not_begun=tuple(not_begun(order, search, entries)),
        notes=(*search.notes, *failures(entries)),
    )


def not_begun(order: Order, search: Search, entries: Sequence[Entry]) -> Iterator[str]:
    """What no trial was begun of, and why."""
    heads = [one for one in entries if one.kind == HEAD]
    for layers, word in ((1, "one layer"), (2, "two layers")):
        own = [one for one in heads if one.recipe.head.layers == layers]
        if own and not any(one.outcome for one in own):
            yield f"Heads of {word} were not begun: the time was up before ({len(own):,} were left)"
    if order.kinds.networks and search.no_network:
        yield f"Fine-tuning was not begun: {search.no_network}; give more time with --time-limit and --resume"


def failures(entries: Sequence[Entry]) -> Iterator[str]:
    """The first trial that failed, and how many did."""
    failed = [one for one in entries if one.outcome and one.outcome.figures.state == FAILED]
    if failed:
        note = outcome_of(failed[0]).figures.note
        yield f"{len(failed)} trial{'s' if len(failed) > 1 else ''} failed; trial {failed[0].number}: {note}"


def hits_on(entry: Entry, rows: np.ndarray) -> np.ndarray | None:
    """Which of the images ``rows`` a trial gets right, in their order; None where it did not see them all."""
    judged = outcome_of(entry).judged
    _, ours, theirs = np.intersect1d(rows, judged.rows, return_indices=True)
    if len(ours) < len(rows):
        return None
    hits = np.zeros(len(rows), dtype=bool)
    hits[ours] = judged.hits[theirs]
    return hits
