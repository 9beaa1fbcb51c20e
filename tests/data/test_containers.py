"""Odd and bad folders, tables, archives and shards: what comes in, and exactly what becomes of it."""

import io
import json
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import picture
from odd import JPEG, PNG, faults_of, pack_zip, rows_of
from PIL import Image

from regraft.data.find import find_images
from regraft.data.scan import scan
from regraft.errors import DataError
from regraft.recipe import Reading

Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]


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
    assert {(fault.path, fault.kind, fault.action) for fault in scan(root).faults} == {
        ("test/class0/leaked.png", "duplicate across splits", "kept"),
        ("test/class1", "empty folder", "ignored"),
        ("test/class1", "class absent", "kept"),
    }


def test_a_single_folder_around_the_classes_is_stepped_into(make_folder: Make) -> None:
    root = make_folder("outer/inner", each=3)
    images = find_images(root.parent)
    assert images.classes == ("class0", "class1")
    assert images.files[0].name == "inner/class0/000.png"


def write_csv(root: Path, text: str, name: str = "table.csv") -> Path:
    (root / name).write_text(text)
    return root / name


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


def test_splits_of_samples(tmp_path: Path) -> None:
    words = ["train", "TRAINING", "dev", "valid", "test", "train", "", "train"]
    for last, found in (("train", ("train", "val", "test")), ("holdout", None)):
        samples = [
            (f"{i}.json", json.dumps({"label": "ab"[i % 2], "split": word}).encode(), {})
            for i, word in enumerate([*words, last])
        ]
        images = [(f"{i}.png", PNG, {}) for i in range(len(samples))]
        path = tar_of(tmp_path / f"{last}.tar", images + samples)
        if found:
            assert find_images(path).splits == found
            assert [fault.kind for fault in find_images(path).faults] == ["no split"]
        else:
            with pytest.raises(DataError, match="holdout"):
                find_images(path)


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
