"""Tables, archives and odd names among the folders that a data set is read from."""

import re
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import picture

from regraft.data.find import find_images
from regraft.data.scan import scan
from regraft.errors import DataError
from regraft.recipe import Reading

Make = Callable[..., Path]


def test_a_table_in_each_split(tmp_path: Path) -> None:
    for split, each in (("train", 6), ("test", 4)):
        folder = tmp_path / split
        folder.mkdir()
        rows = [f"{i}.png,{'ab'[i % 2]}" for i in range(each)]
        for i in range(each + 1):
            picture(i % 2, i).save(folder / f"{i}.png")
        (folder / "metadata.csv").write_text("\n".join(["file_name,label", *rows]))
    images = find_images(tmp_path)
    assert images.counts() == {"train": {"a": 3, "b": 3}, "test": {"a": 2, "b": 2}}
    assert images.files[0].name in {"train/0.png", "test/0.png"}
    assert {(fault.path, fault.kind) for fault in images.faults} == {
        ("train/6.png", "no label"),
        ("test/4.png", "no label"),
    }
    assert "metadata.csv" in images.notes[0]


def test_json_lines_beside_images(tmp_path: Path) -> None:
    for i in range(4):
        picture(i % 2, i).save(tmp_path / f"{i}.png")
    rows = [f'{{"file_name": "{i}.png", "label": "{"ab"[i % 2]}"}}' for i in range(4)]
    (tmp_path / "metadata.jsonl").write_text("\n".join(rows))
    assert find_images(tmp_path).counts() == {"all": {"a": 2, "b": 2}}
    (tmp_path / "metadata.jsonl").write_text("\n".join([*rows, "nothing"]))
    with pytest.raises(DataError, match="line 5 of"):
        find_images(tmp_path)


def test_a_table_that_is_not_used_is_said(make_folder: Make) -> None:
    root = make_folder(each=2)
    (root / "labels.csv").write_text("image,label\n")
    assert any("labels.csv is not used" in note for note in find_images(root).notes)


def test_a_table_that_says_otherwise_is_asked_about(make_folder: Make) -> None:
    root = make_folder(each=3)
    rows = [f"class{c}/{i:03d}.png,{'good' if i else 'bad'}" for c in range(2) for i in range(3)]
    (root / "labels.csv").write_text("\n".join(["image,label", *rows]))
    with pytest.raises(DataError, match=r"labels\.csv lists the images with other labels than their folders"):
        find_images(root)
    assert find_images(root, Reading(layout="CLASS")).classes == ("class0", "class1")
    assert find_images(root / "labels.csv").classes == ("bad", "good")
    agreeing = [f"class{c}/{i:03d}.png,class{c}" for c in range(2) for i in range(3)]
    (root / "labels.csv").write_text("\n".join(["image,label", *agreeing]))
    assert any("labels.csv is not used" in note for note in find_images(root).notes)


def zipped(path: Path, names: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in names.items():
            archive.writestr(name, data)
    return path


def test_a_zip_for_each_class_or_split(make_folder: Make, tmp_path: Path) -> None:
    data = (make_folder(each=1) / "class0" / "000.png").read_bytes()
    classes, splits = tmp_path / "classes", tmp_path / "splits"
    classes.mkdir()
    splits.mkdir()
    for name in ("ants", "bees"):
        zipped(classes / f"{name}-samples.zip", {f"{i}.png": data for i in range(3)})
    assert find_images(classes).counts() == {"all": {"ants": 3, "bees": 3}}
    for name in ("train", "test"):
        zipped(splits / f"{name}.zip", {f"{name}/{kind}/{i}.png": data for kind in "ab" for i in range(3)})
    images = find_images(splits)
    assert images.counts() == {"train": {"a": 3, "b": 3}, "test": {"a": 3, "b": 3}}
    assert images.notes[-1] == "Each of 2 archives read as a folder"


def test_a_tar_for_each_class(make_folder: Make, tmp_path: Path) -> None:
    root, packs = make_folder(each=3), tmp_path / "packs"
    packs.mkdir()
    for name, folder in (("ants", "class0"), ("bees", "class1")):
        with tarfile.open(packs / f"{name}.tar.gz", "w:gz") as archive:
            archive.add(root / folder, ".")
    assert find_images(packs).counts() == {"all": {"ants": 3, "bees": 3}}


def test_archives_that_are_parts_of_one_set(make_folder: Make, tmp_path: Path) -> None:
    data, packs = (make_folder(each=1) / "class0" / "000.png").read_bytes(), tmp_path / "packs"
    packs.mkdir()
    for part in (1, 2):
        zipped(packs / f"photos-{part}.zip", {f"{part}{i}.png": data for i in range(3)})
    with pytest.raises(DataError, match="parts of one set"):
        find_images(packs)
    assert find_images(packs, Reading(layout="CLASS")).classes == ("photos-1", "photos-2")


def test_names_in_a_zip_that_are_not_in_unicode(make_folder: Make, tmp_path: Path) -> None:
    data = (make_folder(each=1) / "class0" / "000.png").read_bytes()
    path = zipped(
        tmp_path / "a.zip", {f"{kind}\N{GREEK SMALL LETTER ALPHA}/{i}.png": data for kind in "xy" for i in "12"}
    )
    raw = path.read_bytes().replace("\N{GREEK SMALL LETTER ALPHA}".encode(), "犬".encode("cp932"))
    for mark in (b"PK\x03\x04", b"PK\x01\x02"):  # the flag that says Unicode
        place = 6 if mark == b"PK\x03\x04" else 8
        for at in [match.start() for match in re.finditer(re.escape(mark), raw)]:
            raw = raw[: at + place] + b"\0\0" + raw[at + place + 2 :]
    path.write_bytes(raw)
    images = find_images(path)
    assert [fault.kind for fault in images.faults] == ["doubtful names"]
    assert any("--zip-names" in note for note in images.notes)
    assert find_images(path, Reading(zip_names="cp932")).classes == ("x犬", "y犬")


def test_images_without_a_suffix(make_folder: Make) -> None:
    root = make_folder(each=3)
    for path in [*root.rglob("*.png")]:
        path.rename(path.with_suffix(""))
    (root / "class0" / "LICENSE").write_text("hello")
    images = scan(root)
    assert images.counts() == {"all": {"class0": 3, "class1": 3}}
    assert ("class0/LICENSE", "not an image") in {(fault.path, fault.kind) for fault in images.faults}
