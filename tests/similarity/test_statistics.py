"""What is known of a source: moments by cut and level, and the file that keeps them."""

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

from regraft.errors import RunError
from regraft.similarity.statistics import (
    Level,
    Moments,
    Statistics,
    find_statistics,
    from_tensors,
    levels_below,
    path_of,
)


def some(side: float = 64, size: float = 64) -> Statistics:
    """Random moments of two cuts at every level."""
    draw = np.random.default_rng(0)
    levels: list[Level] = [None, *levels_below(64)]
    places = {(cut, level): Moments(draw.normal(size=3), draw.random(3)) for cut in ("a", "b.1") for level in levels}
    return Statistics(places, side, size)


def check_same(one: Statistics, other: Statistics) -> None:
    assert (one.side, one.size, set(one.by_place)) == (other.side, other.size, set(other.by_place))
    for cut, level in one.by_place:
        here, there = one.moments(cut, level), other.moments(cut, level)
        assert here
        assert there
        np.testing.assert_allclose(here.mean, there.mean, rtol=1e-6)  # a file has float32
        np.testing.assert_allclose(here.std, there.std, rtol=1e-6)


def test_statistics_come_back_from_their_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path))
    known = some(side=57, size=96)
    assert find_statistics("fingerprint") is None
    known.write(path_of("fingerprint"))
    found = find_statistics("fingerprint")
    assert found
    check_same(known, found)
    check_same(known, from_tensors(known.tensors() | {"weights": np.zeros(2), "alone.mean": np.zeros(3)}))
    assert found.moments("a", 8) is not None
    assert found.moments("a", 9) is found.moments("c") is None


def test_a_damaged_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path))
    path = path_of("fingerprint")
    some().write(path)
    save_file({name: value for name, value in load_file(path).items() if name != "side"}, path)
    with pytest.raises(RunError, match="damaged"):
        find_statistics("fingerprint")
    path.write_bytes(b"none")
    with pytest.raises(RunError, match="damaged"):
        find_statistics("fingerprint")
    with pytest.raises(RunError, match="cannot be written"):
        some().write(path / "below-a-file.safetensors")


@pytest.mark.parametrize(("side", "level"), [(3, 8), (8, 8), (14, 16), (36, 32), (47, None), (64, None), (900, None)])
def test_the_nearest_level_is_taken(side: int, level: int | None) -> None:
    assert levels_below(64) == [8, 16, 32]
    assert some(size=64).level_for(side, 64) == level
    assert some(size=128).level_for(side / 2, 64) == level  # half as large an image, blown up as much
    alone = Statistics({("a", None): Moments(np.zeros(1), np.ones(1))}, 64, 64)
    assert alone.level_for(side, 64) is None
