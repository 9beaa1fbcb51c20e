"""A recipe as somebody would type it."""

import shlex
from collections.abc import Collection, Iterator

from regraft.recipe.declaration import flag_of
from regraft.recipe.recipe import DEFAULTS, FIELDS, GROUPS, PLACES, Recipe

SECOND, MINUTE, HOUR = 1, 60, 3600
JOINED = {"cuts": "cut"}  # settings that are entered as another one, given again


def command(verb: str, data: str, recipe: Recipe, groups: Collection[str] = tuple(GROUPS)) -> str:
    """``regraft VERB DATA`` with the options of ``groups`` that make ``recipe``, as a shell reads it."""
    return shlex.join(["regraft", verb, data, *options_of(recipe, groups)])


def options_of(recipe: Recipe, groups: Collection[str] = tuple(GROUPS)) -> Iterator[str]:
    """The words that set what the recipe has other than by default."""
    for name, value in recipe.flat().items():
        if value == DEFAULTS[name] or PLACES[name][0] not in groups:
            continue
        flag = flag_of(FIELDS[JOINED.get(name, name)])
        if isinstance(value, bool):
            yield flag
        elif isinstance(value, tuple | list):
            for one in value:
                yield from (flag, str(one))
        else:
            yield from (flag, in_words(value) if name == "time_limit" else str(value))


def in_words(seconds: float) -> str:
    """A duration as --time-limit takes it."""
    for unit, letter in ((HOUR, "h"), (MINUTE, "m")):
        if seconds >= unit and seconds % unit == 0:
            return f"{seconds / unit:.0f}{letter}"
    return f"{seconds:g}s"
