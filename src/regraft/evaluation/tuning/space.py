"""What is searched: heads on cached features, and whole networks, each with its own settings."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any

from regraft.errors import RecipeError, reason_of
from regraft.evaluation.tuning.axis import Axis, axis_of
from regraft.recipe import FROZEN_STRATEGIES, Recipe
from regraft.recipe.declaration import name_of
from regraft.recipe.recipe import GROUPS, PLACES

RANGES = Path(__file__).with_name("ranges.toml")
MOST_BYTES = 1_000_000  # of a file that says what is searched
OF_BOTH = ("backbone", "image_size")
OF_HEADS = ("cut", "head_layers", "hidden", "initialiser", "solver", "joining", "pooling", "views", "class_weights")
OF_NETWORKS = (
    "strategy", "batch_size", "patience",
    *(name_of(one) for group in ("optimisation", "augmentation") for one in fields(GROUPS[group])),
)  # fmt: skip
OF_A_PRETRAINED_START = ("layer_decay", "unfreeze_from", "head_start")
USUAL_SIZES = (128, 160, 224, 288)  # pixels a side
FEWEST_EPOCHS = 3
LONGEST_TRIALS = 6  # that fit in a time limit, where it decides how many epochs are tried

Given = str | PathLike[str] | Mapping[str, Any]


@dataclass(frozen=True)
class Space:
    """The settings that are searched; all others stay as the plan and the recipe have them."""

    heads: tuple[Axis, ...]
    networks: tuple[Axis, ...]
    own: bool = False  # whether somebody said it

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        parts = {"heads": self.heads, "networks": self.networks}
        return {name: [axis.as_dict() for axis in axes] for name, axes in parts.items()} | {"own": self.own}


def space_from_dict(values: Mapping[str, Any]) -> Space:
    """The space that ``as_dict`` made plain data of."""
    heads, networks = (
        tuple(Axis(**one | {"values": tuple(one["values"])}) for one in values[name]) for name in ("heads", "networks")
    )
    return Space(heads, networks, bool(values["own"]))


@dataclass(frozen=True)
class Kinds:
    """Which kinds of trials there are."""

    heads: bool
    networks: bool

    @classmethod
    def of(cls, recipe: Recipe) -> "Kinds":
        """Both, unless the recipe names a strategy or wants heads alone."""
        strategy = recipe.planning.strategy
        frozen = strategy in FROZEN_STRATEGIES or recipe.planning.fast
        return cls(strategy is None or frozen, not frozen)


def read_space(given: Given) -> dict[str, Any]:
    """The entries of a space that is given as a file or as plain data; RecipeError where there are none."""
    if isinstance(given, Mapping):
        values, named = dict(given), "the space"
    else:
        path, named = Path(given), str(given)
        try:
            if path.stat().st_size > MOST_BYTES:
                raise RecipeError(f"{path} has more than {MOST_BYTES:,} bytes; give a space as docs/tune.md has it")
            values = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise RecipeError(f"the space {path} cannot be read: {error.strerror}; give a TOML file") from None
        except (ValueError, RecursionError) as error:
            why = reason_of(error)[:120]
            raise RecipeError(f"{path} is no space: {why}; write it as TOML with a part [space]") from None
    inner = values.get("space", values) if set(values) <= {"space"} or isinstance(given, Mapping) else None
    if not isinstance(inner, Mapping):
        other = next((name for name in values if name != "space"), "space")
        raise RecipeError(f"{named} has '{other[:40]}' where one part [space] is due; put all settings below [space]")
    if not inner:
        raise RecipeError(f"{named} names no settings; list some below [space], as epochs = [3, 10]")
    return dict(inner)


def checked_space(given: Given, recipe: Recipe) -> Space:
    """The space that somebody gave, checked against the recipe before anything runs."""
    entries, kinds = read_space(given), Kinds.of(recipe)
    names = list(dict.fromkeys((*OF_BOTH, *OF_HEADS, *OF_NETWORKS)))
    heads: list[Axis] = []
    networks: list[Axis] = []
    for name, entry in entries.items():
        if name not in names:
            raise unknown(str(name), names)
        if name == "backbone":
            raise RecipeError("the space has backbone; name each with --backbone in place of that")
        axis = axis_of(name, entry)
        of_heads = kinds.heads and (name in {*OF_HEADS, *OF_BOTH} or (name == "weight_decay" and not kinds.networks))
        of_networks = kinds.networks and (name in {*OF_NETWORKS, *OF_BOTH} or (name in OF_HEADS and not kinds.heads))
        if not (of_heads or of_networks):
            what = "heads alone" if kinds.heads else f"whole networks ({recipe.planning.strategy})"
            where = "fine-tuning" if name in OF_NETWORKS else "heads on a frozen network"
            raise RecipeError(f"{name} goes with {where}, and {what} are searched; leave it out, or change --strategy")
        heads += [axis] * of_heads
        networks += [axis] * of_networks
    space = Space(tuple(heads), tuple(networks), own=True)
    check_combinations(space, recipe)
    return space


def unknown(name: str, names: Sequence[str]) -> RecipeError:
    """The error for a setting that cannot be searched."""
    near = difflib.get_close_matches(name, names, n=1)
    why = "is no setting that can be searched" if name in PLACES else "is no setting"
    hint = f"did you mean '{near[0]}'?" if near else f"these can: {', '.join(names)}"
    return RecipeError(f"the space has '{name[:60]}', which {why}; {hint}")


def check_combinations(space: Space, recipe: Recipe) -> None:
    """Raise RecipeError for a value that goes with nothing else that is asked for or searched."""
    strategies = next((axis.values for axis in space.networks if axis.name == "strategy"), None)
    strategies = strategies or (recipe.planning.strategy or "fine-tune",)
    if frozen := [one for one in strategies if one in FROZEN_STRATEGIES and space.networks]:
        raise RecipeError(f"the space has strategy {frozen[0]} among whole networks; heads are searched anyhow")
    for axis in space.networks:
        if axis.name in OF_A_PRETRAINED_START and set(strategies) == {"from-scratch"}:
            raise RecipeError(f"{axis.name} goes with fine-tuning, and random weights are trained; leave it out")
        for value in axis.values or (axis.low, axis.high):
            fits = [one for one in strategies if goes(recipe, strategy=one, **axis.settings(value))]
            if not fits and axis.name not in {"strategy", "backbone"}:
                raise RecipeError(
                    f"{axis.name} = {value} does not go with {reason(recipe, strategies[0], axis, value)}"
                )
    for axis in space.heads:
        for value in axis.values or (axis.low, axis.high):
            if axis.name not in {"cut", "backbone"} and not goes(recipe, strategy="head", **axis.settings(value)):
                raise RecipeError(f"{axis.name} = {value} does not go with {reason(recipe, 'head', axis, value)}")
    if {"cut", "cuts"} & {axis.name for axis in space.heads} and (recipe.planning.cut or recipe.planning.cuts):
        raise RecipeError("--cut is given, and the space has cut too; leave one of them out")


def goes(recipe: Recipe, **changes: Any) -> bool:
    """Whether the recipe can be changed so."""
    try:
        recipe.but(**{"cut": None, "cuts": (), "views": 0} | changes)
    except RecipeError:
        return False
    return True


def reason(recipe: Recipe, strategy: str, axis: Axis, value: Any) -> str:
    """Why a value does not go with the rest, in the recipe's own words."""
    try:
        recipe.but(**{"cut": None, "cuts": (), "views": 0, "strategy": strategy} | axis.settings(value))
    except RecipeError as error:
        return f"the rest: {error}"
    return "the rest"


@dataclass(frozen=True)
class Facts:
    """What the default ranges follow from."""

    cuts: Sequence[str]
    usual_epochs: int  # of training the whole network
    image_size: int  # that is planned
    short_side: int  # of the images, usually
    epoch_seconds: float | None  # of one epoch on this machine, roughly
    time_limit: float | None
    fixed: frozenset[str]  # settings that were asked for, which are not searched
    strategy: str | None = None  # that was asked for


def usual_space(facts: Facts, kinds: Kinds) -> Space:
    """The default ranges, as far as they are not fixed by the recipe."""
    table = tomllib.loads(RANGES.read_text(encoding="utf-8"))
    heads = tuple(axes_in(table["heads"], facts)) if kinds.heads else ()
    networks = tuple(axes_in(table["networks"], facts)) if kinds.networks else ()
    return Space(heads, networks)


def axes_in(table: Mapping[str, Any], facts: Facts) -> Iterator[Axis]:
    """The axes of a part of the table, with what depends on the data filled in."""
    for name, entry in table.items():
        if name in facts.fixed or (facts.strategy == "from-scratch" and name in OF_A_PRETRAINED_START):
            continue
        source = entry["source"]
        if name == "epochs":
            low, high = epochs_to_try(facts)
            values = {"low": low, "high": high} if low < high else {"values": [high]}
            yield axis_of(name, values | {"source": source})
        elif name == "unfreeze_from":
            places = [facts.cuts[len(facts.cuts) * quarter // 4 - 1] for quarter in (1, 2, 3)]
            yield Axis(name, (None, *dict.fromkeys(places)), source=source)
        elif name == "image_size":
            sizes = sizes_to_try(facts)
            yield from [Axis(name, sizes, source=source)] if len(sizes) > 1 else []
        else:
            yield axis_of(name, entry)


def epochs_to_try(facts: Facts) -> tuple[int, int]:
    """The fewest and the most epochs; under a time limit so few that some of the longest trials fit."""
    most = facts.usual_epochs
    if facts.time_limit is not None and facts.epoch_seconds:
        most = min(most, max(1, int(facts.time_limit / (LONGEST_TRIALS * facts.epoch_seconds))))
    return min(FEWEST_EPOCHS, most), most


def sizes_to_try(facts: Facts) -> tuple[int, ...]:
    """The planned size, and the next smaller and the next larger one, which the images fill."""
    smaller = [size for size in USUAL_SIZES if size < facts.image_size]
    larger = [size for size in USUAL_SIZES if facts.image_size < size <= facts.short_side]
    return (*smaller[-1:], facts.image_size, *larger[:1])
