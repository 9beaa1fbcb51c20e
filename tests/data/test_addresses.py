"""Images at an address: the same images as on a disk, each byte read once, and one line for what is wrong."""

from collections.abc import Callable
from pathlib import Path

import pytest
from odd import pack_zip
from stored import SETTINGS, Store, fresh, packed, png, shard, with_shards

import regraft as library
from regraft.data import remote
from regraft.data.address import Address
from regraft.data.find import find_images
from regraft.data.readers import shard_index
from regraft.data.readers.paths import contents_at
from regraft.data.remote import RemoteFile
from regraft.data.scan import scan
from regraft.progress import Progress
from regraft.recipe import Reading

fsspec = pytest.importorskip("fsspec")
Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(
    "address",
    ["memory://photos", "memory://photos/", "memory://photos/shard-{0000..0002}.tar", "memory://photos/shard-*.tar"],
)
def test_shards_are_those_of_a_disk(store: Store, tmp_path: Path, address: str) -> None:
    on_disk = find_images(with_shards(store, tmp_path))
    found = find_images(address)
    assert str(found.root) == address.rstrip("/")
    assert (found.files, found.classes, found.faults) == (on_disk.files, on_disk.classes, ())
    assert [file.content.read() for file in found.files] == [file.content.read() for file in on_disk.files]


def test_a_file_address_is_a_path(make_folder: Make) -> None:
    root = make_folder(each=3)
    assert find_images(f"file://{root}") == find_images(root)
    assert len(contents_at(Path(f"file://{root}"), Reading())) == 6


def test_each_byte_is_read_once_and_then_none(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_shards(store, tmp_path)
    size = sum(len(store.system.cat(f"/photos/shard-{number:04d}.tar")) for number in range(3))
    store.read.clear()
    done = library.compute_features("memory://photos", SETTINGS, progress=False)
    assert (done.images, done.passed, store.bytes_read) == (24, 24, size)
    fresh(monkeypatch)
    store.read.clear()
    done = library.compute_features("memory://photos", SETTINGS, progress=False)
    assert (done.passed, store.read) == (0, [])


def test_listing_shows_how_far_it_is(store: Store, tmp_path: Path) -> None:
    with_shards(store, tmp_path)
    seen: list[tuple[str, int, int, str]] = []

    class Noted(Progress):
        def __call__(self, stage: str, done: int, total: int, unit: str = "") -> None:
            seen.append((stage, done, total, unit))

    scan("memory://photos", progress=Noted())
    assert seen[:3] == [("Listing what the shards hold", done, 3, "shards") for done in (1, 2, 3)]


def test_parts_give_the_features_of_one_pass_on_a_disk(store: Store, tmp_path: Path) -> None:
    folder = with_shards(store, tmp_path)
    for part in ("2/3", "1/3", "3/3"):
        assert library.compute_features("memory://photos", SETTINGS, part, progress=False).passed == 8
    assert library.compute_features(folder, SETTINGS, progress=False).passed == 0  # it has the same images


def test_reading_that_jumps_about_takes_what_is_asked_for(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "BLOCK", 100)
    data = bytes(range(250)) * 8
    store.put("/one", data)
    address = Address("memory://one")
    file = RemoteFile(store.system, "/one", address, {"size": len(data), "etag": "1"})
    assert file.read_at(1500, 20) == data[1500:1520]
    assert file.read_at(700, 20) == data[700:720]
    assert file.read_at(725, 20) == data[725:745]  # it goes on from there
    assert file.read_at(745, 100) == data[745:845]
    assert file.read_at(1990, 50) == data[1990:]
    assert file.read_at(2000, 5) == b""
    assert [(start, stop) for _, start, stop in store.read] == [
        (1500, 1520), (700, 720), (700, 800), (800, 900), (1990, 2000),
    ]  # fmt: skip


def test_blocks_are_read_again_where_there_is_no_room(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remote, "ON_DISK", 0)
    monkeypatch.setattr(remote, "IN_MEMORY", 1)
    on_disk = find_images(with_shards(store, tmp_path))
    found = find_images("memory://photos")
    store.read.clear()
    assert [file.content.read() for file in found.files] == [file.content.read() for file in on_disk.files]
    assert len(store.read) in {2, 3}  # a block a shard; the last one may be in memory


def test_a_shard_that_was_replaced_is_listed_anew(store: Store, tmp_path: Path) -> None:
    with_shards(store, tmp_path, 2)
    assert len(find_images("memory://photos").files) == 16
    store.put("/photos/shard-0001.tar", shard(1, each=10))
    assert len(find_images("memory://photos").files) == 18


@pytest.mark.parametrize("damage", [b"", b"x" * 40, None])
def test_a_damaged_index_is_made_again(store: Store, tmp_path: Path, damage: bytes | None) -> None:
    with_shards(store, tmp_path, 2)
    expected = find_images("memory://photos")
    for place in (tmp_path / "cache" / shard_index.FOLDER).rglob("*.gz"):
        place.write_bytes(place.read_bytes()[:-20] if damage is None else damage)
    assert find_images("memory://photos") == expected


def test_other_archives(store: Store, make_folder: Make, tmp_path: Path) -> None:
    root = make_folder(each=6)
    names = {str(path.relative_to(root)): path.read_bytes() for path in sorted(root.rglob("*.png"))}
    on_disk = find_images(root)
    store.put("/one/photos.zip", pack_zip(root).read_bytes())
    store.put("/two/photos.tar", packed(names))
    store.put("/three/photos.tar.gz", packed(names, "w:gz"))
    for kind in range(2):
        own = {Path(name).name: data for name, data in names.items() if name.startswith(f"class{kind}")}
        store.put(f"/four/{'ab'[kind]}.tar", packed(own))
    for address in (
        "memory://one",
        "memory://one/photos.zip",
        "memory://two/photos.tar",
        "memory://three",
        "memory://four",
    ):
        found = find_images(address)
        assert len(found.files) == 12, address
        assert [f.label for f in found.files] == [f.label for f in on_disk.files]
        assert [f.content.read() for f in found.files] == [f.content.read() for f in on_disk.files]
    assert find_images("memory://four").classes == ("a", "b")
    assert scan("memory://two/photos.tar").faults == ()


def test_what_is_odd_in_a_shard_is_listed_as_on_a_disk(store: Store, tmp_path: Path) -> None:
    members = {"0.png": png(0, 1), "0.cls": b"a", "1.png": png(1, 2), "1.cls": b"b", "2.png": png(1, 3), "3.cls": b"a",
               "4.png": b"broken", "4.cls": b"a"}  # fmt: skip
    data = packed(members)
    data = data[: -(-len(data.rstrip(b"\0")) // 512) * 512]  # without its end mark
    (tmp_path / "one.tar").write_bytes(data)
    store.put("/p/one.tar", data)
    store.put("/p/loose.jpg", b"x")
    store.put("/p/README.md", b"x")
    for _ in range(2):  # the second time from the index
        found, on_disk = scan("memory://p/one.tar"), scan(tmp_path / "one.tar")
        assert found.faults == on_disk.faults
        assert {"no label", "not an image"} <= {fault.kind for fault in found.faults}
