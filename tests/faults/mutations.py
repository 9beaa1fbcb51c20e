"""Ways in which a file is damaged, or written by somebody who means harm: each takes bytes and gives others."""

import json
from collections.abc import Callable
from random import Random
from typing import Any

Mutation = Callable[[bytes, Random], bytes]
HUGE = 10**400
ODD: tuple[Any, ...] = (
    None, True, -1, 0, 10**12, 2**63, HUGE, 1e308, float("nan"), float("inf"), "", "x" * 5000, "\x00", "\ud800",
    "../../../etc/passwd", "/dev/zero", "hf-hub:timm/resnet18.a1_in1k", "{0.__class__}", "{epoch:99999999999d}",
    "=cmd()", "\x1b]0;title\x07", [], {}, [[]], {"a": {"b": {}}}, [1, "a", None], "1", 1.5, "99999999999",
)  # fmt: skip


def flip(data: bytes, draw: Random) -> bytes:
    """Some bits turned over."""
    changed = bytearray(data)
    for _ in range(draw.choice((1, 1, 1, 2, 8))):
        changed[draw.randrange(len(changed))] ^= 1 << draw.randrange(8)
    return bytes(changed)


def truncate(data: bytes, draw: Random) -> bytes:
    return data[: draw.choice((0, 1, 8, len(data) // 2, len(data) - 1, draw.randrange(len(data))))]


def insert(data: bytes, draw: Random) -> bytes:
    place, more = (
        draw.randrange(len(data) + 1),
        draw.choice((b"\x00", b"\xff" * 7, b"\n", b"{", b'"', draw.randbytes(64))),
    )
    return data[:place] + more + data[place:]


def overwrite(data: bytes, draw: Random) -> bytes:
    place, length = draw.randrange(len(data)), draw.choice((1, 4, 16, 4096))
    return data[:place] + draw.randbytes(len(data[place : place + length])) + data[place + length :]


def exchange(data: bytes, draw: Random) -> bytes:
    """Two parts of one length in each other's place."""
    length = draw.choice((1, 4, 64, 256))
    if len(data) < 2 * length:
        return data[::-1]
    first = draw.randrange(len(data) - 2 * length + 1)
    other = draw.randrange(first + length, len(data) - length + 1)
    middle = data[first + length : other]
    return data[:first] + data[other : other + length] + middle + data[first : first + length] + data[other + length :]


def repeat(data: bytes, draw: Random) -> bytes:
    return data * draw.choice((2, 3))


BYTES: tuple[Mutation, ...] = (flip, flip, flip, truncate, insert, overwrite, exchange, repeat)


def places_in(value: Any) -> list[tuple[Any, Any]]:
    """Every container with each of its keys."""
    found: list[tuple[Any, Any]] = []
    if isinstance(value, (dict, list)):
        keys = list(value) if isinstance(value, dict) else list(range(len(value)))
        for key in keys:
            found += [(value, key), *places_in(value[key])]
    return found


def odd_value(value: Any, draw: Random) -> None:
    container, key = draw.choice(places_in(value))
    container[key] = draw.choice(ODD)


def nudged(value: Any, draw: Random) -> None:
    """A number or a word a little changed: still of the right kind."""
    container, key = draw.choice(places_in(value))
    old = container[key]
    if isinstance(old, bool):
        container[key] = not old
    elif isinstance(old, (int, float)):
        container[key] = draw.choice((old + 1, -old, old * 2, old * 10**9))
    elif isinstance(old, str):
        container[key] = draw.choice((old + "x", old[1:], old[::-1], old.upper()))
    elif isinstance(old, list):
        container[key] = draw.choice((old[1:], old * 2, old[::-1]))


def swapped(value: Any, draw: Random) -> None:
    (one, key), (other, another) = draw.choice(places_in(value)), draw.choice(places_in(value))
    one[key], other[another] = other[another], one[key]


def dropped(value: Any, draw: Random) -> None:
    container, key = draw.choice(places_in(value))
    del container[key]


def renamed(value: Any, draw: Random) -> None:
    objects = [(container, key) for container, key in places_in(value) if isinstance(container, dict)]
    if objects:
        container, key = draw.choice(objects)
        container[draw.choice(("self", "args", "__class__", key + "_", "pretrained", "checkpoint_path"))] = (
            container.pop(key)
        )


def nested(value: Any, draw: Random) -> None:
    container, key = draw.choice(places_in(value))
    for _ in range(draw.choice((40, 300))):
        container[key] = draw.choice(([container[key]], {"a": container[key]}))


FIELDS = (odd_value, odd_value, nudged, nudged, swapped, dropped, renamed, nested)


def fields(data: bytes, draw: Random) -> bytes:
    """JSON with one of its fields changed; deep brackets in place of all of it now and then."""
    if draw.random() < 0.05:
        deep = draw.choice((100, 100_000))
        return b"[" * deep + b"]" * draw.choice((0, deep))
    value = json.loads(data)
    while value and (made := dumped(value, draw)) is not None:
        if made != data:
            return made
    return b"{}"


def dumped(value: Any, draw: Random) -> bytes | None:
    try:
        if not places_in(value):
            return None
        draw.choice(FIELDS)(value, draw)
        return json.dumps(value).encode()
    except (ValueError, RecursionError):  # a thing that holds itself, or a number of too many digits
        return f'{{"a": 1{"0" * 5000}}}'.encode()


def lines(data: bytes, draw: Random) -> bytes:
    """A table of JSON lines or commas with one line changed."""
    rows = data.split(b"\n")
    place = draw.randrange(len(rows))
    rows[place] = draw.choice(
        (rows[place] * 2, b"", b"\x00", b"[" * 5000, b'{"image": ' + b"[" * 900 + b"]" * 900 + b"}", b"1" * 200_000,
         b'{"image": 1e999, "label": "a"}', b'"', rows[place][::-1], b'{"image": null}', b"null", b"3")
    )  # fmt: skip
    return b"\n".join(rows)


def mutations_of(name: str) -> tuple[Mutation, ...]:
    """What is done to a file, by its name."""
    if name.endswith(".json"):
        return (*BYTES, *[fields] * len(BYTES))
    if name.endswith((".jsonl", ".csv")):
        return (*BYTES, *[lines] * 4)
    return BYTES
