"""One setting that is searched: a list of values, or a range."""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from regraft.errors import RecipeError
from regraft.recipe import Recipe
from regraft.recipe.declaration import declaration_of, kinds_of
from regraft.recipe.recipe import FIELDS, GROUPS, PLACES

JOINED = " + "  # between the names of cuts that are joined
FIELDS_OF_A_RANGE = {"low", "high", "log", "points", "source"}
MOST_POINTS = 1000


@dataclass(frozen=True)
class Axis:
    """A setting by its own name."""

    name: str
    values: tuple[Any, ...] = ()  # none of a range
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    points: int | None = None  # of a range, in a grid
    whole: bool = False  # whether only whole numbers are values
    source: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    def holds(self, value: Any) -> bool:
        """Whether the value is one of the setting's."""
        if self.values:
            return any(same(value, one) for one in self.values)
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and self.low <= value <= self.high and (not self.whole or value == int(value))

    def grid(self) -> tuple[Any, ...]:
        """All values; RecipeError for a range that says no number of points."""
        if self.values:
            return self.values
        if self.points is None and self.whole and self.high - self.low < MOST_POINTS:
            return tuple(range(int(self.low), int(self.high) + 1))
        if self.points is None:
            raise RecipeError(
                f"the range of {self.name} has no end of values, so a grid cannot try them all; list values, or add"
                " points = 5"
            )
        steps = [place / max(1, self.points - 1) for place in range(self.points)]
        if self.log:
            values = [math.exp(math.log(self.low) + step * math.log(self.high / self.low)) for step in steps]
        else:
            values = [self.low + step * (self.high - self.low) for step in steps]
        rounded = [round(value) if self.whole else float(f"{value:.6g}") for value in values]
        return tuple(dict.fromkeys(rounded))

    def settings(self, value: Any) -> dict[str, Any]:
        """The settings of a recipe that a value stands for."""
        if self.name != "cut":
            return {self.name: value}
        return cut_settings(tuple(str(value).split(JOINED)))


def cut_settings(names: tuple[str, ...]) -> dict[str, Any]:
    """The settings for one cut, or for several that are joined."""
    return {"cut": None, "cuts": names} if len(names) > 1 else {"cut": names[0], "cuts": ()}


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same; True is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def axis_of(name: str, given: Any) -> Axis:
    """The axis that an entry of space.toml describes; RecipeError where it is none."""
    if isinstance(given, Mapping):
        if "values" in given:
            return listed(name, given["values"], str(given.get("source", "")))
        return ranged(name, given)
    return listed(name, given, "")


def listed(name: str, given: Any, source: str) -> Axis:
    """A list of values."""
    if not isinstance(given, (list, tuple)):
        raise RecipeError(f"{name} = {given!r:.40}; write a list as [{given!r:.20}, ...], or {{low = ..., high = ...}}")
    if not given:
        raise RecipeError(f"{name} has no values; list one or more")
    unique = [one for place, one in enumerate(given) if not any(same(one, before) for before in given[:place])]
    for value in unique:
        check_value(name, value)
    return Axis(name, tuple(unique), source=source)


def ranged(name: str, given: Mapping[str, Any]) -> Axis:
    """A range of numbers."""
    unknown = next((key for key in given if key not in FIELDS_OF_A_RANGE), None)
    if unknown is not None or "low" not in given or "high" not in given:
        lacks = f"has '{unknown}'" if unknown is not None else "lacks low or high"
        raise RecipeError(f"the range of {name} {lacks}; write {{low = 1e-5, high = 1e-2, log = true}}")
    low, high, log, points = given["low"], given["high"], given.get("log", False), given.get("points")
    kinds = kinds_of_setting(name)
    if not kinds & {int, float} or declaration_of(FIELDS[name]).choices:
        raise RecipeError(f"{name} takes no range: its values are no numbers that have others between; list them")
    for value in (low, high):
        check_value(name, value)
    if not low < high:
        raise RecipeError(f"the range of {name} is empty: low {low} is not below high {high}; mend it")
    if not isinstance(log, bool) or (log and low <= 0):
        raise RecipeError(
            f"the range of {name} has log = {log} from {low}; log is true or false, and needs low above 0"
        )
    if points is not None and not (isinstance(points, int) and not isinstance(points, bool) and points > 1):
        raise RecipeError(f"the range of {name} has points = {points!r:.20}; give two or more")
    if points is not None and points > MOST_POINTS:
        raise RecipeError(f"the range of {name} has {points:,} points; give at most {MOST_POINTS:,}")
    return Axis(name, (), low, high, log, points, float not in kinds, str(given.get("source", "")))


def kinds_of_setting(name: str) -> set[type]:
    """The classes that a setting may be of."""
    group, own = PLACES[name]
    return set(kinds_of(GROUPS[group])[own])


def check_value(name: str, value: Any) -> None:
    """Raise RecipeError where the setting cannot have the value at all."""
    if name == "cut":
        if not isinstance(value, str) or not all(value.split(JOINED)):
            raise RecipeError(f"cut has {value!r:.40}; give names of cuts, joined ones as 'a{JOINED}b'")
        return
    try:
        Recipe(**{name: value} | ({"strategy": "fine-tune"} if name == "unfreeze_from" else {}))
    except RecipeError as error:
        raise RecipeError(f"the space has {name} = {value!r:.40}: {error}") from None
