import gc
import json
import shutil
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from stores import fill, image_look, shards

from benchmarks.many_rows import write_shards
from regraft.data.content import OnDisk
from regraft.data.find import find_images
from regraft.errors import DataError, RunError
from regraft.features import eviction, known_files
from regraft.features import store as store_module
from regraft.features.extract import extract, extract_known
from regraft.features.features import Features
from regraft.features.store import OPEN, open_store
from regraft.network.cuts import Cut
from regraft.network.engine import Engine
from regraft.network.preprocessing import Preprocessing
from regraft.recipe import Recipe

Make = Callable[..., Path]
BACKBONE: Any = SimpleNamespace(
    cuts=(Cut("last", (), "last", 3, (2, 3), 1, 1.0),),
    fingerprint="colours",
    preprocessing=Preprocessing(16),
    source_classes=(),
)


@pytest.fixture(autouse=True)
def colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A cache of each test's own, and a network that gives an image's mean colour."""
    engine = Engine("colours", lambda pixels: [pixels.mean((1, 2), dtype=np.float32)])
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(known_files, "UNSETTLED", -10_000_000)
    monkeypatch.setattr("regraft.features.frozen_pass.best_engine", lambda device: "colours")
    monkeypatch.setattr("regraft.features.frozen_pass.compile_pass", lambda *given: engine)
    yield
    OPEN.clear()


def look(root: Path, **settings: Any) -> Features:
    return extract(find_images(root), BACKBONE, recipe=Recipe(**settings))


def pooled(features: Features) -> np.ndarray:
    return features.pooled(BACKBONE.cuts, np.arange(len(features.looks)))


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 4
    path.write_bytes(data)


def test_rows_come_back_in_the_order_asked_for_from_several_shards() -> None:
    store = open_store("k")
    fill(store, range(4))
    fill(store, range(4, 9))
    for opened in (store, open_store("k")):
        asked = [7, 0, 8, 3, 3]
        contents = [image_look(number).content for number in asked]
        for name, channels, kind in (("a", 5, np.float32), ("b", 3, np.float16)):
            gathered = opened.gather(name, contents)
            assert gathered.dtype == kind
            np.testing.assert_array_equal(gathered, np.repeat(np.array(asked, kind)[:, None], channels, 1))
        assert [opened.rows[content].look for content in contents] == [image_look(number) for number in asked]


def test_many_images_are_opened_and_found_again() -> None:
    store, rows = open_store("k"), np.arange(60_000, dtype=np.float32)
    store.add([image_look(number) for number in range(60_000)], {"a": rows[:, None]})
    store.flush()
    again = open_store("k")
    assert list(again.rows) == [image_look(number).content for number in range(60_000)]
    np.testing.assert_array_equal(again.gather("a", list(again.rows))[:, 0], rows)


@pytest.mark.slow
def test_little_is_kept_of_an_image_that_went_through(tmp_path: Path) -> None:
    kept = []
    for count in (50, 500, 1_500):
        folder = tmp_path / f"{count}"
        folder.mkdir()
        write_shards(folder, count)
        gc.collect()
        tracemalloc.start()
        features = extract(find_images(folder), SimpleNamespace(**vars(BACKBONE), name="colours"))
        gc.collect()
        kept.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()
        assert len(features.looks) == count
    assert (kept[2] - kept[1]) / 1_000 < 400  # bytes; of objects it was 645


def test_a_second_run_opens_no_image(make_folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_folder()
    first = look(root)
    monkeypatch.setattr(OnDisk, "read", lambda self: pytest.fail(f"{self.path} was read"))
    again = look(root)
    assert (first.passed, again.passed, again.looks) == (24, 0, first.looks)
    np.testing.assert_array_equal(pooled(again), pooled(first))
    with pytest.raises(DataError):  # every image has more pixels than that
        look(root, max_pixels=100)


def test_a_changed_file_is_read_again(make_folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_folder()
    first, (one, other) = look(root), sorted((root / "class0").iterdir())[:2]
    opened, read = list[Path](), OnDisk.read
    monkeypatch.setattr(OnDisk, "read", lambda self: opened.append(self.path) or read(self))
    one.write_bytes(other.read_bytes())
    again = look(root)
    assert opened == [one]
    assert again.passed == 0  # its bytes are known of the other file
    np.testing.assert_array_equal(pooled(again)[:2], pooled(first)[[1, 1]])


def test_a_file_written_just_now_is_read_again(make_folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(known_files, "UNSETTLED", 3_600_000_000_000)
    root = make_folder(each=3)
    look(root)
    opened, read = list[Path](), OnDisk.read
    monkeypatch.setattr(OnDisk, "read", lambda self: opened.append(self.path) or read(self))
    assert look(root).passed == 0
    assert len(opened) == 6


def test_broken_files_stay_broken(make_folder: Make) -> None:
    root = make_folder(each=4)
    (root / "class0" / "000.png").write_bytes(b"broken")
    for passed in (7, 0):
        features = look(root)
        assert features.passed == passed
        assert [fault.path for fault in features.images.faults] == ["class0/000.png"]


@pytest.mark.parametrize("place", [0, 17, -1])
def test_a_flipped_byte_in_an_array_is_made_good(make_folder: Make, place: int) -> None:
    root = make_folder()
    expected = pooled(look(root))
    (shard,) = shards()
    flip(shard / "mean-last.bin", place)
    features = look(root)
    np.testing.assert_array_equal(pooled(features), expected)
    assert not shard.exists()
    np.testing.assert_array_equal(pooled(look(root)), expected)


@pytest.mark.parametrize("file", ["seal.json", "index.json", "checksums.bin", "mean-last.bin"])
@pytest.mark.parametrize("damage", ["truncated", "emptied", "deleted", "flipped"])
def test_other_damage_is_noticed_before_the_pass(make_folder: Make, file: str, damage: str) -> None:
    root = make_folder()
    expected, (shard,) = pooled(look(root)), shards()
    path = shard / file
    if damage == "flipped":
        flip(path, len(path.read_bytes()) // 2)
    elif damage == "deleted":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-7] if damage == "truncated" else b"")
    features = look(root)
    if (file, damage) != ("mean-last.bin", "flipped"):  # which is noticed when it is read
        assert features.passed == 24
        assert not shard.exists()
    np.testing.assert_array_equal(pooled(features), expected)


def test_rows_that_go_after_the_pass_are_made_again(make_folder: Make) -> None:
    root = make_folder()
    features = look(root)
    expected, rows = pooled(features), np.array([3, 20])
    known = extract_known(features, rows, BACKBONE)
    for shard in shards():
        eviction.remove(shard.parent)
    np.testing.assert_array_equal(known.pooled(BACKBONE.cuts, np.arange(2)), expected[rows])
    np.testing.assert_array_equal(pooled(features), expected)  # what the other lacks it makes too
    assert (known.passed, features.passed) == (0, 24)


def test_an_image_that_is_another_now_is_not_taken_for_the_lost_one(make_folder: Make) -> None:
    root = make_folder()
    features = look(root)
    paths = sorted((root / "class0").iterdir())
    paths[0].write_bytes(paths[1].read_bytes())
    flip(shards()[0] / "mean-last.bin", 0)
    with pytest.raises(DataError, match=r"class0/000\.png .*another image"):
        pooled(features)


def test_a_store_that_cannot_make_rows_again_says_so() -> None:
    store = open_store("k")
    fill(store, range(4))
    flip(shards()[0] / "b.bin", 3)
    contents = list(store.rows)
    assert store.gather("a", contents).shape == (4, 5)
    with pytest.raises(RunError, match="run the command again"):
        store.gather("b", contents)
    assert shards() == []
    assert open_store("k").rows == {}


@pytest.mark.parametrize("name", ["seal.json", "index.json", "checksums.bin", "a.bin", ""])
def test_a_folder_or_file_of_another_kind_costs_a_pass_and_no_more(name: str) -> None:
    fill(open_store("k"), range(4))
    place = shards()[0] / name
    if place.is_dir():
        shutil.rmtree(place)
        place.write_bytes(b"")
    else:
        place.unlink()
        place.mkdir()
    store = open_store("k")
    if store.rows:  # it is noticed when it is read
        with pytest.raises(RunError, match="run the command again"):
            store.gather("a", list(store.rows))
    assert open_store("k").rows == {}
    assert shards() == []


def test_a_cache_cleared_during_a_pass_is_begun_again() -> None:
    store = open_store("k")
    fill(store, range(2))
    eviction.remove(store.folder)
    fill(store, range(2, 4))
    assert len(open_store("k").rows) == 2


def test_a_cache_cleared_while_a_shard_is_written_is_begun_again(monkeypatch: pytest.MonkeyPatch) -> None:
    store, write, folders = open_store("k"), store_module.write_shard, list[Path]()

    def cleared_once(folder: Path, rows: Any) -> Any:
        folders.append(folder)
        if len(folders) == 1:
            eviction.remove(store.folder)
        return write(folder, rows)

    monkeypatch.setattr(store_module, "write_shard", cleared_once)
    fill(store, range(2))
    assert (len(folders), len(open_store("k").rows)) == (2, 2)


def test_a_full_disk_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    store = open_store("k")
    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(RunError, match=r"No space left on device; free space there"):
        fill(store, range(2))
    assert [path.name for path in store.folder.iterdir()] == ["used"]


def test_the_seal_says_how_many_images_there_are() -> None:
    fill(open_store("k"), range(7))
    assert json.loads((shards()[0] / "seal.json").read_text())["images"] == 7
