"""What is predicted of a path: every file has its place."""

import io
import tarfile
import zipfile
from pathlib import Path

import pytest
from conftest import picture

from regraft.data.content import Content
from regraft.data.decoding import Undecodable, decode
from regraft.data.readers.paths import contents_at
from regraft.errors import DataError
from regraft.recipe import Reading


def encoded(kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    picture(0, 1).save(buffer, kind)
    return buffer.getvalue()


FILES = {
    "a.jpg": encoded(),
    "IMG_0001": encoded(),
    "b.png.download": encoded("PNG"),
    "sub/c.WEBP": encoded("WEBP"),
    "text.jpg": b"<html>",
    "notes.txt": b"x",
    "clip.mp4": b"\0\0\0\x18ftypmp42" + bytes(40),
    "nothing": b"",
    "labels.csv": b"image,label\n",
    "more.zip": b"PK\3\4" + bytes(20),
    ".hidden.jpg": encoded(),
}
IMAGES = ["IMG_0001", "a.jpg", "b.png.download", "sub/c.WEBP"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        path = tmp_path / "new" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "new"


def outcome(content: Content) -> str:
    """ "image", or why not."""
    try:
        return "image" if decode(content.read()).size else ""
    except Undecodable as error:
        return f"{error.kind}: {error}"


def outcomes(path: Path, below: Path | None = None, column: str = "image") -> dict[str, str]:
    listed = contents_at(path, Reading(image_column=column))
    named = {Path(name).relative_to(below or path).as_posix(): outcome(content) for name, content in listed}
    assert len(named) == len(listed)
    return named


def check(found: dict[str, str]) -> None:
    assert set(found) == set(FILES)
    assert sorted(name for name, said in found.items() if said == "image") == IMAGES
    assert found["nothing"].startswith("empty")
    assert "passed over: hidden" in found[".hidden.jpg"]
    for name, word in {
        "notes.txt": "first bytes",
        "clip.mp4": "first bytes",
        "labels.csv": "table",
        "more.zip": "archive",
    }.items():
        assert found[name].startswith("not an image")
        assert word in found[name]


def test_every_file_of_a_folder(folder: Path) -> None:
    check(outcomes(folder))


def test_every_file_of_a_zip(folder: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "new.ZIP", "w") as archive:
        for name in FILES:
            archive.write(folder / name, name)
    check(outcomes(tmp_path / "new.ZIP"))


def test_members_that_are_passed_over_have_their_place(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "odd.zip", "w") as archive, pytest.warns(UserWarning, match="Duplicate"):
        for name in ("a.jpg", "a.jpg", "/etc/b.jpg"):
            archive.writestr(name, encoded())
    said = [
        (name, outcome(content).partition(":")[0]) for name, content in contents_at(tmp_path / "odd.zip", Reading())
    ]
    root = str(tmp_path / "odd.zip")
    assert sorted(said) == [
        (f"{root}//etc/b.jpg", "unsafe path"),
        (f"{root}/a.jpg", "image"),
        (f"{root}/a.jpg", "named twice"),
    ]


@pytest.mark.parametrize("suffix", ["tar", "tar.gz"])
def test_every_file_of_a_tar(folder: Path, tmp_path: Path, suffix: str) -> None:
    with tarfile.open(tmp_path / f"new.{suffix}", f"w:{suffix.partition('.')[2]}") as archive:
        for name in FILES:
            archive.add(folder / name, name)
    check(outcomes(tmp_path / f"new.{suffix}"))


def test_every_row_of_a_table(folder: Path) -> None:
    rows = ["a.jpg", "a.jpg", "missing.png", "http://x.org/a.jpg", "IMG_0001"]
    (folder / "new.csv").write_text("picture;note\n" + "".join(f"{row};1\n" for row in rows) + ";1\n")
    listed = contents_at(folder / "new.csv", Reading(image_column="picture"))
    said = [outcome(content) for _, content in listed]
    assert said[0] == said[1] == said[4] == "image"
    assert [text.partition(":")[0] for text in said] == ["image", "image", "missing", "not a file", "image", "no image"]
    assert listed[0][0] == str(folder / "a.jpg")
    with pytest.raises(
        DataError, match="no column 'image' but 'picture', 'note'; name the right one with --image-column"
    ):
        contents_at(folder / "new.csv", Reading())


def test_a_parquet_table_needs_no_label(folder: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    parquet.write_table(pyarrow.table({"image": ["a.jpg", "notes.txt"], "other": [1, 2]}), folder / "new.parquet")
    assert [outcome(content)[:12] for _, content in contents_at(folder / "new.parquet", Reading())] == [
        "image", "not an image",
    ]  # fmt: skip


def test_one_file_is_taken_as_it_is(folder: Path) -> None:
    assert [outcome(content) for _, content in contents_at(folder / ".hidden.jpg", Reading())] == ["image"]
    assert outcome(contents_at(folder / "notes.txt", Reading())[0][1]).startswith("not an image")


def test_nothing_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty.csv").write_text("image\n")
    (tmp_path / "broken.zip").write_bytes(b"PK")
    for name, word in {
        "empty": "no file",
        "empty.csv": "no file",
        "broken.zip": "no zip archive",
        "gone": "no file or folder",
    }.items():
        with pytest.raises(DataError, match=word):
            contents_at(tmp_path / name, Reading())


def test_pillows_formats_are_known_by_their_first_bytes(tmp_path: Path) -> None:
    for kind in ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"):
        (tmp_path / kind).write_bytes(encoded(kind))
    for text in ("a", "ab", "#!/bin/sh\n", "\n", "{}", "PK", "\0"):
        (tmp_path / f"text {ord(text[0])} {len(text)}").write_text(text)
    found = outcomes(tmp_path)
    assert {name for name, said in found.items() if said == "image"} == {
        "PNG",
        "JPEG",
        "GIF",
        "BMP",
        "TIFF",
        "WEBP",
        "PPM",
    }
