"""Zips that came through the page: what is refused, and that nothing of it stays."""

import asyncio
import io
import stat
import struct
import zipfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from regraft.data.find import find_images
from regraft.errors import DataError
from regraft.server import uploaded, zips
from regraft.server.uploaded import TooLarge, Upload, Uploads, file_name
from regraft.server.zips import check_zip, leads_out


def zip_of(*members: tuple[str, bytes], compression: int = zipfile.ZIP_STORED) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", compression) as archive:
        for name, content in members:
            archive.writestr(zipfile.ZipInfo(name) if compression == zipfile.ZIP_STORED else name, content)
    return data.getvalue()


def received(uploads: Uploads, called: str, data: bytes, length: int | None = None, piece: int = 1000) -> Upload:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(data), piece):
            yield data[start : start + piece]

    return asyncio.run(uploads.receive(called, pieces(), length))


def zipped(folder: Path) -> bytes:
    return zip_of(*((str(path.relative_to(folder)), path.read_bytes()) for path in folder.rglob("*.png")))


def test_a_zip_is_kept_and_read_in_place(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    uploads = Uploads(tmp_path / "uploads")
    upload = received(uploads, "C:\\me\\my pets.zip", zipped(make_folder(each=3)))
    assert (upload.name, upload.files) == ("my-pets.zip", 6)
    assert find_images(upload.path).classes == ("class0", "class1")
    assert Uploads(tmp_path / "uploads").all() == [upload]  # another server finds it
    assert Uploads(tmp_path / "uploads").get(upload.id) == upload
    assert uploads.remove(upload.id)
    assert not uploads.remove(upload.id)
    assert not uploads.all()
    assert uploads.get("../uploads") is None


@pytest.mark.parametrize(
    ("data", "says"),
    [
        (zip_of(("../../a/1.png", b"x")), "leads out"),
        (zip_of(("/etc/1.png", b"x")), "leads out"),
        (zip_of(("a\\..\\..\\1.png", b"x")), "leads out"),
        (zip_of(("C:/a/1.png", b"x")), "leads out"),
        (b"no zip at all", "no zip archive"),
        (b"", "no zip archive"),
        (zip_of(("a/1.png", b"x"))[:-30], "no zip archive"),
        (zip_of(), "holds no files"),
        (zip_of(("a/", b"")), "holds no files"),
    ],
)  # fmt: skip
def test_what_is_refused_leaves_nothing(tmp_path: Path, data: bytes, says: str) -> None:
    uploads = Uploads(tmp_path / "uploads")
    with pytest.raises(DataError, match=says):
        received(uploads, "x.zip", data)
    assert not list((tmp_path / "uploads").iterdir())


def test_a_password_is_refused(tmp_path: Path) -> None:
    data = bytearray(zip_of(("a/1.png", b"x")))
    data[data.index(b"PK\x01\x02") + 8] |= 1
    with pytest.raises(DataError, match="has a password"):
        received(Uploads(tmp_path), "x.zip", bytes(data))


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zips, "FREE_BYTES", 10_000)
    bomb = zip_of(("a/1.png", bytes(3_000_000)), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(DataError, match="unpacks to 3,000,000 bytes"):
        received(Uploads(tmp_path), "x.zip", bomb)


def test_too_many_files_and_too_long_a_list(tmp_path: Path) -> None:
    path = tmp_path / "x.zip"
    path.write_bytes(zip_of(*((f"a/{place}.png", b"x") for place in range(20))))
    with pytest.raises(DataError, match="holds 20 files; at most 10"):
        check_zip(path, "x.zip", most_files=10)
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, len(data) - 22 + 12, 1 << 30)
    path.write_bytes(data)
    with pytest.raises(DataError, match="list of files is too long"):
        check_zip(path, "x.zip")


def test_bytes_are_limited_whatever_was_promised(tmp_path: Path) -> None:
    uploads, data = Uploads(tmp_path / "uploads", most_bytes=5_000), zip_of(("a/1.png", bytes(9_000)))
    for length in (None, 100, len(data)):
        with pytest.raises(TooLarge):
            received(uploads, "x.zip", data, length)
    assert not (tmp_path / "uploads").exists() or not list((tmp_path / "uploads").iterdir())


def test_a_browser_that_goes_away_leaves_nothing(tmp_path: Path) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"PK"
        raise RuntimeError

    with pytest.raises(RuntimeError):
        asyncio.run(Uploads(tmp_path).receive("x.zip", pieces()))
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(uploaded, "KEPT_FREE", 1 << 60)
    with pytest.raises(TooLarge):
        received(Uploads(tmp_path), "x.zip", zip_of(("a/1.png", b"x")))


def test_links_in_a_zip_are_no_files_of_the_machine(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    """A member that is a symbolic link holds its target as text: nothing follows it, since nothing is unpacked."""
    data = io.BytesIO(zipped(make_folder(each=3)))
    with zipfile.ZipFile(data, "a") as archive:
        link = zipfile.ZipInfo("class0/link.png")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    upload = received(Uploads(tmp_path / "uploads"), "x.zip", data.getvalue())
    contents = {file.name: file.content.read() for file in find_images(upload.path).files}
    assert contents["class0/link.png"] == b"/etc/passwd"  # the text alone


def test_names() -> None:
    assert file_name("../../etc/passwd") == "passwd.zip"
    assert file_name("Fotos von mir.ZIP") == "Fotos-von-mir.zip"
    assert file_name("..") == file_name("") == file_name("\0") == "images.zip"
    assert len(file_name("a" * 300)) < 70
    assert not leads_out("a..b/c.png")
