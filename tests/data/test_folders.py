"""Odd and bad folders: what comes in, and exactly what becomes of it."""

import os
from collections.abc import Callable
from pathlib import Path

from conftest import picture
from odd import JPEG, PNG, faults_of
from PIL import Image

from regraft.data.find import find_images
from regraft.data.scan import scan

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


def test_a_train_folder_is_a_split_whatever_lies_beside(make_folder: Make) -> None:
    root = make_folder(each=3, parts=("train",))
    (root / "test").mkdir()
    (root / "test" / "a.png").write_bytes(PNG)
    (root / "annotations").mkdir()
    (root / "annotations" / "a.xml").write_text("x")
    images = find_images(root)
    assert images.classes == ("class0", "class1")
    assert [(fault.path, fault.kind) for fault in images.faults] == [("test", "other folder")]


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
