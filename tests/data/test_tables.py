"""Odd and bad tables: what comes in, and exactly what becomes of it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from odd import rows_of

from regraft.data.find import find_images
from regraft.data.scan import scan
from regraft.recipe import Reading

Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]


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
