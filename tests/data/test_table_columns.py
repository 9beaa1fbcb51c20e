"""Columns of tables: none, two, one for each class, splits that nobody named."""

from collections.abc import Callable
from pathlib import Path

import pytest

from regraft.data.find import find_images
from regraft.errors import DataError
from regraft.recipe import Reading

Make = Callable[..., Path]


def cells(each: int = 4) -> list[tuple[str, str]]:
    return [(f"class{c}/{i:03d}.png", "ab"[c]) for c in range(2) for i in range(each)]


def table(root: Path, *lines: str) -> Path:
    (root / "t.csv").write_text("\n".join(lines))
    return root / "t.csv"


def test_a_table_without_a_header_keeps_its_first_row(make_folder: Make) -> None:
    root = make_folder(each=4)
    path = table(root, *(f"{image},{label}" for image, label in cells()))
    for reading in (Reading(), Reading("class0/000.png", "a"), Reading("1", "2")):
        images = find_images(path, reading)
        assert images.counts() == {"all": {"a": 4, "b": 4}}
        assert [fault.kind for fault in images.faults] == ["no header"]


def test_more_columns_without_a_header_are_asked_about(make_folder: Make) -> None:
    path = table(make_folder(each=4), *(f"7,{image},{label},x" for image, label in cells()))
    with pytest.raises(DataError, match=r"no header.*2 'class0/000.png', 3 'a'.*--image-column 1"):
        find_images(path)
    assert len(find_images(path, Reading(label_column="3")).files) == 8


def test_names_without_suffix_show_that_there_is_no_header(make_folder: Make) -> None:
    path = table(make_folder(each=4), *(f"{image[:-4]},{label}" for image, label in cells()))
    assert len(find_images(path, Reading(image_suffix="png")).files) == 8


def test_capital_letters_and_spaces_in_the_header(make_folder: Make) -> None:
    path = table(make_folder(each=4), " Image , LABEL", *(f"{image}, {label}" for image, label in cells()))
    assert len(find_images(path).files) == 8


REFUSED = {
    "two label columns": ("image,label,label", "{},{},z", "2 columns 'label'"),
    "two that are alike": ("image,Label,LABEL", "{},{},z", "--label-column Label"),
    "other names": ("filepath,class", "{},{}", "--image-column filepath --label-column class"),
    "several in a cell": ("image,label", "{},{}|c", "one class"),
    "several cells": ("image,label", "{},{},b", "multi-label"),
    "ones in several": ("image,a,b", "{0},1,1", "multi-label"),
    "ones in none": ("image,a,b", "{0},0,0", "multi-label"),
    "each image twice": ("image,label", "{0},a\n{0},b", "multi-label"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_tables_whose_labels_are_not_one_column(make_folder: Make, kind: str) -> None:
    header, row, word = REFUSED[kind]
    lines = [row.format(image, label) for image, label in cells()]
    if kind.startswith("several"):
        lines[4:] = [f"{image},{label}" for image, label in cells()[4:]] + ["class0/000.png,c"]
    with pytest.raises(DataError, match=word):
        find_images(table(make_folder(each=4), header, *lines))


def test_one_column_for_each_class(make_folder: Make) -> None:
    lines = [f"{image},{int(label == 'a')},{int(label == 'b')}.0" for image, label in cells()]
    images = find_images(table(make_folder(each=4), "image, ants, bees", *lines))
    assert images.counts() == {"all": {"ants": 4, "bees": 4}}
    assert [fault.kind for fault in images.faults] == ["one-hot labels"]


def test_marks_beside_a_class_are_no_labels(make_folder: Make) -> None:
    lines = [f"{image},{label},1,0" for image, label in cells()]
    with pytest.raises(DataError, match="--label-column species"):
        find_images(table(make_folder(each=4), "image,species,adult,wet", *lines))


@pytest.mark.parametrize(("column", "yes", "split"), [("is_valid", "True", "val"), ("is_test", "1", "test")])
def test_a_column_of_yes_and_no_is_a_split(make_folder: Make, column: str, yes: str, split: str) -> None:
    no = {"True": "False", "1": "0"}[yes]
    lines = [f"{image},{label},{yes if '003' in image else no}" for image, label in cells()]
    images = find_images(table(make_folder(each=4), f"image,label,{column}", *lines))
    assert images.counts() == {"train": {"a": 3, "b": 3}, split: {"a": 1, "b": 1}}
    assert [fault.kind for fault in images.faults] == ["split column"]


def test_words_for_splits(make_folder: Make) -> None:
    lines = [f"{image},{label},{image[9]}" for image, label in cells()]
    path = table(make_folder(each=4), "image,label,split", *lines)
    with pytest.raises(DataError, match="--splits '0=test'"):
        find_images(path)
    images = find_images(path, Reading(splits="0=train,1=train,2=test,3=none"))
    assert images.counts() == {"train": {"a": 2, "b": 2}, "test": {"a": 1, "b": 1}}
    assert images.left_out == 2
    with pytest.raises(DataError, match="WORD=train"):
        find_images(path, Reading(splits="0"))


def test_missing_labels_are_left_out(make_folder: Make) -> None:
    lines = [f"{image},{label}" for image, label in cells(8)]
    for row, word in ((0, ""), (1, "nan"), (2, "NaN"), (8, "N/A"), (9, "null")):
        lines[row] = f"{lines[row].split(',')[0]},{word}"
    images = find_images(table(make_folder(each=8), "image,label", *lines))
    assert images.classes == ("a", "b")
    assert [fault.kind for fault in images.faults] == ["no label"] * 5
