"""What is wrong at an address is one line, no secret is written, and a run finds its images there."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from stored import SETTINGS, Store, fresh, with_shards

import regraft as library
from regraft import DataError
from regraft.data.address import address_of, as_given, is_address, without_secrets
from regraft.data.find import find_images
from regraft.evaluation.export.proof_images import own_images

fsspec = pytest.importorskip("fsspec")
Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]

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
