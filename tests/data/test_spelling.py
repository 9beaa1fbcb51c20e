"""Classes that are spelt in several ways, across splits and in one."""

import json
from collections.abc import Callable
from pathlib import Path

from conftest import picture

from regraft.data.find import find_images
from regraft.data.scan import scan

Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]
COMPOSED, DECOMPOSED = "caf\u00e9", "cafe\u0301"


def write(root: Path, folders: dict[str, int]) -> Path:
    seed = 0
    for folder, count in folders.items():
        (root / folder).mkdir(parents=True)
        for number in range(count):
            picture(0, seed := seed + 1).save(root / folder / f"{number}.png")
    return root


def test_forms_of_unicode_are_one_class(tmp_path: Path) -> None:
    parts = write(tmp_path / "parts", {f"train/{COMPOSED}": 6, f"val/{DECOMPOSED}": 3, "train/tea": 6, "val/tea": 3})
    assert find_images(parts).counts() == {"train": {COMPOSED: 6, "tea": 6}, "val": {COMPOSED: 3, "tea": 3}}
    one = scan(write(tmp_path / "one", {COMPOSED: 6, DECOMPOSED: 7, "tea": 6}))
    assert one.counts() == {"all": {COMPOSED: 13, "tea": 6}}
    assert [(fault.kind, fault.images) for fault in one.faults] == [("class spelt twice", 13)]


def test_capital_letters_across_splits_are_one_class(tmp_path: Path) -> None:
    images = scan(write(tmp_path, {"train/Ants": 6, "train/Bees": 6, "val/ants": 4, "val/bees": 5}))
    assert images.counts() == {"train": {"Ants": 6, "Bees": 6}, "val": {"Ants": 4, "Bees": 5}}
    found = {(fault.path, fault.kind, fault.images) for fault in images.faults}
    assert found == {("val/ants", "class spelt twice", 4), ("val/bees", "class spelt twice", 5)}
    assert images.left_out == 0


def test_two_classes_that_are_spelt_alike_take_no_third(tmp_path: Path) -> None:
    images = scan(write(tmp_path, {"train/Ants": 6, "train/ants": 6, "val/ANTS": 4, "val/Ants": 2}))
    kinds = {(fault.path, fault.kind): fault.images for fault in images.faults}
    assert kinds["val/ANTS", "class not in train"] == 4
    assert kinds["ants", "class spelt twice"] == 6
    assert images.counts()["val"] == {"Ants": 2, "ants": 0}


def test_faults_count_images(tmp_path: Path, regraft: Regraft) -> None:
    root = write(tmp_path, {"train/a": 6, "train/b": 6, "test/a": 2, "test/b": 2, "test/c": 5, "test/d": 3})
    _, out, _ = regraft("scan", root)
    assert "class not in train (8, left out)" in out
    assert json.loads(regraft("scan", root, "--json")[1])["left_out"] == 8


def test_numbers_across_splits_of_a_table(make_folder: Make) -> None:
    root = make_folder(each=8)
    lines = [
        f"class{c}/{i:03d}.png,{f'{c}.0' if i > 5 else c},{'val' if i > 5 else 'train'}"
        for c in range(2)
        for i in range(8)
    ]
    (root / "t.csv").write_text("\n".join(["image,label,split", *lines]))
    images = find_images(root / "t.csv")
    assert images.counts() == {"train": {"0": 6, "1": 6}, "val": {"0": 2, "1": 2}}
    assert [fault.kind for fault in images.faults] == ["class spelt twice"] * 2
    (root / "t.csv").write_text("\n".join(["image,label", *(line.rpartition(",")[0] for line in lines)]))
    spelt = [fault.path for fault in scan(root / "t.csv").faults if fault.kind == "class spelt twice"]
    assert spelt == ["0.0", "1.0"]  # in one part they stay two classes, with a word
