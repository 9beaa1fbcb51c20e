"""Odd and bad input, one line each: what comes in, and exactly what becomes of it."""

import io
import json
import os
import random
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import picture
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from regraft.arrays import from_arrays
from regraft.content import Given, as_image, hash_of
from regraft.decoding import MAX_PIXELS, Undecodable, allow_pixels, decode
from regraft.errors import DataError
from regraft.finding import find_images, scan
from regraft.images import Reading
from regraft.preprocessing import Preprocessing

Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]


def saved(image: Image.Image, form: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, form, **options)
    return data.getvalue()


def sideways(orientation: int) -> bytes:
    image = Image.new("RGB", (6, 4), "black")
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(image, "PNG", exif=exif)


def with_palette(**options: object) -> bytes:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([9, 9, 9, 10, 20, 30] + [0] * 762)
    return saved(image, "PNG", **options)


COLOUR = Image.new("RGB", (8, 8), (200, 100, 50))
GREY = np.full((8, 8), 100)
RED, WHITE = (255, 0, 0), (255, 255, 255)
NOISE = picture(0, 0, 64)
JPEG, PNG = saved(NOISE, "JPEG"), saved(NOISE, "PNG")
CONVERTED: dict[str, tuple[bytes, tuple[int, int], tuple[int, int, int], int]] = {
    # bytes, size, first pixel, tolerance of a lossy format
    "plain png": (saved(COLOUR, "PNG"), (8, 8), (200, 100, 50), 0),
    "bmp": (saved(COLOUR, "BMP"), (8, 8), (200, 100, 50), 0),
    "tiff": (saved(COLOUR, "TIFF"), (8, 8), (200, 100, 50), 0),
    "tiff, lzw": (saved(COLOUR, "TIFF", compression="tiff_lzw"), (8, 8), (200, 100, 50), 0),
    "ppm": (saved(COLOUR, "PPM"), (8, 8), (200, 100, 50), 0),
    "tga": (saved(COLOUR, "TGA"), (8, 8), (200, 100, 50), 0),
    "webp": (saved(COLOUR, "WEBP", lossless=True), (8, 8), (200, 100, 50), 0),
    "avif": (saved(COLOUR.resize((16, 16)), "AVIF"), (16, 16), (200, 100, 50), 6),
    "jpeg 2000": (saved(COLOUR, "JPEG2000"), (8, 8), (200, 100, 50), 2),
    "jpeg": (saved(COLOUR, "JPEG", quality=95), (8, 8), (200, 100, 50), 3),
    "progressive jpeg": (saved(COLOUR, "JPEG", quality=95, progressive=True), (8, 8), (200, 100, 50), 3),
    "grey jpeg": (saved(Image.new("L", (8, 8), 77), "JPEG"), (8, 8), (77, 77, 77), 2),
    "cmyk jpeg": (saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), (8, 8), RED, 3),
    "cmyk tiff": (saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"), (8, 8), RED, 3),
    "turned by a quarter": (sideways(6), (4, 6), (0, 0, 0), 0),
    "turned upside down": (sideways(3), (6, 4), (0, 0, 0), 0),
    "mirrored": (sideways(2), (6, 4), (0, 0, 0), 0),
    "black and white": (saved(Image.new("1", (8, 8), 1), "PNG"), (8, 8), WHITE, 0),
    "grey": (saved(Image.new("L", (8, 8), 7), "PNG"), (8, 8), (7, 7, 7), 0),
    "grey with alpha": (saved(Image.new("LA", (8, 8), (0, 0)), "PNG"), (8, 8), WHITE, 0),
    "transparent": (saved(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG"), (8, 8), WHITE, 0),
    "half transparent": (saved(Image.new("RGBA", (8, 8), (255, 0, 0, 128)), "PNG"), (8, 8), (255, 127, 127), 1),
    "palette": (with_palette(), (4, 4), (10, 20, 30), 0),
    "palette, one colour transparent": (with_palette(transparency=1), (4, 4), WHITE, 0),
    "16-bit grey": (saved(Image.fromarray((GREY * 257).astype(np.uint16)), "PNG"), (8, 8), (100, 100, 100), 0),
    "16-bit grey tiff": (saved(Image.fromarray((GREY * 257).astype(np.uint16)), "TIFF"), (8, 8), (100, 100, 100), 0),
    "32-bit grey": (saved(Image.fromarray((GREY * 257).astype(np.int32)), "TIFF"), (8, 8), (100, 100, 100), 0),
    "floats in 0..1": (saved(Image.fromarray((GREY / 250).astype(np.float32)), "TIFF"), (8, 8), (102, 102, 102), 0),
    "floats in 0..255": (saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"), (8, 8), (100, 100, 100), 0),
    "animated gif": (
        saved(Image.new("RGB", (8, 8), "red"), "GIF", save_all=True, append_images=[COLOUR.copy()]), (8, 8), RED, 0,
    ),
    "animated webp": (
        saved(Image.new("RGB", (8, 8), "red"), "WEBP", save_all=True, append_images=[COLOUR.copy()], lossless=True),
        (8, 8), RED, 0,
    ),
    "tiff of several pages": (
        saved(Image.new("RGB", (8, 8), "red"), "TIFF", save_all=True, append_images=[COLOUR.copy()]), (8, 8), RED, 0,
    ),
    "one pixel": (saved(COLOUR.resize((1, 1)), "PNG"), (1, 1), (200, 100, 50), 0),
    "one row": (saved(COLOUR.resize((300, 1)), "PNG"), (300, 1), (200, 100, 50), 0),
    "bytes after the end": (saved(COLOUR, "PNG") + b"trailing", (8, 8), (200, 100, 50), 0),
    "png named as jpeg": (saved(COLOUR, "PNG"), (8, 8), (200, 100, 50), 0),
}  # fmt: skip
REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "text": (b"hello", "not an image"),
    "zero bytes": (bytes(4000), "not an image"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
    "web page": (b"<!doctype html><title>404</title>", "not an image"),
    "pdf": (b"%PDF-1.7\n", "not an image"),
    "half a jpeg": (JPEG[: len(JPEG) // 2], "truncated"),
    "half a png": (PNG[: len(PNG) // 2], "truncated"),
    "head of a jpeg": (JPEG[:20], "not an image"),
    "jpeg without its head": (JPEG[100:], "not an image"),
    "numbers that are none": (saved(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF"), "not a number"),
}


@pytest.mark.parametrize("kind", CONVERTED)
def test_converted(kind: str) -> None:
    data, size, pixel, tolerance = CONVERTED[kind]
    image = decode(data)
    assert (image.mode, image.size) == ("RGB", size)
    assert np.abs(np.array(image.getpixel((0, 0))) - pixel).max() <= tolerance


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(kind: str) -> None:
    data, expected = REFUSED[kind]
    with pytest.raises(Undecodable) as caught:
        decode(data)
    assert caught.value.kind == expected
    assert str(caught.value)


def test_orientation_moves_the_corner() -> None:
    corners = {3: (5, 3), 6: (3, 0), 8: (0, 5), 2: (5, 0)}
    for orientation, corner in corners.items():
        assert decode(sideways(orientation)).getpixel(corner) == WHITE


def test_heic_without_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    with pytest.raises(Undecodable, match=r"regraft\[heif\]"):
        decode(b"\0\0\0\x18ftypheic\0\0\0\0heicmif1")


def test_an_image_of_too_many_pixels_is_refused_unless_allowed(regraft: Regraft, make_folder: Make) -> None:
    root = make_folder(each=6)
    picture(0, 50, 80).save(root / "class0" / "large.png")
    try:
        code, out, _ = regraft("scan", root, "--json", "--max-pixels", 5000)
        assert code == 0
        assert [(f["path"], f["kind"]) for f in json.loads(out)["faults"]] == [("class0/large.png", "too large")]
        assert json.loads(regraft("scan", root, "--json", "--max-pixels", 7000)[1])["left_out"] == 0
        looked = regraft("plan", root, "--json", "--quiet")  # and when its features are known already
        assert looked[0] == 0, looked[2]
        code, out, _ = regraft("plan", root, "--json", "--quiet", "--max-pixels", 5000)
        assert [f["path"] for f in json.loads(out)["faults"] if f["kind"] == "too large"] == ["class0/large.png"]
    finally:
        allow_pixels(MAX_PIXELS)


MEMORY: dict[str, tuple[object, tuple[int, int, int] | None]] = {
    "grey": (np.full((4, 5), 9, np.uint8), (9, 9, 9)),
    "colour": (np.full((4, 5, 3), 9, np.uint8), (9, 9, 9)),
    "one channel": (np.full((4, 5, 1), 9, np.uint8), (9, 9, 9)),
    "bool": (np.ones((4, 5), bool), WHITE),
    "16 bits": (np.full((4, 5), 65535, np.uint16), WHITE),
    "floats": (np.full((4, 5, 3), 0.2), (51, 51, 51)),
    "floats beyond 1": (np.full((4, 5), 7.0), None),
    "no numbers": (np.full((4, 5), np.nan), None),
    "two channels": (np.zeros((4, 5, 2), np.uint8), None),
    "a vector": (np.zeros(5, np.uint8), None),
    "nothing": (np.zeros((0, 5), np.uint8), None),
    "large integers": (np.zeros((4, 5), np.int64), None),
}


@pytest.mark.parametrize("kind", MEMORY)
def test_pixels_in_memory(kind: str) -> None:
    value, pixel = MEMORY[kind]
    if pixel is None:
        with pytest.raises(Undecodable):
            as_image(value)
    else:
        image = decode(Given(lambda: value).read())
        assert image.size == (5, 4)
        assert image.getpixel((0, 0)) == pixel


def faults_of(root: Path) -> dict[str, tuple[str, str]]:
    return {fault.path: (fault.kind, fault.action) for fault in scan(root).faults}


def test_what_a_folder_may_hold(make_folder: Make) -> None:
    root = make_folder(each=12)
    one, two = root / "class0", root / "class1"
    (one / "empty.jpg").write_bytes(b"")
    (one / "text.jpg").write_text("hello")
    (one / "half.jpg").write_bytes(JPEG[:900])
    (one / "notes.txt").write_text("hello")
    (one / ".hidden.jpg").write_bytes(JPEG)
    (one / "Thumbs.db").write_bytes(b"x")
    (one / "broken link.jpg").symlink_to(root / "nowhere.jpg")
    (one / "copy.png").write_bytes((one / "000.png").read_bytes())
    Image.open(one / "001.png").save(one / "same pixels.bmp")
    (two / "other label.png").write_bytes((one / "002.png").read_bytes())
    picture(1, 77, 400).save(two / "huge.png")
    (root / "loose.png").write_bytes(PNG)
    (root / "nothing").mkdir()
    (root / "CLASS0").mkdir()
    picture(0, 99).save(root / "CLASS0" / "one.png")
    assert faults_of(root) == {
        "class0/empty.jpg": ("empty", "left out"),
        "class0/text.jpg": ("not an image", "left out"),
        "class0/half.jpg": ("truncated", "left out"),
        "class0/notes.txt": ("not an image", "left out"),
        "class0/.hidden.jpg": ("hidden", "ignored"),
        "class0/Thumbs.db": ("hidden", "ignored"),
        "class0/broken link.jpg": ("not a file", "left out"),
        "class0/copy.png": ("duplicate", "kept"),
        "class0/same pixels.bmp": ("duplicate", "kept"),
        "class1/other label.png": ("two labels", "kept"),
        "class1/huge.png": ("far larger", "kept"),
        "loose.png": ("loose file", "left out"),
        "nothing": ("empty folder", "ignored"),
        "CLASS0": ("small class", "kept"),
        "class0": ("class spelt twice", "kept"),
    }


def test_what_splits_may_hold(make_folder: Make) -> None:
    root = make_folder(each=6, parts=("train", "test"))
    (root / "test" / "class0" / "leaked.png").write_bytes((root / "train" / "class0" / "000.png").read_bytes())
    for path in (root / "test" / "class1").iterdir():
        path.unlink()
    assert faults_of(root) == {
        "test/class0/leaked.png": ("leak", "kept"),
        "test/class1": ("empty folder", "ignored"),
    } | {"test/class1": ("class absent", "kept")}


def test_a_single_folder_around_the_classes_is_stepped_into(make_folder: Make) -> None:
    root = make_folder("outer/inner", each=3)
    images = find_images(root.parent)
    assert images.classes == ("class0", "class1")
    assert images.files[0].name == "inner/class0/000.png"


def write_csv(root: Path, text: str, name: str = "table.csv") -> Path:
    (root / name).write_text(text)
    return root / name


def rows_of(root: Path, each: int = 4) -> list[str]:
    return [f"class{c}/{i:03d}.png,{c}" for c in range(2) for i in range(each)]


def test_a_table_of_odd_rows(make_folder: Make) -> None:
    root = make_folder(each=6)
    rows = [*rows_of(root), "class0/000.png,0", "missing.png,0", ",1", "class0/005.png,", "https://x.org/a.png,1"]
    table = write_csv(root, "\n".join(["image,label", *rows]))
    images = find_images(table)
    assert len(images.files) == 8
    assert {(fault.path, fault.kind) for fault in images.faults} == {
        ("class0/000.png", "listed twice"),
        ("missing.png", "missing"),
        ("row 11", "no image"),
        ("class0/005.png", "no label"),
        ("https://x.org/a.png", "not a file"),
    }


TABLES = {
    "semicolons": ("image;label\nclass0/000.png;a\nclass1/000.png;b\n", "t.csv"),
    "tabs": ("image\tlabel\nclass0/000.png\ta\nclass1/000.png\tb\n", "t.tsv"),
    "byte order mark": ("\ufeffimage,label\nclass0/000.png,a\nclass1/000.png,b\n", "t.csv"),
    "line ends of Windows": ("image,label\r\nclass0/000.png,a\r\nclass1/000.png,b\r\n", "t.csv"),
    "quoted": ('"image","label"\n"class0/000.png","a"\n"class1/000.png","b"\n', "t.csv"),
    "more columns": ("id,image,x,label\n1,class0/000.png,,a\n2,class1/000.png,,b\n", "t.csv"),
    "spaces": ("image,label\n class0/000.png , a\nclass1/000.png,b \n", "t.csv"),
}


@pytest.mark.parametrize("kind", TABLES)
def test_kinds_of_tables(make_folder: Make, kind: str) -> None:
    text, name = TABLES[kind]
    images = find_images(write_csv(make_folder(each=1), text, name))
    assert images.classes == ("a", "b")
    assert [file.label for file in images.files] == [0, 1]


BAD_TABLES = {
    "no such column": ("path,label\nclass0/000.png,a\n", "--image-column"),
    "no label column": ("image,class\nclass0/000.png,a\n", "--label-column"),
    "empty": ("", "lists no image"),
    "header alone": ("image,label\n", "lists no image"),
    "one class": ("image,label\nclass0/000.png,a\n", "two classes"),
    "no such split": ("image,label,split\nclass0/000.png,a,holdout\n", "holdout"),
}


@pytest.mark.parametrize("kind", BAD_TABLES)
def test_tables_that_are_refused(make_folder: Make, regraft: Regraft, kind: str) -> None:
    text, word = BAD_TABLES[kind]
    code, out, err = regraft("scan", write_csv(make_folder(each=1), text))
    assert (code, out) == (2, "")
    assert word in err
    assert len(err.strip().splitlines()) == 1


def test_columns_splits_and_groups_of_a_table(make_folder: Make) -> None:
    root = make_folder(each=4)
    lines = [f"class{c}/{i:03d}.png,{c},{'valid' if i == 3 else 'TRAIN'},p{i}" for c in range(2) for i in range(4)]
    table = write_csv(root, "\n".join(["file,kind,part,patient", *lines]))
    images = find_images(table, Reading("file", "kind", "part", "patient"))
    assert images.splits == ("train", "val")
    assert {file.group for file in images.files} == {"p0", "p1", "p2", "p3"}


def pack_zip(root: Path, extra: dict[str, bytes] | None = None) -> Path:
    path = root.parent / "pack.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(root.rglob("*.png")):
            archive.write(file, f"photos/{file.relative_to(root)}")
        for name, data in (extra or {}).items():
            archive.writestr(name, data)
    return path


def test_a_zip_is_read_safely(make_folder: Make, tmp_path: Path) -> None:
    path = pack_zip(
        make_folder(each=6),
        {
            "../escape.png": PNG,
            "/etc/absolute.png": PNG,
            "photos/../../up.png": PNG,
            "__MACOSX/photos/class0/._000.png": b"x",
            "photos/class0/broken.png": b"x",
        },
    )
    assert {fault.path: fault.kind for fault in scan(path).faults} == {
        "../escape.png": "unsafe path",
        "/etc/absolute.png": "unsafe path",
        "photos/../../up.png": "unsafe path",
        "__MACOSX/photos/class0/._000.png": "hidden",
        "photos/class0/broken.png": "not an image",
    }
    assert not list(tmp_path.rglob("escape.png"))


def test_a_zip_member_that_says_it_is_huge_is_left_out(make_folder: Make) -> None:
    path = pack_zip(make_folder(each=6))
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02")  # the last member's entry in the directory
    data[at + 24 : at + 28] = (0xF0000000).to_bytes(4, "little")
    path.write_bytes(bytes(data))
    assert [fault.kind for fault in scan(path).faults] == ["too large"]


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz", ".tar.bz2", ".tar.xz"])
def test_tars(make_folder: Make, suffix: str) -> None:
    root = make_folder(each=6)
    path = root.parent / f"pack{suffix}"
    with tarfile.open(path, f"w:{suffix[5:]}") as archive:
        archive.add(root, "photos")
        link = tarfile.TarInfo("photos/class0/link.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        up = tarfile.TarInfo("../../escape.png")
        up.size = len(PNG)
        archive.addfile(up, io.BytesIO(PNG))
    images = scan(path)
    assert len(images.files) == 12
    assert {(f.path, f.kind) for f in images.faults} == {
        ("photos/class0/link.png", "not a file"),
        ("../../escape.png", "unsafe path"),
    }


def test_a_tar_that_ends_early_keeps_what_it_has(make_folder: Make) -> None:
    root = make_folder(each=6)
    path = root.parent / "pack.tar"
    with tarfile.open(path, "w") as archive:
        archive.add(root, "photos")
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2 + 7])
    images = find_images(path, fewest_classes=1)
    assert 3 <= len(images.files) < 12
    assert [fault.kind for fault in images.faults] == ["truncated"]


@pytest.mark.parametrize(
    ("name", "word"), [("a.zip", "zip"), ("a.tar", "tar"), ("a.tar.gz", "a.tar.gz"), ("a.doc", "no .csv")]
)
def test_files_that_are_no_archives(regraft: Regraft, tmp_path: Path, name: str, word: str) -> None:
    (tmp_path / name).write_text("hello")
    code, _, err = regraft("scan", tmp_path / name)
    assert code == 2
    assert word in err
    assert len(err.strip().splitlines()) == 1


def test_a_train_folder_is_a_split_whatever_lies_beside(make_folder: Make) -> None:
    root = make_folder(each=3, parts=("train",))
    (root / "test").mkdir()
    (root / "test" / "a.png").write_bytes(PNG)
    (root / "annotations").mkdir()
    (root / "annotations" / "a.xml").write_text("x")
    images = find_images(root)
    assert images.classes == ("class0", "class1")
    assert [(fault.path, fault.kind) for fault in images.faults] == [("test", "other folder")]


def test_groups_torn_by_the_given_splits_are_named(make_folder: Make) -> None:
    root = make_folder(each=6)
    lines = [f"class{c}/{i:03d}.png,{c},{'test' if i == 5 else 'train'},p{i % 5}" for c in range(2) for i in range(6)]
    table = write_csv(root, "\n".join(["image,label,split,group", *lines]))
    assert [(f.path, f.kind) for f in scan(table).faults] == [("p0", "group in two splits")]


def test_images_without_a_split_beside_others_are_listed(make_folder: Make) -> None:
    root = make_folder(each=3)
    lines = [f"class{c}/{i:03d}.png,{c},{'train' if i else ''}" for c in range(2) for i in range(3)]
    images = find_images(write_csv(root, "\n".join(["image,label,split", *lines])))
    assert [fault.kind for fault in images.faults] == ["no split", "no split"]
    assert images.counts() == {"train": {"0": 2, "1": 2}}


def tar_of(path: Path, members: list[tuple[str, bytes, dict[str, str]]]) -> Path:
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as archive:
        for name, data, headers in members:
            info = tarfile.TarInfo(name)
            info.size, info.pax_headers = len(data), headers
            archive.addfile(info, io.BytesIO(data))
    return path


PLAIN = [(f"{name}/{i}.png", PNG, {}) for name in ("a", "b") for i in range(6)]


@pytest.mark.parametrize("damage", ["checksum", "cut in a header", "no end mark", "size below nothing"])
def test_damaged_tars_end_and_say_so(tmp_path: Path, damage: str) -> None:
    if damage == "size below nothing":
        path = tar_of(tmp_path / "a.tar", [*PLAIN, ("b/x.png", PNG, {"size": "-1536"})])
    else:
        path = tar_of(tmp_path / "a.tar", PLAIN)
        with tarfile.open(path) as archive:
            at = archive.getmembers()[10].offset
        whole = bytearray(path.read_bytes())
        if damage == "checksum":
            whole[at + 148 : at + 154] = b"999999"
        path.write_bytes(whole[: {"checksum": len(whole), "cut in a header": at + 100, "no end mark": at}[damage]])
    images = find_images(path)
    assert len(images.files) >= 10
    assert [fault.kind for fault in images.faults] == ["truncated"]


def test_members_below_a_dot(tmp_path: Path) -> None:
    images = find_images(tar_of(tmp_path / "a.tar", [("./", b"", {}), *((f"./{n}", d, h) for n, d, h in PLAIN)]))
    assert images.classes == ("a", "b")
    assert images.faults == ()


def test_class_folders_with_sidecars_are_no_shards(tmp_path: Path) -> None:
    images = find_images(tar_of(tmp_path / "a.tar", [*PLAIN, ("a/0.json", b'{"boxes": []}', {})]))
    assert images.classes == ("a", "b")


ODD_SAMPLES: dict[str, tuple[bytes, str]] = {
    "a list": (b'{"label": [1, 2]}', "no label"),
    "an object": (b'{"label": {"a": 1}}', "no label"),
    "too deep": (b"[" * 200_000, "no label"),
    "no JSON": (b"hello", "no label"),
    "nothing": (b"{}", "no label"),
}


@pytest.mark.parametrize("kind", ODD_SAMPLES)
def test_one_odd_label_leaves_the_other_samples(tmp_path: Path, kind: str) -> None:
    data, expected = ODD_SAMPLES[kind]
    good = [part for i in range(4) for part in ((f"{i}.png", PNG, {}), (f"{i}.cls", b"ab"[i % 2 : i % 2 + 1], {}))]
    path = tar_of(tmp_path / "s-0.tar", [*good, ("9.mask.png", PNG, {}), ("9.png", PNG, {}), ("9.json", data, {})])
    images = find_images(path)
    assert len(images.files) == 4
    assert expected in [fault.kind for fault in images.faults]


@pytest.mark.parametrize(
    "pattern", ["no-{0000..0003}.tar", "no-{3..0}.tar", "no-*.tar", "{0..99999}{0..99999}.tar", "**.tar"]
)
def test_patterns_without_shards_are_refused(tmp_path: Path, regraft: Regraft, pattern: str) -> None:
    code, _, err = regraft("scan", tmp_path / pattern)
    assert code == 2
    assert "shard" in err


def test_names_are_no_markup(make_folder: Make, regraft: Regraft) -> None:
    root = make_folder(each=5)
    (root / "class0").rename(root / "[bold]x[")
    (root / "class1" / "bad].png").write_bytes(b"")
    (root / "class1" / "line\nbreak :smile:.png").write_bytes(b"")
    code, out, err = regraft("scan", root)
    assert code == 0, err
    for name in ("[bold]x[", "bad].png", ":smile:"):
        assert name in out


def test_links_to_themselves_and_pipes(make_folder: Make, regraft: Regraft, tmp_path: Path) -> None:
    root = make_folder(each=5)
    (root / "class0" / "self").symlink_to(root / "class0" / "self")
    (root / "a-link").symlink_to(root / "class1")
    os.mkfifo(root / "class0" / "pipe.png")
    os.mkfifo(tmp_path / "pipe.csv")
    images = scan(root)
    assert images.classes == ("class0", "class1")
    assert {(f.path, f.kind) for f in images.faults} == {
        ("class0/self", "unreadable"), ("class0/pipe.png", "not a file"), ("a-link", "linked twice"),
        ("a-link", "empty folder"),
    }  # fmt: skip
    for path in (tmp_path / "pipe.csv", tmp_path / ("x" * 300), ""):
        code, _, err = regraft("scan", path)
        assert code == 2, err
        assert len(err.strip().splitlines()) == 1


def test_python_images_that_fail_are_left_out(make_folder: Make) -> None:
    half = Image.open(io.BytesIO(JPEG[:900]))
    odd = [
        half,
        torch.zeros(3, 8, 8, requires_grad=True),
        torch.zeros(3, 8, 8, dtype=torch.bfloat16),
        [[1], [1, 2]],
        None,
    ]
    good = [np.full((8, 8), i, np.uint8) for i in range(8)]
    images = scan(from_arrays([*good, *odd], [i % 2 for i in range(13)], groups=["p", *[None] * 12]))
    assert {(fault.path, fault.kind) for fault in images.faults if fault.action == "left out"} == {
        ("08", "truncated"), ("11", "unreadable"), ("12", "no image"),
    }  # fmt: skip
    assert [file.group for file in images.files].count("p") == 1
    assert None in {file.group for file in images.files}


@pytest.mark.parametrize("labels", [[0, None], [0, float("nan")], np.eye(2)])
def test_labels_that_are_none(labels: Any) -> None:
    with pytest.raises(DataError, match="label"):
        from_arrays(np.zeros((2, 8, 8), np.uint8), labels)


def test_images_in_memory_are_turned_upright_too() -> None:
    turned = Image.open(io.BytesIO(sideways(6)))
    assert hash_of(turned) == hash_of(decode(sideways(6)))


def mutate(data: bytes, draw: random.Random) -> bytes:
    """Cut, change, repeat or insert bytes."""
    out = bytearray(data)
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(len(out)) if out else 0
        match draw.randrange(4):
            case 0:
                del out[at:]
            case 1 if out:
                out[at] = draw.randrange(256)
            case 2:
                out[at:at] = draw.randbytes(draw.randint(1, 20))
            case _:
                out[at:at] = out[at : at + draw.randint(1, 50)]
    return bytes(out)


def test_two_thousand_mutated_files_crash_nothing(make_folder: Make, tmp_path: Path) -> None:
    draw = random.Random(0)
    root = make_folder(each=2)
    archive = pack_zip(root).read_bytes()
    table = "\n".join(["image,label", *rows_of(root, 2)]).encode()
    outcomes = {"image": 0, "fault": 0, "set": 0, "refused": 0}
    for number in range(2000):
        kind = number % 4
        data = mutate((JPEG, PNG, archive, table)[kind], draw)
        try:
            if kind < 2:
                decode(data)
                outcomes["image"] += 1
            else:
                path = root / ("m.zip" if kind == 2 else "m.csv")
                path.write_bytes(data)
                scan(path)
                outcomes["set"] += 1
        except Undecodable:
            outcomes["fault"] += 1
        except DataError:
            outcomes["refused"] += 1
    assert sum(outcomes.values()) == 2000
    assert min(outcomes.values()) > 20


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_a_table_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(DataError):
        find_images(path)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["L", "RGB", "RGBA", "1", "P", "LA", "CMYK"]))
def test_any_size_and_mode_is_decoded_upright(width: int, height: int, mode: str) -> None:
    image = Image.effect_noise((width, height), 60).convert("RGB").convert(mode)
    data = saved(image, "TIFF" if mode == "CMYK" else "PNG")
    found = decode(data)
    assert (found.mode, found.size) == ("RGB", (width, height))


def test_a_very_long_image_does_not_grow_out_of_bounds() -> None:
    preprocessing = Preprocessing(96)
    assert preprocessing.transform()(Image.new("RGB", (2, 30_000), WHITE)).shape == (3, 96, 96)
    assert max(preprocessing.resize()(Image.new("RGB", (2, 30_000))).size) <= 109 * 16
    assert preprocessing.resize()(Image.new("RGB", (40, 90))).size == (109, 245)
