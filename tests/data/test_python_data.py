"""Arrays, torch Datasets and data sets of the Hugging Face kind: whose labels, which names, which splits."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import ConcatDataset, Dataset, Subset, random_split
from torchvision.datasets import ImageFolder

from regraft.data.find import find_images
from regraft.data.readers.memory import from_arrays, from_dataset
from regraft.errors import DataError
from regraft.recipe import Reading

Make = Callable[..., Path]


class Numbers(Dataset[Any]):
    """Grey pictures with the labels 0 to ``count`` - 1 in turn."""

    def __init__(self, count: int) -> None:
        self.count = count

    def __len__(self) -> int:
        return 3 * self.count

    def __getitem__(self, row: int) -> tuple[np.ndarray, int]:
        return np.full((8, 8), row, np.uint8), row % self.count


class Relabelled(Numbers):
    """Keeps other labels than it hands out."""

    classes = ("x", "y")

    def __init__(self) -> None:
        super().__init__(2)
        self.targets = [0] * 6


def labels(data: Any) -> list[int]:
    return [int(data[row][1]) for row in range(len(data))]


def test_labels_are_those_that_are_handed_out(make_folder: Make) -> None:
    flipped = ImageFolder(str(make_folder(each=3)), target_transform=lambda label: 1 - label)
    for data in (flipped, Subset(flipped, [0, 1, 4, 5]), Relabelled()):
        images = from_dataset(data)
        assert [file.label for file in images.files] == labels(data)
        assert images.classes == ("0", "1")  # the names belong to other labels
        assert [fault.kind for fault in images.faults] == ["names passed over"]
    named = from_dataset(flipped, classes=["one", "zero"])
    assert [named.classes[file.label] for file in named.files] == ["zero"] * 3 + ["one"] * 3
    assert not named.faults


def test_parts_of_a_data_set_keep_its_names(make_folder: Make) -> None:
    whole = ImageFolder(str(make_folder(classes=3, each=4)))
    half, rest = random_split(whole, [6, 6], torch.Generator().manual_seed(0))
    for data in (half, Subset(half, range(5)), ConcatDataset([half, rest])):
        images = from_dataset(data)
        assert set(images.classes) <= {"class0", "class1", "class2"}
        assert [images.classes[file.label] for file in images.files] == [f"class{label}" for label in labels(data)]
        assert not images.faults


def test_numbers_without_names_keep_their_order() -> None:
    images = from_dataset(Numbers(12))
    assert images.classes == tuple(map(str, range(12)))
    assert [file.label for file in images.files] == labels(Numbers(12))


def test_a_broken_image_with_known_labels_is_no_error(make_folder: Make) -> None:
    root = make_folder(each=3)
    (root / "class0" / "000.png").write_bytes(b"broken")
    assert len(from_dataset(ImageFolder(str(root))).files) == 6


REFUSED: dict[str, tuple[list[Any], str]] = {
    "lists": ([[0, 2], [1], [0]], "multi-label"),
    "many-hot": (list(np.eye(3)), "multi-label"),
    "combinations": (["a", "b", "a b", "a b"], "multi-label"),
    "words for none": (["a", "b", "nan"], "leave it out"),
    "amounts": ([0.5, 1.5, 2.25, 3.5, 4.5, 6.1, 7.0], "regression"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_labels_of_arrays_that_are_refused(kind: str) -> None:
    values, word = REFUSED[kind]
    with pytest.raises(DataError, match=word):
        from_arrays(np.zeros((len(values), 8, 8), np.uint8), values)


def test_whole_numbers_as_floats_are_ids() -> None:
    images = from_arrays(np.zeros((4, 8, 8), np.uint8), np.array([0.0, 1.0, 1.0, 0.0]), classes=["a", "b"])
    assert [images.classes[file.label] for file in images.files] == ["a", "b", "b", "a"]


def save(folder: Path, parts: tuple[str, ...] = ("",), count: int = 6, **columns: tuple[Any, Any]) -> Path:
    datasets = pytest.importorskip("datasets")
    features = datasets.Features(image=datasets.Image(), **{name: feature for name, (feature, _) in columns.items()})
    rows = {name: [value(row) for row in range(count)] for name, (_, value) in columns.items()}
    rows["image"] = [Image.new("L", (8, 8), row) for row in range(count)]
    made = datasets.Dataset.from_dict(rows, features=features)
    (made if parts == ("",) else datasets.DatasetDict(dict.fromkeys(parts, made))).save_to_disk(folder)
    return folder


def label(row: int) -> int:
    return row % 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_parts_of_unknown_names_are_asked_about(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    names = datasets.ClassLabel(names=["ant", "bee"])
    odd = save(tmp_path / "odd", ("first_half", "rest"), label=(names, label))
    with pytest.raises(DataError, match="--splits first_half=train,rest=test"):
        find_images(odd)
    images = find_images(odd, Reading(splits="first_half=train,rest=test"))
    assert images.counts() == {"train": {"ant": 3, "bee": 3}, "test": {"ant": 3, "bee": 3}}
    beside = find_images(save(tmp_path / "beside", ("train", "zzz"), label=(names, label)))
    assert [(fault.kind, fault.images) for fault in beside.faults] == [("no split", 6)]
    assert beside.left_out == 6


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_labels_of_saved_data_sets(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    names, text = datasets.ClassLabel(names=["ant", "bee"]), datasets.Value("string")
    two = save(tmp_path / "two", coarse=(names, label), fine=(names, label))
    with pytest.raises(DataError, match=r"'coarse' and 'fine'.*--label-column"):
        find_images(two)
    assert len(find_images(two, Reading(label_column="fine")).files) == 6
    several = save(tmp_path / "several", label=(datasets.Sequence(names), lambda row: [0, 1][: row % 2 + 1]))
    with pytest.raises(DataError, match="multi-label"):
        find_images(several)
    amounts = save(tmp_path / "amounts", label=(datasets.Value("float32"), lambda row: row + 0.5))
    with pytest.raises(DataError, match="regression"):
        find_images(amounts)
    missing = find_images(save(tmp_path / "missing", label=(text, lambda row: ["a", "b", "nan"][row % 3])))
    assert (missing.classes, missing.left_out) == (("a", "b"), 2)
