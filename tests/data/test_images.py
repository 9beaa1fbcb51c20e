from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from regraft.data.find import find_images
from regraft.data.images import Fault
from regraft.data.scan import scan
from regraft.errors import DataError

Make = Callable[..., Path]


def test_class_folders(make_folder: Make) -> None:
    images = find_images(make_folder(classes=3, each=4))
    assert images.classes == ("class0", "class1", "class2")
    assert images.splits == ()
    assert images.counts() == {"all": {"class0": 4, "class1": 4, "class2": 4}}


@pytest.mark.parametrize("val", ["val", "valid", "validation", "Val"])
def test_split_folders(make_folder: Make, val: str) -> None:
    images = find_images(make_folder(each=3, parts=("train", val, "test")))
    assert images.splits == ("train", "val", "test")
    assert images.counts()["val"] == {"class0": 3, "class1": 3}


def test_nesting_below_the_class(make_folder: Make) -> None:
    root = make_folder(each=2)
    deep = root / "class0" / "a" / "b"
    deep.mkdir(parents=True)
    (root / "class0" / "000.png").rename(deep / "x.png")
    assert find_images(root).counts()["all"]["class0"] == 2


def test_a_class_may_be_called_train(make_folder: Make) -> None:
    root = make_folder(each=2)
    (root / "class0").rename(root / "train")
    assert find_images(root).classes == ("class1", "train")


def test_hidden_files_are_no_images(make_folder: Make) -> None:
    root = make_folder(each=2)
    (root / "class0" / ".DS_Store").write_bytes(b"x")
    (root / "class0" / "._000.png").write_bytes(b"x")
    (root / ".git").mkdir()
    images = find_images(root)
    assert len(images.files) == 4
    assert {(fault.path, fault.action) for fault in images.faults} == {
        ("class0/.DS_Store", "ignored"),
        ("class0/._000.png", "ignored"),
        (".git", "ignored"),
    }


def test_other_files_are_listed(make_folder: Make) -> None:
    root = make_folder(each=2)
    (root / "class0" / "notes.txt").write_text("hello")
    (root / "loose.png").write_bytes((root / "class0" / "000.png").read_bytes())
    assert {(fault.path, fault.kind) for fault in find_images(root).faults} == {
        ("class0/notes.txt", "not an image"),
        ("loose.png", "loose file"),
    }


def test_a_linked_loop_ends(make_folder: Make) -> None:
    root = make_folder(each=2)
    (root / "class0" / "loop").symlink_to(root / "class0")
    assert len(find_images(root).files) == 4


def test_scan_names_broken_files(make_folder: Make) -> None:
    root = make_folder(each=6)
    (root / "class0" / "000.png").write_bytes(b"")
    (root / "class1" / "001.png").write_bytes((root / "class1" / "001.png").read_bytes()[:150])
    images = scan(root, workers=2)
    assert {(fault.path, fault.kind) for fault in images.faults} == {
        ("class0/000.png", "empty"),
        ("class1/001.png", "truncated"),
    }
    assert len(images.files) == 10


def test_a_class_without_a_readable_image_is_refused(make_folder: Make) -> None:
    root = make_folder(each=2)
    for path in (root / "class1").iterdir():
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match="class1"):
        scan(root, workers=1)


def test_a_class_without_any_image_is_refused(make_folder: Make) -> None:
    images = find_images(make_folder(each=2))
    by_hand = replace(images, classes=(*images.classes, "class2"))
    with pytest.raises(DataError, match="'class2' has no image"):
        by_hand.without((Fault(images.files[0].name, "unreadable", "is broken"),))


def test_class_only_in_the_test_part_is_left_out(make_folder: Make) -> None:
    root = make_folder(each=2, parts=("train", "test"))
    (root / "test" / "class1").rename(root / "test" / "stranger")
    images = find_images(root)
    assert images.classes == ("class0", "class1")
    assert [fault.kind for fault in images.faults] == ["class not in train"]
