"""Trees of folders: how each is read, and which are refused with the option that helps."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from regraft.data.content import Given
from regraft.data.find import find_images
from regraft.data.folder_words import is_fold, splits_among
from regraft.data.images import ImageSet
from regraft.data.readers.class_folders import by_folder
from regraft.data.readers.folder import Tree
from regraft.errors import DataError, RecipeError
from regraft.recipe import Reading, Recipe

Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]
PAGE = Path(__file__).parent.parent.parent / "docs" / "images.md"
ROWS = re.findall(r"^\| `([^`]+/)` \| `?([^`|]+?)`? \| ?([^|]*?) ?\| ([^|]*) \|$", PAGE.read_text(), re.MULTILINE)


def tree_of(text: str, each: int = 6) -> Tree:
    """Folders with ``each`` images (or as many as a colon says), and files that are named with their suffix."""
    tree = Tree()
    for path in text.split():
        name, _, count = path.partition(":")
        names = [f"{name.rstrip('/')}/{i:03d}.jpg" for i in range(int(count or each))] if "." not in name else [name]
        tree.files |= {name: Given(bytes) for name in names}
    return tree


def read(text: str, fewest_classes: int = 2, **settings: Any) -> ImageSet:
    return by_folder(Path("data"), tree_of(text), Reading(**settings), fewest_classes)


def layout_of(images: ImageSet) -> str:
    return re.findall(r"Folders read as (\S+):", images.notes[0])[0]


def splits_of(images: ImageSet) -> dict[str, int]:
    return {split: sum(by_class.values()) for split, by_class in images.counts().items()}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_the_pages_examples(row: tuple[str, str, str, str]) -> None:
    folders, layout, classes, remark = row
    if layout == "refused":
        with pytest.raises(DataError) as caught:
            read(folders)
        for option in re.findall(r"`([^`]+)`", remark):
            assert option in str(caught.value)
    else:
        images = read(folders)
        assert (layout_of(images), ", ".join(images.classes)) == (layout, classes)


def test_the_page_has_examples() -> None:
    assert len(ROWS) > 8
    assert {row[1] for row in ROWS} == {"CLASS", "SPLIT/CLASS", "CLASS/SPLIT", "FOLD/CLASS", "refused"}


@pytest.mark.parametrize(
    ("names", "splits"),
    [
        ("training_set test_set", "train test"),
        ("seg_train seg_test seg_pred", "train test unlabelled"),
        ("Train Validation TestImages", "train val test"),
        ("train2017 val2017 test1", "train val test"),
        ("training validation evaluation", "train val test"),
        ("train eval", "train val"),
        ("trainset testset unlabeled2017", "train test unlabelled"),
        ("entrenamiento prueba", "train test"),
        ("imagenette-train imagenette-val", "train val"),
        ("train_station bus_stop", "- -"),
        ("cat_train cat_test dog_train dog_test", "- - - -"),
        ("train_images train_masks test_masks", "train - -"),
        ("trained testament validity", "- - -"),
    ],
)
def test_names_of_splits_by_their_words(names: str, splits: str) -> None:
    read_as = splits_among(names.split())
    assert [read_as.get(name, "-") for name in names.split()] == splits.split()


def test_names_of_folds() -> None:
    named = ("fold_0", "Fold1", "split-3", "cv 2", "folds", "manifold", "fold_a", "type_1")
    assert [is_fold(name) for name in named] == [True] * 4 + [False] * 4


READ: dict[str, tuple[str, str, dict[str, int]]] = {
    "seg_train/seg_train/a seg_train/seg_train/b seg_test/seg_test/a seg_test/seg_test/b seg_pred/seg_pred": (
        "SPLIT/CLASS", "a b", {"train": 12, "test": 12},
    ),
    "train/a train/b test:300": ("SPLIT/CLASS", "a b", {"train": 12}),
    "train/images/a train/images/b test/a test/b": ("SPLIT/CLASS", "a b", {"train": 12, "test": 12}),
    "train/a train/b test/b": ("SPLIT/CLASS", "a b", {"train": 12, "test": 6}),
    "train/n1/images train/n2/images val/images test/images:40": ("SPLIT/CLASS", "n1 n2", {"train": 12}),
    "images/Images/a images/Images/b annotations/a/1.xml annotations/b/2.xml": ("CLASS", "a b", {"all": 12}),
    "images/a images/b preview.jpg": ("*/CLASS", "a b", {"all": 12}),
    "labeled/a labeled/b unlabeled:30": ("*/CLASS", "a b", {"all": 12}),
    "COVID/images Normal/images": ("CLASS", "COVID Normal", {"all": 12}),
    "dogs/poodle dogs/beagle cats/siamese cats/persian": ("CLASS", "cats dogs", {"all": 24}),
    "a/p1/s1 a/p2/s1 b/p3/s1 b/p4/s1": ("CLASS", "a b", {"all": 24}),
    "train/a/p1 train/a/p2 train/b/p3 train/b/p4 test/a/p5 test/b/p6": (
        "SPLIT/CLASS", "a b", {"train": 24, "test": 12},
    ),
    "type_1 type_2 type_3": ("CLASS", "type_1 type_2 type_3", {"all": 18}),
    "bus car train plane": ("CLASS", "bus car plane train", {"all": 24}),
    "train/bus train/train test/bus test/train": ("SPLIT/CLASS", "bus train", {"train": 12, "test": 12}),
    "train/a train/b other/a other/b": ("SPLIT/CLASS", "a b", {"train": 12}),
    "train-0/a train-0/b train-1/a train-1/b": ("SPLIT/CLASS", "a b", {"train": 24}),
}  # fmt: skip


@pytest.mark.parametrize("folders", READ)
def test_read(folders: str) -> None:
    layout, classes, splits = READ[folders]
    images = read(folders)
    assert (layout_of(images), " ".join(images.classes), splits_of(images)) == (layout, classes, splits)


REFUSED = {
    "images/train images/val": "no labels",
    "train unlabeled": "no labels",
    "fold1 fold2 fold3": "no labels",
    "cat_train cat_test dog_train dog_test": "no labels",
    "train_images train_masks test_images test_masks": "no labels",
    "train images": "no labels",
    "train/images train/labels/1.txt val/images val/labels/1.txt": "no labels",
    "train test train.csv sample_submission.csv": r"labels may be in data/train\.csv",
    "train/cat.0.jpg train/cat.1.jpg train/dog.0.jpg train/dog.1.jpg": r"--classes-from .*\(cat, dog\)",
    "a.jpg b.jpg": "loosely",
    "train/good test/good test/broken": "only 'good' in train",
    "only": "two classes",
    "fold_0/train/a fold_0/train/b fold_0/val/a fold_0/val/b fold_1/train/a fold_1/train/b": "give one.*: data/fold_0",
    "cells/sick cells/well cells/cells/sick cells/cells/well": "--ignore 'cells/cells'",
    "s1/a s1/b s1/c s2/a s2/b s3/a s3/b s3/c": r"--layout 'CLASS' or --layout '\*/CLASS'",
    "images/a images/b masks/a masks/b": "--ignore masks",
    "original/a original/b augmented/a augmented/b": "--layout",
    "data/train/a data/train/b data/data/train/a data/data/train/b": "--layout",
    "yes no pred": "--ignore 'pred'",
    "positive negative test_images": "--ignore 'test_images'",
    "test train.zip": "unpack train.zip",
    "ill/1.txt ill/2.txt well/3.mat": r"\.txt \(2\), \.mat \(1\)",
    "train.zip test.7z": "unpack each",
}  # fmt: skip


@pytest.mark.parametrize("folders", REFUSED)
def test_refused(folders: str) -> None:
    with pytest.raises(DataError, match=REFUSED[folders]):
        read(folders)


def test_what_has_no_labels_is_said() -> None:
    images = read("train/a train/b test1:8 train/x.jpg")
    assert "test1 has no class folders: its 8 images are kept out of training" in images.notes
    assert [(fault.path, fault.kind) for fault in images.faults] == [
        ("train/x.jpg", "loose file"),
        ("test1", "other folder"),
    ]


def test_a_class_that_is_called_train_is_said() -> None:
    assert any("'train' is read as a class" in note for note in read("bus car train").notes)


ASKED: dict[tuple[str, str], tuple[str, dict[str, int]]] = {
    ("field/a field/b lab/a lab/b", "CLASS"): ("field lab", {"all": 24}),
    ("field/a field/b lab/a lab/b", "*/class"): ("a b", {"all": 24}),
    ("zipped/field/a zipped/field/b zipped/lab/a zipped/lab/b", "*/CLASS"): ("a b", {"all": 24}),
    ("train/images/a train/images/b", "SPLIT/*/CLASS"): ("a b", {"train": 12}),
    ("train/images/a train/images/b", "SPLIT/CLASS"): ("a b", {"train": 12}),
    ("photos/a photos/b", "*/CLASS"): ("a b", {"all": 12}),
    ("train test", "CLASS"): ("test train", {"all": 12}),
    ("train/a train/b extra:90", "SPLIT/CLASS"): ("a b", {"train": 12}),
}


@pytest.mark.parametrize("asked", ASKED)
def test_layout(asked: tuple[str, str]) -> None:
    images = read(asked[0], layout=asked[1])
    assert (" ".join(images.classes), splits_of(images)) == ASKED[asked]


def test_a_level_of_groups() -> None:
    images = read("s1/a s1/b s2/a s2/b", layout="GROUP/CLASS")
    assert {file.name.split("/")[0]: file.group for file in images.files} == {"s1": "s1", "s2": "s2"}


def test_a_layout_that_the_tree_has_not() -> None:
    with pytest.raises(DataError, match="images lie in a, b"):
        read("a b", layout="SPLIT/CLASS")


@pytest.mark.parametrize(
    "wrong",
    [
        {"layout": "SPLIT"}, {"layout": "CLASS/CLASS"}, {"layout": "train/CLASS"}, {"classes_from": "("},
        {"zip_names": "klingon"}, {"layout": "CLASS", "classes_from": "x"},
    ],
)  # fmt: skip
def test_settings_that_are_none(wrong: dict[str, str]) -> None:
    with pytest.raises(RecipeError, match="--"):
        Reading(**wrong)


def test_classes_from_names() -> None:
    images = read(
        "train/cat.0.jpg train/dog.1.jpg val/cat.2.jpg val/dog.3.jpg val/4.jpg", classes_from=r"/([a-z]+)\.\d"
    )
    assert images.counts() == {"train": {"cat": 1, "dog": 1}, "val": {"cat": 1, "dog": 1}}
    assert [(fault.path, fault.kind) for fault in images.faults] == [("val/4.jpg", "no label")]
    with pytest.raises(DataError, match="matches no image"):
        read("a b", classes_from="nothing like it")


def test_ignored_folders() -> None:
    images = read("a/images a/masks b/images b/masks old/a old/b", ignore=("masks", "old"))
    assert images.counts() == {"all": {"a": 6, "b": 6}}
    assert {fault.path for fault in images.faults} == {"a/masks", "b/masks", "old"}
    with pytest.raises(DataError, match=r"--ignore 'mask' is no folder in data; .*a/images"):
        read("a/images a/masks", ignore=("mask",))


def test_settings_of_folders_are_refused_for_tables(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("image,label\n")
    with pytest.raises(RecipeError, match="--ignore goes with folders"):
        find_images(tmp_path / "list.csv", Reading(ignore=("a",)))


def test_ignored_folders_stay_in_a_recipe() -> None:
    assert Recipe(**Recipe(ignore=("a", "b")).flat()).reading.ignore == ("a", "b")


def test_the_reading_is_shown(make_folder: Make, regraft: Regraft) -> None:
    root = make_folder(each=6, parts=("training_set", "test_set"))
    code, out, err = regraft("scan", root)
    assert code == 0, err
    assert "Note: Folders read as SPLIT/CLASS: 2 classes, splits training_set (train)" in " ".join(out.split())
    code, _, err = regraft("scan", root, "--ignore", "test_set", "--ignore", "nowhere")
    assert (code, "nowhere" in err) == (2, True)
