"""JSON from outside: what is no JSON, or has other fields than its schema, is said in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from regraft.strict_json import Malformed, build, checksum_of, parse_json, read_json


@dataclass(frozen=True)
class Inner:
    name: str
    share: float = 1.0


@dataclass(frozen=True)
class Outer:
    count: int
    pair: tuple[str, int]
    rows: tuple[Inner, ...]
    by_name: Mapping[str, Inner]
    numbers: Sequence[int] = ()
    whole: bool | None = None
    free: Any = None
    more: dict[str, float] = field(default_factory=dict)


GOOD: dict[str, Any] = {
    "count": 1,
    "pair": ["a", 2],
    "rows": [{"name": "b", "share": 2}],
    "by_name": {"c": {"name": ""}},
}


def test_a_dataclass_is_built_all_the_way_down() -> None:
    built = build(Outer, GOOD | {"numbers": [1, 2], "whole": True, "free": [{}], "more": {"x": 3}})
    assert built == Outer(1, ("a", 2), (Inner("b", 2.0),), {"c": Inner("")}, [1, 2], True, [{}], {"x": 3.0})
    assert type(built.rows[0].share) is float
    assert build(Outer, GOOD).whole is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"count": "1"}, "count is '1'; a whole number is expected"),
        ({"count": True}, "count is true; a whole number is expected"),
        ({"count": 1.0}, "count is 1.0; a whole number is expected"),
        ({"count": 10**30}, "count is a number of too many digits; a whole number is expected"),
        ({"count": None}, "count is null; a whole number is expected"),
        ({"pair": ["a"]}, "pair is a list of 1; a list of 2 is expected"),
        ({"pair": ["a", "b"]}, r"pair\[1\] is 'b'; a whole number is expected"),
        ({"rows": {}}, "rows is an object with 0 fields; a list is expected"),
        ({"rows": [{}]}, r"rows\[0\].name is missing"),
        ({"rows": [{"name": "a", "share": "much"}]}, r"rows\[0\].share is 'much'; a number is expected"),
        ({"rows": [{"name": "a", "self": 1}]}, r"rows\[0\].self is no field that is known"),
        ({"by_name": {"c": 3}}, "by_name.c is 3; an object with fields is expected"),
        ({"numbers": [1, "x" * 500]}, r"numbers\[1\] is 'x{60}' and so on"),
        ({"numbers": [2**70]}, "too many digits"),
        ({"whole": 1}, "whole is 1; true or false is expected"),
        ({"more": {"x": float("inf")}}, "a number is expected"),
    ],
)
def test_what_does_not_fit_is_named_with_its_place(change: dict[str, Any], said: str) -> None:
    with pytest.raises(Malformed, match=said):
        build(Outer, GOOD | change)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "no JSON"),
        (b"{", "no JSON"),
        (b"\xff\xfe{}", "not UTF-8 text"),
        (b"[NaN]", "NaN is no number"),
        (b"[-Infinity]", "no number"),
        (b"1" * 5000, "too many digits"),
        (b'{"a": 1, "b": 2, "a": 3}', "'a' is there twice"),
        (b"[" * 33 + b"]" * 33, "brackets"),
        (b"[" * 200_000, "brackets"),
        (b'{"a":' * 100_000, "brackets"),
    ],
)
def test_what_is_no_json_is_refused(text: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=said):
        parse_json(text)


def test_what_is_json_is_read(tmp_path: Path) -> None:
    assert parse_json(b'\xef\xbb\xbf{"a": [1, 2.5, "\\udc80"]}') == {"a": [1, 2.5, "\udc80"]}
    assert parse_json("[" * 32 + "]" * 32)
    (tmp_path / "a.json").write_text("[1]")
    assert read_json(tmp_path / "a.json") == [1]
    with pytest.raises(Malformed, match="more than 2 bytes"):
        read_json(tmp_path / "a.json", most=2)


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there are no devices")
def test_devices_are_not_read() -> None:
    with pytest.raises(Malformed, match="no regular file"):
        read_json(Path("/dev/zero"))
    with pytest.raises(Malformed, match="more than 5 bytes"):
        read_json(Path("/dev/zero"), 5, pipe=True)


def test_a_checksum_is_of_what_is_said_and_not_of_how() -> None:
    assert checksum_of({"a": 1, "b": [0.1]}) == checksum_of({"b": [0.1], "a": 1})
    assert checksum_of({"a": 1}) != checksum_of({"a": 2})
