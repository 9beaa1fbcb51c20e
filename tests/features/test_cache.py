import os
from pathlib import Path

import numpy as np
import pytest

from regraft.cache_folder import cache_folder, cache_limit
from regraft.data.content import OnDisk
from regraft.data.identity import Look
from regraft.errors import RecipeError, RunError
from regraft.features import eviction, known_files
from regraft.features.cache import check, clear, show
from regraft.features.known_files import KnownFiles
from regraft.features.store import open_store


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(known_files, "UNSETTLED", -10_000_000)


def fill_the_cache(file: Path) -> None:
    """Two stores of 3 and 5 images, a network, statistics, a known file."""
    for key, images in (("first", 3), ("second", 5)):
        store = open_store(key)
        for number in range(images):
            store.add([Look(f"{number:032x}", "", 1, 1)], {"a": np.arange(4.0)[None], "b": np.arange(2.0)[None]})
        store.flush()
    for kind, name in (("networks", "n/openvino.xml"), ("networks", "n.json"), ("statistics", "s.safetensors")):
        path = cache_folder() / kind / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("12345")
    file.write_bytes(b"an image")
    known = KnownFiles()
    known.note(known.state_of(OnDisk(file)), "0" * 32)
    known.write()


def test_what_there_is(tmp_path: Path) -> None:
    fill_the_cache(tmp_path / "a.jpg")
    os.utime(cache_folder() / "features" / "second" / "used", (0, 86400))
    cache = show()
    assert [(entry.kind, entry.name, entry.images) for entry in cache.entries] == [
        ("features", "first", 3),
        ("features", "second", 5),
        ("networks", "n.json", None),
        ("networks", "n", None),
        ("files", cache.entries[4].name, 1),
        ("statistics", "s.safetensors", None),
    ]
    assert cache.entries[1].used.timestamp() == 86400
    assert cache.total == eviction.bytes_of(cache_folder())
    assert cache.limit == 20_000_000_000


def test_an_empty_cache_stays_away() -> None:
    for cache in (show(), check(), clear(statistics=True)):
        assert (cache.entries, cache.total, cache.freed, cache.damaged) == ((), 0, 0, ())
    assert not cache_folder().exists()


def test_check_finds_and_removes_what_is_damaged(tmp_path: Path) -> None:
    fill_the_cache(tmp_path / "a.jpg")
    assert check().damaged == ()
    (flipped,), (unsealed,) = (list((cache_folder() / "features" / key).glob("shard-*")) for key in ("first", "second"))
    data = (flipped / "b.bin").read_bytes()
    (flipped / "b.bin").write_bytes(data[:-1] + b"\x00")
    (unsealed / "seal.json").unlink()
    (part,) = (cache_folder() / "files").iterdir()
    part.write_bytes(part.read_bytes()[:-1])
    cache = check()
    assert [(damage.path, damage.reason.split(":")[0]) for damage in cache.damaged] == [
        (flipped, "b"),
        (unsealed, "seal.json is missing"),
        (part, "the checksum does not match"),
    ]
    assert cache.freed > 0
    assert not any(path.exists() for path in (flipped, unsealed, part))
    assert check().damaged == ()


def test_clear_leaves_the_statistics_unless_asked(tmp_path: Path) -> None:
    fill_the_cache(tmp_path / "a.jpg")
    (cache_folder() / "of somebody else").write_text("x")
    before = show()
    cache = clear()
    assert [entry.kind for entry in cache.entries] == ["statistics"]
    assert cache.freed == before.total - 5
    assert clear(statistics=True).entries == ()
    assert (cache_folder() / "of somebody else").exists()


@pytest.mark.skipif(os.getuid() == 0, reason="root may write everywhere")
def test_a_cache_that_may_not_be_written(tmp_path: Path) -> None:
    fill_the_cache(tmp_path / "a.jpg")
    features = cache_folder() / "features"
    features.chmod(0o500)
    try:
        with pytest.raises(RunError, match="cannot be cleared: Permission denied"):
            clear()
    finally:
        features.chmod(0o700)


@pytest.mark.parametrize(
    ("text", "limit"),
    [("500MB", 500_000_000), (" 1.5 gb ", 1_500_000_000), ("2TB", 2 * 10**12), ("7", 7), ("3kB", 3000), ("0", 0)],
)
def test_sizes_of_the_limit(monkeypatch: pytest.MonkeyPatch, text: str, limit: int) -> None:
    monkeypatch.setenv("REGRAFT_CACHE_LIMIT", text)
    assert cache_limit() == limit


@pytest.mark.parametrize("text", ["-1", "1e9", "MB", "20 gigabytes", "1,5GB"])
def test_what_is_no_size(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv("REGRAFT_CACHE_LIMIT", text)
    with pytest.raises(RecipeError, match="REGRAFT_CACHE_LIMIT"):
        show()
