"""Settings as fields of frozen dataclasses: each declares its default, help, choices and range once.

The command line's options, the page of options and the checks all follow from these declarations.
"""

import math
from dataclasses import Field, dataclass, field, fields
from types import UnionType
from typing import Any, get_args, get_type_hints

from regraft.errors import RecipeError

LARGEST = 1e38  # that a setting may be, in single precision


@dataclass(frozen=True)
class Declaration:
    """What a setting means and which values it may have."""

    help: str  # one sentence, with the unit
    choices: tuple[Any, ...] = ()  # empty: not limited to some
    least: float = -math.inf
    most: float = math.inf
    name: str = ""  # in flat recipes and, with dashes, on the command line; empty: the field's own
    flag: str = ""  # on the command line where that differs from the name
    also: tuple[str, ...] = ()  # other spellings of the flag that people type
    otherwise: str = ""  # what stands where it is left open, in words


def setting(default: Any, help: str, **declared: Any) -> Any:  # noqa: A002 - as typer and argparse call it
    """A dataclass field that is a setting; ``declared``: the other fields of Declaration."""
    return field(default=default, metadata={"declaration": Declaration(help, **declared)})


def declaration_of(one: "Field[Any]") -> Declaration:
    """The declaration of a field that ``setting`` made."""
    declaration: Declaration = one.metadata["declaration"]
    return declaration


def name_of(one: "Field[Any]") -> str:
    """A setting's name among all settings."""
    return declaration_of(one).name or one.name


def flag_of(one: "Field[Any]") -> str:
    """A setting's name as the command line spells it."""
    return "--" + (declaration_of(one).flag or name_of(one).replace("_", "-"))


def check(section: Any) -> None:
    """Raise RecipeError for a value of another kind, outside the choices, or outside the range of its setting."""
    kinds = kinds_of(type(section))
    for one in fields(section):
        value, declared, allowed = getattr(section, one.name), declaration_of(one), kinds[one.name]
        if not isinstance(value, allowed) or (isinstance(value, bool) and bool not in allowed):
            listed = " or ".join(kind.__name__ for kind in allowed if kind is not type(None))
            raise RecipeError(f"{flag_of(one)} is {value!r:.60}; it must be of kind {listed}")
        if isinstance(value, tuple | list) and not all(isinstance(item, str) for item in value):
            raise RecipeError(f"{flag_of(one)} is {value!r:.60}; it must be a list of names")
        if declared.choices and value is not None and value not in declared.choices:
            listed = ", ".join(map(str, declared.choices))
            raise RecipeError(f"{flag_of(one)} is '{value!s:.60}'; choose one of {listed}")
        if isinstance(value, (int, float)) and not (declared.least <= value <= declared.most and abs(value) < LARGEST):
            limits = f"between {declared.least} and {declared.most}"
            limits = limits if declared.most < math.inf else f"{declared.least} or more"
            limits += f", and below {LARGEST:.0e}" if declared.least <= value and declared.most == math.inf else ""
            raise RecipeError(f"{flag_of(one)} is {value!r:.60}; it must be {limits}")


def kinds_of(section: type) -> dict[str, tuple[type, ...]]:
    """The classes that each setting of a section may be of; a whole number does where any number does."""
    named = {"tuple[str, ...]": (tuple, list)}
    allowed = {}
    for name, hint in get_type_hints(section).items():
        kinds = tuple(get_args(hint)) if isinstance(hint, UnionType) else named.get(str(hint), (hint,))
        allowed[name] = (*kinds, int) if float in kinds else kinds
    return allowed
