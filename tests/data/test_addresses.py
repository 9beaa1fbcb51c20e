"""Images at an address: the same images as on a disk, each byte read once, and one line for what is wrong."""

import io
import json
import tarfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import picture
from odd import pack_zip

import regraft as library
from regraft import DataError, Recipe
from regraft.data import remote
from regraft.data.address import Address, address_of, as_given, is_address, without_secrets
from regraft.data.find import find_images
from regraft.data.readers import shard_index
from regraft.data.readers.paths import contents_at
from regraft.data.remote import Blocks, RemoteFile
from regraft.data.scan import scan
from regraft.evaluation.export.proof_images import own_images
from regraft.progress import Progress
from regraft.recipe import Reading

fsspec = pytest.importorskip("fsspec")
Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]
SETTINGS = Recipe(backbone="demonstration", image_size=32, strategy="head")


def png(kind: int, seed: int) -> bytes:
    return saved_as("PNG", kind, seed)


def saved_as(form: str, kind: int, seed: int) -> bytes:
    out = io.BytesIO()
    picture(kind, seed).save(out, form)
    return out.getvalue()


def packed(members: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def shard(number: int, each: int = 8) -> bytes:
    members: dict[str, bytes] = {}
    for row in range(each):
        members[f"{number}{row:03d}.jpg"] = saved_as("JPEG", row % 2, 100 * number + row)
        label = f"class{row % 2}"
        if number % 2:
            members[f"{number}{row:03d}.json"] = json.dumps({"label": label}).encode()
        else:
            members[f"{number}{row:03d}.cls"] = label.encode()
    return packed(members)


class Store:
    """A store in memory that notes what is read of it."""

    def __init__(self, system: Any) -> None:
        self.system = system
        self.read: list[tuple[str, int, int]] = []

    def put(self, name: str, data: bytes) -> None:
        self.system.pipe(name, data)

    @property
    def bytes_read(self) -> int:
        return sum(stop - start for _, start, stop in self.read)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "BLOCKS", Blocks())
    monkeypatch.setattr(remote, "PAUSE", 0.0)
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    made, plain = Store(system), type(system).cat_file

    def cat_file(self: Any, path: str, start: Any = None, end: Any = None, **other: Any) -> bytes:
        made.read.append((path, start, end))
        data: bytes = plain(self, path, start=start, end=end, **other)
        return data

    monkeypatch.setattr(type(system), "cat_file", cat_file)
    yield made
    if remote.BLOCKS.file:
        remote.BLOCKS.file.close()
    system.store.clear()


def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As another process has it: no block is known."""
    if remote.BLOCKS.file:
        remote.BLOCKS.file.close()
    monkeypatch.setattr(remote, "BLOCKS", Blocks())


def with_shards(store: Store, tmp_path: Path, count: int = 3) -> Path:
    folder = tmp_path / "shards"
    folder.mkdir()
    for number in range(count):
        data = shard(number)
        store.put(f"/photos/shard-{number:04d}.tar", data)
        (folder / f"shard-{number:04d}.tar").write_bytes(data)
    return folder


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


WRONG = {
    "xy://a/b.tar": "cannot be opened: Protocol not known: xy; write s3://, gs://",
    "memory://none": "there is nothing at memory://none; give the address of shards",
    "memory://none-{0..2}.tar": "there is nothing at memory://none-",
    "memory://none-{2..0}.tar": "names no shard",
    "memory://single": "there is no .tar, .zip or .parquet at memory://single but a.jpg, b.jpg; pack the images into"
    " shards, or mount the place",
    "memory://outer": "at memory://outer but inner;",
    "memory://mixed": "holds files of several kinds",
    "memory://damaged/x.tar": "memory://damaged/x.tar is no tar archive that can be read",
    "memory://damaged/x.zip": "memory://damaged/x.zip is no zip archive that can be read",
    "memory://damaged/x.parquet": "memory://damaged/x.parquet is no Parquet file that can be read",
}


@pytest.mark.parametrize("address", WRONG)
def test_what_is_wrong_is_one_line(store: Store, regraft: Regraft, address: str) -> None:
    for name in ("single/a.jpg", "single/b.jpg", "outer/inner/x.tar", "mixed/a.tar", "mixed/b.zip"):
        store.put(f"/{name}", b"x")
    for suffix in ("tar", "zip", "parquet"):
        store.put(f"/damaged/x.{suffix}", b"no archive" * 200)
    code, printed, complaint = regraft("scan", address, "--quiet")
    assert (code, printed, len(complaint.strip().splitlines())) == (2, "", 1)
    assert WRONG[address] in complaint


def test_a_library_that_is_missing_is_named(store: Store, regraft: Regraft, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(text: str) -> None:
        raise ImportError("Install s3fs to access S3")

    monkeypatch.setattr("fsspec.core.url_to_fs", missing)
    code, _, complaint = regraft("scan", "s3://bucket/x.tar", "--quiet")
    assert code == 2
    assert 'Install s3fs to access S3; pip install "regraft[remote]" brings it' in complaint


def test_a_connection_that_breaks_is_tried_again_and_then_named(
    store: Store, tmp_path: Path, regraft: Regraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_shards(store, tmp_path, 2)
    plain, broken = type(store.system).cat_file, list[str]()

    def breaks(self: Any, path: str, start: Any = None, end: Any = None, **other: Any) -> bytes:
        if "0001" in path and len(broken) < most:
            broken.append(path)
            raise ConnectionResetError("connection to memory://me:secret@host/x?sig=secret was reset")
        data: bytes = plain(self, path, start=start, end=end, **other)
        return data

    monkeypatch.setattr(type(store.system), "cat_file", breaks)
    most = 2
    assert len(find_images("memory://photos").files) == 16
    fresh(monkeypatch)
    broken.clear()
    most = 1000
    code, _, complaint = regraft("features", "memory://photos", "--backbone", "demonstration", "--quiet")
    assert (code, len(complaint.strip().splitlines())) == (2, 1)
    assert "memory://photos/shard-0001.tar cannot be read: connection to" in complaint
    assert "so mend the connection and run the command again" in complaint
    assert "secret" not in complaint
    assert len(broken) == 3


def test_a_store_that_gives_too_little_is_not_believed(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_shards(store, tmp_path, 1)
    monkeypatch.setattr(type(store.system), "cat_file", lambda *_, **__: b"short")
    with pytest.raises(DataError, match=r"cannot be read: 5 bytes came of [\d,]+ that were asked for"):
        find_images("memory://photos")


def test_a_locked_place(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with_shards(store, tmp_path, 1)

    def locked(*_: Any, **__: Any) -> None:
        raise PermissionError("Access Denied")

    monkeypatch.setattr(type(store.system), "info", locked)
    with pytest.raises(DataError, match="memory://photos may not be read: Access Denied; give credentials"):
        find_images("memory://photos")


def test_addresses_are_shown_without_what_opens_a_door() -> None:
    assert without_secrets("ftp://me:pass@host/a/x.tar") == "ftp://host/a/x.tar"
    assert without_secrets("https://host/x.tar?X-Amz-Signature=abc#d and") == "https://host/x.tar and"
    assert without_secrets("s3://bucket/shard-?.tar") == "s3://bucket/shard-?.tar"
    assert without_secrets("me@host:/folder?") == "me@host:/folder?"
    assert str(address_of("https://me:pass@host/a/x.tar?sig=1")) == "https://host/a/x.tar"
    assert str(address_of("simplecache::s3://b/x.tar")) == "simplecache::s3://b/x.tar"
    place = address_of("s3://bucket/photos/")
    assert (str(place), place.name, str(place / "a.tar"), str(place.resolve())) == (
        "s3://bucket/photos", "photos", "s3://bucket/photos/a.tar", "s3://bucket/photos",
    )  # fmt: skip
    assert as_given(Path("s3://bucket/x.tar")) == "s3://bucket/x.tar"
    assert as_given(Path("/a/b")) == "/a/b"
    assert [is_address(text) for text in ("s3://b", "hf://d", "filecache::s3://b")] == [True] * 3
    assert [is_address(text) for text in ("hf:name", "C:\\photos", "C://photos", "/a://b", "photos")] == [False] * 5


def test_nothing_that_is_written_has_a_secret(
    store: Store, tmp_path: Path, regraft: Regraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_shards(store, tmp_path)
    plain = type(store.system)._strip_protocol
    unsigned = staticmethod(lambda path: plain(path.partition("?")[0]))
    monkeypatch.setattr(type(store.system), "_strip_protocol", unsigned)
    out = tmp_path / "run"
    code, printed, complaint = regraft(
        "train", "memory://photos/shard-{0000..0002}.tar?Signature=q7secret", "--backbone", "demonstration",
        "--image-size", "32", "--strategy", "head", "--out", out, "--quiet",
    )  # fmt: skip
    assert code == 0, complaint
    assert "q7secret" not in printed + complaint
    files = [path for folder in (out, tmp_path / "cache") for path in folder.rglob("*") if path.is_file()]
    assert [path for path in files if b"q7secret" in path.read_bytes()] == []
    assert json.loads((out / "environment.json").read_text())["command"][2] == "memory://photos/shard-{0000..0002}.tar"
    code, printed, _ = regraft("cache", "--json")
    assert ("shards", "memory-photos") in [(one["kind"], one["name"]) for one in json.loads(printed)["entries"]]


def test_a_run_opens_its_images_where_they_are_named(store: Store, tmp_path: Path, regraft: Regraft) -> None:
    with_shards(store, tmp_path)
    out = tmp_path / "run"
    code, printed, complaint = regraft(
        "train", "memory://me:secret@photos/shard-*.tar", "--backbone", "demonstration", "--image-size", "32",
        "--strategy", "head", "--out", out, "--quiet",
    )  # fmt: skip
    assert code == 2, "memory has no users, so this is another place"
    assert "secret" not in printed + complaint
    code, printed, _ = regraft(
        "train", "memory://photos/shard-*.tar", "--backbone", "demonstration", "--image-size", "32",
        "--strategy", "head", "--out", out, "--quiet",
    )  # fmt: skip
    assert code == 0
    assert json.loads((out / "data.json").read_text())["root"] == "memory://photos/shard-*.tar"
    code, printed, _ = regraft("evaluate", out, "memory://photos", "--quiet", "--json")
    assert (code, json.loads(printed)["metrics"]["images"]) == (0, 24)
    code, printed, _ = regraft("predict", out, "memory://photos/shard-0000.tar", "--quiet", "--json")
    assert code == 0
    rows = [json.loads(line) for line in printed.splitlines()] if printed.startswith('{"path') else json.loads(printed)
    named = json.dumps(rows)
    assert named.count("memory://photos/shard-0000.tar/") == 16
    assert named.count("neither its name nor its first bytes are an image's") == 8
    store.read.clear()
    for command in ("look", "review", "export"):  # a run may come from anyone: its word alone reaches no network
        code, _, complaint = regraft(command, out)
        assert (code, len(complaint.strip().splitlines()), store.read) == (2, 1, [])
        assert "lie at memory://photos/shard-*.tar, which is opened only if you name it: --data" in complaint
    code, _, complaint = regraft("export", out, "--data", "memory://photos", "--quiet")
    assert code == 0, complaint


def test_export_finds_the_images_of_a_run_on_shards(tmp_path: Path, store: Store) -> None:
    folder = with_shards(store, tmp_path)
    library.train(folder, SETTINGS, tmp_path / "run", progress=False)
    assert len(own_images(tmp_path / "run")) == 24
