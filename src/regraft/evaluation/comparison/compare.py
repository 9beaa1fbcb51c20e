"""Strategies side by side, trained on the same images: whether the plan's is the best."""

import json
import shutil
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

from regraft.data.find import Data
from regraft.errors import RecipeError, RunError
from regraft.evaluation.comparison.budget import budgets_of
from regraft.evaluation.comparison.decided import check_undecided
from regraft.evaluation.comparison.entries import COMPARED, MOST_SETTINGS
from regraft.evaluation.comparison.page import page_of
from regraft.evaluation.comparison.result import PAGE, Comparison
from regraft.evaluation.comparison.table import table_of
from regraft.evaluation.comparison.trainings import Bench, Part, Scored, parts_of
from regraft.evaluation.kept_folder import CHECKPOINTS, kept_in, write_whole
from regraft.planning.prepare import look
from regraft.progress.shown import ShowProgress, shown
from regraft.recipe import Recipe
from regraft.runs.folder import RUNS
from regraft.runs.job import name_of
from regraft.runs.rows import csv_of

REPEATS = 5
RESULT, ROWS = "compare.json", "compare.csv"


def compare(
    data: Data,
    recipe: Recipe = Recipe(),
    repeats: int | None = None,
    settings: int = 1,
    budgets: Sequence[str | int] = (),
    sizes: Sequence[int] = (),
    out: str | PathLike[str] | None = None,
    overwrite: bool = False,
    progress: ShowProgress = True,
    **of_recipe: Any,
) -> Comparison:
    """Train every strategy on the same images and judge them on the same test images.

    ``repeats``: random splits with a seed each, 5 unless the data has a test part of its own, which then is the one
    that is judged on. ``settings``: how many each strategy chooses from, by validation inside its training part (1 to
    3). ``budgets``: of each training of a whole network, epochs (10) or time ("5m"); every one gets a table.
    ``sizes``: numbers of training images for learning curves. ``out``: the folder, which keeps every training; called
    again after an interruption or with more repeats, only what is missing is trained. ``of_recipe``: settings of the
    recipe, by their names. Raises RecipeError for what does not go together, RunError for a folder that is something
    else's.
    """
    recipe = recipe.but(**of_recipe) if of_recipe else recipe
    check(repeats, settings)
    check_undecided(recipe)
    wanted = budgets_of(budgets)
    folder = Path(out) if out is not None else RUNS / f"{name_of(data)}-compare"
    with kept_in(folder, "a comparison", overwrite), shown(progress) as shows:
        looked = look(data, recipe, shows, every_cut=True)
        images = looked.features.images
        given = bool(images.splits)
        if given and repeats not in {None, 1}:
            named = " and ".join(images.splits)
            raise RecipeError(f"the data has its own parts ({named}), so there is one split; leave --repeats out")
        count = 1 if given else repeats or REPEATS
        total = count * (1 + len(set(sizes))) * len(wanted) * len(COMPARED) * settings
        bench = Bench(folder, settings, wanted, shows, total)
        scored = [one for part in parts_of(looked, count, sizes, shows) for one in checked(bench, part)]
        shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
        comparison = comparison_of(folder, name_of(data), scored, images.classes, bench, (*images.notes, *bench.notes))
        write(comparison)
    return comparison


def check(repeats: int | None, settings: int) -> None:
    """Raise RecipeError for numbers out of their range."""
    if repeats is not None and not 1 <= repeats <= 100:  # noqa: PLR2004
        raise RecipeError(f"--repeats is {repeats}; give 1 to 100")
    if not 1 <= settings <= MOST_SETTINGS:
        raise RecipeError(f"--settings is {settings}; give 1 to {MOST_SETTINGS}")


def checked(bench: Bench, part: Part) -> Iterator[Scored]:
    """A part's scores; RunError where the plan's own strategy cannot be trained."""
    for one in bench.score(part):
        if one.planned not in one.outcomes:
            why = next((note for note in bench.notes if note.startswith(one.planned)), f"{one.planned} is left out")
            raise RunError(f"{why} (it is the plan's strategy, so there is nothing to compare)")
        yield one


def comparison_of(
    folder: Path, data: str, scored: Sequence[Scored], classes: Sequence[str], bench: Bench, notes: Sequence[str]
) -> Comparison:
    """The tables of all trainings."""
    sizes = sorted({place_of(one, scored) for one in scored})
    by_budget = [
        [
            table_of([one for one in scored if one.budget == budget and place_of(one, scored) == size], classes)
            for size in sizes
        ]
        for budget in bench.budgets
    ]
    return Comparison(
        folder=folder,
        data=data,
        tables=tuple(tables[-1] for tables in by_budget),
        curves=tuple(map(tuple, by_budget)) if len(sizes) > 1 else (),
        repeats=by_budget[0][0].repeats,
        settings=bench.settings,
        trainings=bench.made,
        notes=tuple(dict.fromkeys(notes)),
    )


def place_of(one: Scored, scored: Sequence[Scored]) -> int:
    """Which of its repeat's sizes it is, from the smallest: 0, 1, ..."""
    own = sorted({other.part.images for other in scored if other.part.repeat == one.part.repeat})
    return own.index(one.part.images)


def write(comparison: Comparison) -> None:
    """The result as JSON, as a table and as a page."""
    folder = comparison.folder
    write_whole(folder / RESULT, (json.dumps(comparison.as_dict(), indent=2) + "\n").encode())
    write_whole(folder / ROWS, csv_of(list(rows_of(comparison))))
    write_whole(folder / PAGE, page_of(comparison).encode(errors="backslashreplace"))


def rows_of(comparison: Comparison) -> Iterator[dict[str, Any]]:
    """All rows of all tables."""
    for tables in comparison.curves or (comparison.tables,):
        for table in tables:
            for row in (table.plan, *table.rows):
                figures = ("accuracy", "low", "high", "balanced_accuracy", "negative_log_likelihood")
                yield {
                    "budget": table.budget,
                    "training_images": table.training_images,
                    "strategy": row.strategy,
                    **{name: round(getattr(row, name), 6) for name in figures},
                    "epochs": row.epochs,
                    "seconds": round(row.seconds, 2),
                }
