"""What labels are: names of classes, numbers, several in one, none."""

import numpy as np
import pytest
from torchvision.models._meta import _IMAGENET_CATEGORIES

from regraft.data.labels import check_labels, combination_in, is_missing
from regraft.data.spelling import alike
from regraft.errors import DataError

SEVERAL = {
    "spaces": ["scab", "rust", "scab rust", "healthy", "rust complex", "scab complex"],
    "commas": ["scab", "rust", "scab, rust"],
    "bars": ["Effusion", "Mass", "Effusion|Mass", "No Finding"],
    "semicolons, none alone": ["a;b", "b;c", "a;c"],
    "plus": ["cat", "dog", "cat+dog"],
    "lists": ["['a']", "['a', 'b']"],
    "ids": ["0", "2", "0 2"],
    "one-hot": ["1 0 0", "0 1 0", "0 0 1"],
    "tags": ["clear primary", "clear primary water", "haze primary", "haze primary water", "haze water", "clear haze"],
}
SINGLE = {
    "names with spaces": ["golden retriever", "labrador retriever", "retriever", "beagle", "English setter"],
    "kind and quality": ["red car", "blue car", "red bus", "blue bus", "green car"],
    "kind, quality": ["Tomato, healthy", "Tomato, blight", "Potato, healthy", "Potato, blight"],
    "synonyms": ["tench, Tinca tinca", "goldfish, Carassius auratus", "maillot", "maillot, tank suit", "crane"],
    "signs": ["0", "1+", "2+", "3+"],
    "grades": ["No DR", "Mild", "Moderate", "Severe", "Proliferative DR"],
    "ImageNet": list(_IMAGENET_CATEGORIES),
}


@pytest.mark.parametrize("kind", SEVERAL)
def test_several_labels_in_one_are_refused(kind: str) -> None:
    with pytest.raises(DataError, match="multi-label"):
        check_labels(dict.fromkeys(SEVERAL[kind], 9), "t.csv")


@pytest.mark.parametrize("kind", SINGLE)
def test_names_of_classes_are_no_combinations(kind: str) -> None:
    assert combination_in(dict.fromkeys(SINGLE[kind], 9)) is None
    assert check_labels(dict.fromkeys(SINGLE[kind], 9), "t.csv") is None


def test_numbers_that_measure_are_refused() -> None:
    draw = np.random.default_rng(0)
    with pytest.raises(DataError, match="regression"):
        check_labels({f"{age},{age % 7}": 1 for age in range(20, 40)}, "t.csv")
    for ages in (draw.normal(40, 12, 60).round(1), draw.integers(3, 90, 70), draw.normal(0, 1, 5000)):
        values, counts = np.unique(ages, return_counts=True)
        with pytest.raises(DataError, match=f"{len(values)} different numbers.*regression"):
            check_labels(dict(zip(map(str, values.tolist()), counts.tolist(), strict=True)), "t.csv")


def test_numbers_that_may_measure_are_said() -> None:
    assert "regression" in (check_labels({str(age): 40 for age in range(18, 80)}, "t.csv") or "")
    assert "regression" in (check_labels({str(weight): 1 for weight in range(20, 50, 3)}, "t.csv") or "")
    assert "regression" in (check_labels({f"{grade / 2}": 40 for grade in range(2, 11)}, "t.csv") or "")


@pytest.mark.parametrize("ids", [range(10), range(1, 103), range(200)])
def test_ids_of_classes_are_no_amounts(ids: range) -> None:
    assert check_labels({str(number): 2 for number in ids}, "t.csv") is None
    assert check_labels({f"{number:05d}": 1 for number in ids}, "t.csv") is None


def test_missing_labels() -> None:
    assert all(map(is_missing, ["", "nan", "NaN", "N/A", "n/a", "NULL", "<NA>", "#N/A", "NA", "None"]))
    assert not any(map(is_missing, ["none", "na", "nano", "0", "-", "no"]))


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("Ants", "ants", True), ("caf\u00e9", "cafe\u0301", True), ("1", "1.0", True), ("01", "1", True),
        ("0", "0.0", True), ("-0", "0", True), ("big  cat", "Big cat", True), ("1", "10", False), ("1.0", "1.1", False),
        ("a1", "a01", False), ("1e3", "1000", False),
    ],
)  # fmt: skip
def test_names_that_are_alike(one: str, other: str, same: bool) -> None:
    assert (alike(one) == alike(other)) is same
