"""What leaves the cache: leftovers, and the stores not used for longest."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from stores import fill, shards

from regraft.cache_folder import cache_folder
from regraft.errors import RecipeError
from regraft.features import eviction
from regraft.features.store import OPEN, open_store


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    yield
    OPEN.clear()


def test_what_a_killed_process_left_goes_after_a_day() -> None:
    store = open_store("k")
    old, young, removed = store.folder / ".shard-a", store.folder / ".shard-b", store.folder.parent / ".removed-c"
    for folder in (old, young, removed):
        folder.mkdir()
        (folder / "a.bin").write_bytes(b"x")
    for folder in (old, removed):
        os.utime(folder, (0, time.time() - 25 * 3600))
    fill(store, range(2))
    assert (old.exists(), young.exists(), removed.exists()) == (False, True, False)


def unused_since(key: str, hours: float) -> None:
    then = time.time() - 3600 * hours
    os.utime(cache_folder() / "features" / key / "used", (then, then))


def test_the_stores_not_used_for_longest_go_first(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = {"oldest": 5.0, "old": 4.0, "opened again": 3.0, "of another process": 0.5}
    for key, hours in keys.items():
        fill(open_store(key), range(100))
        unused_since(key, hours)
    OPEN.clear()
    size = eviction.bytes_of(cache_folder() / "features" / "old")
    again = open_store("opened again")
    monkeypatch.setenv("REGRAFT_CACHE_LIMIT", str(4.5 * size))
    fill(open_store("new"), range(100))
    assert {shard.parent.name for shard in shards()} == {*keys, "new"} - {"oldest"}
    monkeypatch.setenv("REGRAFT_CACHE_LIMIT", "0")
    fill(again, range(100, 101))
    assert {shard.parent.name for shard in shards()} == {"opened again", "of another process", "new"}


def test_a_limit_that_is_no_size_is_told_before_the_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_CACHE_LIMIT", "plenty")
    with pytest.raises(RecipeError, match=r"REGRAFT_CACHE_LIMIT is 'plenty'.*500MB"):
        open_store("k")
