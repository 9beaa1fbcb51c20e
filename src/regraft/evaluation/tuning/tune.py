"""A search over settings that begins with what ``train`` tries, survives a kill, and ends in an ordinary run."""

import importlib.util
import time
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from regraft.data.find import Data
from regraft.errors import RecipeError
from regraft.evaluation.tuning.axis import JOINED, Axis
from regraft.evaluation.tuning.space import Given, Kinds, checked_space
from regraft.network.load import load
from regraft.progress.shown import ShowProgress, shown
from regraft.recipe import Recipe
from regraft.runs.job import name_of

if TYPE_CHECKING:  # it needs Optuna
    from regraft.evaluation.tuning.result import Tuned

SAMPLERS = ("tpe", "random", "grid")
MOST_TRIALS = 10_000
NO_OPTUNA = "tune needs Optuna 5, which is not installed; pip install 'regraft[tune]'"


class Interrupted(KeyboardInterrupt):
    """A search that was interrupted, which can be gone on with."""

    def __init__(self, folder: Path) -> None:
        super().__init__(str(folder))
        self.folder = folder


def tune(
    data: Data,
    recipe: Recipe = Recipe(),
    out: str | PathLike[str] | None = None,
    overwrite: bool = False,
    resume: bool = False,
    progress: ShowProgress = True,
    *,
    trials: int | None = None,
    space: Given | None = None,
    sampler: str = "tpe",
    backbones: Sequence[str | tuple[str, str | None]] = (),
    max_latency: str | None = None,
    max_size: str | None = None,
    **settings: Any,
) -> "Tuned":
    """Search for better settings than the plan's by validation, and write the best as an ordinary run to ``out``.

    Trial 0 is the plan's recipe and the next ones are those that ``train`` tries. ``trials``: whole networks that are
    trained at most, theirs among them, or heads where they alone are searched. ``space``: what is searched, a TOML file
    or a dict of settings by their names: lists, or ranges as {"low": 1e-5, "high": 1e-2, "log": True}. ``sampler``:
    tpe, random or grid. ``backbones``: networks by name, or (name, file), the first of them the plan's.
    ``max_latency``, as "20ms", and ``max_size``, as "10MB": of the exported form on this machine. ``settings``: of the
    recipe, by their names, ``time_limit`` among them. ``resume`` goes on with the search of ``out``, beside other
    processes that do; in a process that is not the last the result has no run. Raises RegraftError for what the user
    can mend, KeyboardInterrupt where it was interrupted.
    """
    started, began = time.perf_counter(), time.monotonic()
    recipe = recipe.but(**settings) if settings else recipe
    recipe, named = with_backbones(recipe, backbones)
    check(recipe, trials, sampler, len(named))
    if importlib.util.find_spec("optuna") is None:
        raise RecipeError(NO_OPTUNA)
    from regraft.evaluation.tuning.carry_out import searched
    from regraft.evaluation.tuning.journal import JOURNAL
    from regraft.evaluation.tuning.limits import limits_of
    from regraft.evaluation.tuning.order import Order
    from regraft.evaluation.tuning.place import begin, remove_empty, search_of
    from regraft.evaluation.tuning.result import Tuned

    limits, kinds = limits_of(max_latency, max_size), Kinds.of(recipe)
    wanted = None if space is None else checked_space(space, recipe)
    if wanted:
        check_cuts(wanted.heads + wanted.networks, recipe)
        if sampler == "grid":
            _ = [axis.grid() for axis in wanted.networks]
    elif sampler == "grid" and kinds.networks:
        raise RecipeError("--sampler grid needs --space: the default ranges make a grid that nobody can wait for")
    limit, asked = recipe.stopping.time_limit, recipe.but(time_limit=None)
    own = {"trials": trials, "space": space, "backbones": backbones, "max_latency": max_latency, "max_size": max_size}
    given = {name: value for name, value in own.items() if value} | ({} if sampler == "tpe" else {"sampler": sampler})
    folder = begin(name_of(data), Path(out) if out is not None else None, overwrite, resume)
    order = Order(data, asked, named, trials, wanted, sampler, limits, limit, kinds, overwrite or resume, given)
    try:
        with shown(progress) as shows:
            return searched(order, folder, search_of(folder), shows, started, began)
    except KeyboardInterrupt:
        raise Interrupted(folder) from None
    except FileNotFoundError:
        if (search_of(folder) / JOURNAL).exists():
            raise
        return Tuned(folder, None, None)  # another process has just finished it
    finally:
        remove_empty(search_of(folder))


def with_backbones(
    recipe: Recipe, given: Sequence[str | tuple[str, str | None]]
) -> tuple[Recipe, tuple[tuple[str, str | None], ...]]:
    """The recipe with the first of the backbones, and all of them with their files."""
    named = tuple((one, None) if isinstance(one, str) else one for one in given)
    if not named:
        return recipe, ((recipe.network.backbone, recipe.network.weights),)
    if recipe.network.weights and len(named) > 1:
        raise RecipeError("--weights goes with one --backbone; write --backbone NAME=FILE for each of several")
    if len({name for name, _ in named}) < len(named):
        raise RecipeError("a --backbone is named twice; name each once")
    first, file = named[0]
    named = ((first, file or recipe.network.weights), *named[1:])
    return recipe.but(backbone=first, weights=named[0][1]), named


def check(recipe: Recipe, trials: int | None, sampler: str, backbones: int) -> None:
    """Raise RecipeError for what no search can be asked."""
    if trials is not None and not 1 <= trials <= MOST_TRIALS:
        raise RecipeError(f"--trials is {trials}; give 1 to {MOST_TRIALS:,}")
    if sampler not in SAMPLERS:
        raise RecipeError(f"--sampler is '{sampler[:40]}'; choose one of {', '.join(SAMPLERS)}")
    if recipe.network.continue_from is not None:
        raise RecipeError("--continue goes with train alone; leave it out, or name the run with --backbone")
    if backbones > 1 and (recipe.planning.cut or recipe.planning.cuts or recipe.optimisation.unfreeze_from):
        raise RecipeError("--cut and --unfreeze-from name places in one network; leave them out, or one --backbone")


def check_cuts(axes: Sequence[Axis], recipe: Recipe) -> None:
    """Raise BackboneError for a cut in the space that the network lacks."""
    named = [str(value) for axis in axes if axis.name in {"cut", "unfreeze_from"} for value in axis.values]
    if not named:
        return
    network = recipe.network
    backbone = load(network.backbone, network.weights, network.image_size, network.weights_key)
    for text in named:
        for name in text.split(JOINED):
            backbone.cut_of(name)
