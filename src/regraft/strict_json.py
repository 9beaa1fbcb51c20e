"""JSON that others may have written or damaged: read within limits, and made into dataclasses that say what they take.

A dataclass is the schema: its fields' types are checked all the way down, and no field may be missing or unknown.
"""

import json
import math
import stat
import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints
from zlib import crc32

MOST_BYTES = 32_000_000  # of a file, unless its reader allows more
DEEPEST = 32  # brackets inside brackets
LARGEST = 2**63  # whole numbers stay below that
SHOWN = 60  # letters of a value in an error
NAMES = {str: "text", int: "a whole number", float: "a number", bool: "true or false", type(None): "null"}

Kind = TypeVar("Kind")


class Malformed(ValueError):
    """What was read is no JSON, or has other fields than it should have."""


def read_json(path: Path, most: int = MOST_BYTES, pipe: bool = False, kept: Callable[[Any], Any] | None = None) -> Any:
    """What a file of at most so many bytes says; Malformed, or OSError. With ``pipe`` it need be no regular file.

    ``kept``: what is kept of each object as it is read, where all of them would take too much memory.
    """
    return parse_json(read_bytes(path, most, pipe), kept)


def read_bytes(path: Path, most: int, pipe: bool = False) -> bytes:
    """What is in a file, likewise."""
    mode = path.stat().st_mode
    if not pipe and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise Malformed("it is no regular file")
    with path.open("rb") as file:
        data = file.read(most + 1)
    if len(data) > most:
        raise Malformed(f"it has more than {most:,} bytes")
    return data


def parse_json(data: bytes | str, kept: Callable[[Any], Any] | None = None) -> Any:
    """What a text says; Malformed where it is no JSON, says a name twice, or goes too deep."""
    try:
        text = data.decode("utf-8-sig") if isinstance(data, bytes) else data
        hook = (lambda pairs: kept(unique(pairs))) if kept else unique
        value = json.loads(text, object_pairs_hook=hook, parse_constant=no_number)
    except UnicodeDecodeError as error:
        raise Malformed(f"it is not UTF-8 text (byte {error.start})") from None
    except json.JSONDecodeError as error:
        raise Malformed(f"it is no JSON ({error.msg}, line {error.lineno})") from None
    except Malformed:
        raise
    except ValueError:  # Python reads no numbers of thousands of digits
        raise Malformed("it has a number of too many digits") from None
    except RecursionError:
        raise too_deep() from None
    if text.count("[") + text.count("{") > DEEPEST and depth_of(value) > DEEPEST:
        raise too_deep()
    return value


def too_deep() -> Malformed:
    """The error for brackets without end."""
    return Malformed(f"more than {DEEPEST} brackets lie in each other")


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object's fields."""
    values = dict(pairs)
    if len(values) < len(pairs):
        seen = set[str]()
        name = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
        raise Malformed(f"'{name[:SHOWN]}' is there twice")
    return values


def no_number(text: str) -> Any:
    """Refuse NaN and Infinity, which are no JSON."""
    raise Malformed(f"{text} is no number")


def depth_of(value: Any) -> int:
    """How many brackets lie in each other."""
    level, depth = [value], 0
    while level := [one for one in level if isinstance(one, (dict, list))]:
        level = [inner for one in level for inner in (one.values() if isinstance(one, dict) else one)]
        depth += 1
    return depth


def checksum_of(value: Any) -> int:
    """A checksum of plain data, the same before it was written and after it was read."""
    return crc32(json.dumps(value, sort_keys=True).encode())


def build(kind: type[Kind], value: Any, name: str = "") -> Kind:
    """A value of the kind, which is a dataclass or a type of plain data; Malformed says which field is something else.

    ``name``: of the value, in errors.
    """
    built: Kind = value_of(kind, value, name)
    return built


def value_of(kind: Any, value: Any, name: str) -> Any:
    """The same for any type that a field may have."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any:
        return value
    if origin is None:
        return record(kind, value, name) if is_dataclass(kind) else plain(kind, value, name)
    if origin in {Union, types.UnionType}:
        return either(inner, value, name)
    if origin in {tuple, list, Sequence}:
        return listed(origin, inner, value, name)
    if origin in {dict, Mapping}:
        return {key: value_of(inner[1], one, joined(name, key)) for key, one in object_of(value, name).items()}
    raise TypeError(f"{kind} is no type of plain data")


def listed(origin: Any, inner: Sequence[Any], value: Any, name: str) -> Any:
    """A tuple of so many types, or a tuple or list of one."""
    items = list_of(value, name)
    if origin is not tuple or inner[-1] is ...:
        same = each(inner[0], items, name)
        return tuple(same) if origin is tuple else same
    if len(items) != len(inner):
        raise other(value, name, f"a list of {len(inner)}")
    return tuple(value_of(one, item, f"{name}[{i}]") for i, (one, item) in enumerate(zip(inner, items, strict=True)))


def each(kind: Any, items: list[Any], name: str) -> list[Any]:
    """The items of a list; many plain ones are looked at together."""
    if kind is str and set(map(type, items)) <= {str}:
        return items
    if kind is int and set(map(type, items)) <= {int} and (not items or -LARGEST < min(items) <= max(items) < LARGEST):
        return items
    return [value_of(kind, item, f"{name}[{place}]") for place, item in enumerate(items)]


def record(kind: Any, value: Any, name: str) -> Any:
    """A dataclass from an object with its fields."""
    values, types_of = object_of(value, name), hints(kind)
    unknown = next((key for key in values if key not in types_of), None)
    if unknown is not None:
        raise Malformed(f"{joined(name, unknown)} is no field that is known")
    for one in fields(kind):
        if one.name not in values and one.default is MISSING and one.default_factory is MISSING:
            raise Malformed(f"{joined(name, one.name)} is missing")
    return kind(**{key: value_of(types_of[key], one, joined(name, key)) for key, one in values.items()})


@cache
def hints(kind: Any) -> dict[str, Any]:
    """The types of a dataclass's fields."""
    known = get_type_hints(kind)
    return {one.name: known[one.name] for one in fields(kind) if one.init}


def either(kinds: Sequence[Any], value: Any, name: str) -> Any:
    """A value of the first type that it fits."""
    errors = list[Malformed]()
    for kind in kinds:
        try:
            return value_of(kind, value, name)
        except Malformed as error:
            errors.append(error)
    if len(kinds) == 2 and type(None) in kinds:  # noqa: PLR2004 - a type or nothing
        raise errors[kinds.index(next(kind for kind in kinds if kind is not type(None)))]
    raise other(value, name, " or ".join(NAMES.get(kind, str(kind)) for kind in kinds))


def plain(kind: Any, value: Any, name: str) -> Any:
    """A text, a number, true or false, or null; a whole number does where any number does."""
    if kind not in NAMES:
        raise TypeError(f"{kind} is no type of plain data")
    fits = type(value) is kind or (kind is float and type(value) is int)
    if not fits or (type(value) is int and abs(value) >= LARGEST) or (kind is float and not math.isfinite(value)):
        raise other(value, name, NAMES[kind])
    return float(value) if kind is float else value


def list_of(value: Any, name: str) -> list[Any]:
    """The items of a list, or of a tuple that never was written."""
    if not isinstance(value, list | tuple):
        raise other(value, name, "a list")
    return list(value)


def object_of(value: Any, name: str) -> dict[str, Any]:
    """The fields of an object."""
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in value):
        raise other(value, name, "an object with fields")
    return dict(value)


def joined(name: str, field: str) -> str:
    """The name of a field inside another."""
    return f"{name}.{field[:SHOWN]}" if name else field[:SHOWN]


def other(value: Any, name: str, expected: str) -> Malformed:
    """The error for a value of another kind."""
    return Malformed(f"{name or 'it'} is {shown(value)}; {expected} is expected")


def shown(value: Any) -> str:
    """A value in a few words."""
    if isinstance(value, Mapping):
        return f"an object with {len(value):,} fields"
    if isinstance(value, list | tuple):
        return f"a list of {len(value):,}"
    if isinstance(value, int) and abs(value) >= LARGEST:
        return "a number of too many digits"
    if isinstance(value, str):
        return repr(value) if len(value) <= SHOWN else f"{value[:SHOWN]!r} and so on"
    return json.dumps(value)
