"""Groups from paths and columns, and the images that are in none."""

from collections.abc import Callable
from pathlib import Path

import pytest

from regraft.data.find import find_images
from regraft.data.scan import scan
from regraft.errors import DataError
from regraft.recipe import Reading

Make = Callable[..., Path]


def patients(root: Path) -> Path:
    for number, path in enumerate(sorted(root.rglob("*.png"))):
        word = ("patient", "Patient", "scan")[min(number % 4, 2)]
        path.rename(path.with_name(f"{word}{number // 4}_{path.name}"))
    return root


def test_images_that_no_group_takes_are_counted(make_folder: Make) -> None:
    images = find_images(patients(make_folder(each=8)), Reading(group_by=r"patient(\d+)"))
    (fault,) = images.faults
    assert (fault.kind, fault.action, fault.images) == ("no group", "kept", 12)
    assert fault.reason.startswith("12 of 16 images are in no group")
    assert r"(?i)patient(\d+)" in fault.reason
    assert "4 more" in fault.reason


def test_a_pattern_that_tells_nothing_apart_is_refused(make_folder: Make) -> None:
    root = make_folder(each=4)
    with pytest.raises(DataError, match="one group"):
        find_images(root, Reading(group_by="class"))
    with pytest.raises(DataError, match=r"\(\?i\)CLASS"):
        find_images(root, Reading(group_by=r"CLASS(\d)"))


def test_rows_without_a_group_are_counted(make_folder: Make) -> None:
    root = make_folder(each=6)
    lines = [f"class{c}/{i:03d}.png,{c},{'' if i > 3 else ('p', 'P')[c] + str(i)}" for c in range(2) for i in range(6)]
    (root / "t.csv").write_text("\n".join(["image,label,Patient", *lines]))
    images = scan(root / "t.csv", Reading(group_by="patient"))
    kinds = [(fault.kind, fault.images) for fault in images.faults]
    assert kinds == [("no group", 4), *[("group spelt twice", 1)] * 4]


def test_an_empty_column_of_groups_is_refused(make_folder: Make) -> None:
    root = make_folder(each=2)
    lines = [f"class{c}/{i:03d}.png,{c}," for c in range(2) for i in range(2)]
    (root / "t.csv").write_text("\n".join(["image,label,plant", *lines]))
    with pytest.raises(DataError, match=r"'plant' of .* is empty"):
        find_images(root / "t.csv", Reading(group_by="plant"))
