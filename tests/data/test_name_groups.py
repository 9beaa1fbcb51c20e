"""Groups that names show."""

from dataclasses import replace
from pathlib import Path

import pytest

from regraft.data.content import OnDisk
from regraft.data.images import ImageFile, ImageSet
from regraft.data.name_groups import KIND, proposed_for, unused_groups


def named(pattern: str, groups: int = 5, each: int = 3, splits: tuple[str | None, ...] = (None,)) -> ImageSet:
    """``each`` images of every group and class; ``pattern`` takes c(lass), g(roup), i(mage) and s(plit)."""
    files = tuple(
        ImageFile(pattern.format(c="ab"[c], g=g, i=i, s=split), c, split, OnDisk(Path("/d")))
        for c in (0, 1)
        for g in range(groups)
        for i in range(each)
        for split in (splits[i % len(splits)],)
    )
    return ImageSet(Path("/d"), ("a", "b"), files)


@pytest.mark.parametrize(
    ("pattern", "option"),
    [
        ("{c}/patient{g}_{i}.png", r"patient(\d+)"),
        ("{c}/x_Patient-{g}-{i}.png", r"Patient-(\d+)"),
        ("{c}/video_{g}_frame_{i}.png", r"video_(\d+)"),
        ("{c}/clip{g}/{i}.png", r"clip(\d+)"),
    ],
)
def test_numbered_patients_and_videos(pattern: str, option: str) -> None:
    (fault,) = unused_groups(named(pattern))
    assert fault.kind == KIND
    assert "5 groups" in fault.reason
    assert fault.reason.endswith(f"--group-by '{option}'")


@pytest.mark.parametrize(
    ("pattern", "groups", "each"),
    [
        ("{c}/img{g}_{i}.png", 5, 3),  # no word for a group
        ("{c}/patient{g}.png", 5, 1),  # one image each
        ("{c}/patient1_{i}_{g}.png", 5, 3),  # one group
        ("{c}/subpatient{g}x.png", 5, 1),
    ],
)
def test_names_that_show_no_groups(pattern: str, groups: int, each: int) -> None:
    assert not list(unused_groups(named(pattern, groups, each)))


def test_parts_that_keep_groups_whole_are_left_alone() -> None:
    torn = named("{s}/{c}/patient{g}_{i}.png", splits=("train", "test"))
    (fault,) = unused_groups(torn)
    assert fault.reason.startswith("5 of the 5 groups")
    whole = (replace(file, split="test" if "patient1" in file.name else "train") for file in torn.files)
    assert not list(unused_groups(ImageSet(torn.root, torn.classes, tuple(whole))))


@pytest.mark.parametrize(
    ("pattern", "option"),
    [
        ("{c}/scene{g}_frame{i}.jpg", r"scene(\d+)"),
        ("{c}/s{g}_f{i}.jpg", r"s(\d+)"),
        ("{c}/{g}-{i}.jpg", r"([^/]+)[_-][^/_-]+$"),
        ("{c}/{g}/{i}.jpg", r"([^/]+)/[^/]+$"),
        ("{c}/{g}{i}.jpg", None),
    ],
)
def test_what_pairs_have_in_common(pattern: str, option: str | None) -> None:
    assert proposed_for(named(pattern), [(0, 1), (4, 5), (16, 17)]) == option


def test_pairs_of_other_groups_are_no_evidence() -> None:
    assert proposed_for(named("{c}/scene{g}_frame{i}.jpg"), [(0, 4), (1, 8)]) is None
    assert proposed_for(named("{c}/scene{g}_frame{i}.jpg"), []) is None


def ultrasound(first: int, second: int) -> ImageSet:
    """Names that begin with their class, and in each class ``second`` others."""
    names = [
        (label, f"{name}/{prefix}{number}{close}.png")
        for label, name in enumerate(("benign", "malignant", "normal"))
        for prefix, close, count in ((f"{name}_(", ")", first), ("new_scan_", "", second))
        for number in range(count)
    ]
    files = tuple(ImageFile(name, label, None, OnDisk(Path("/d"))) for label, name in names)
    return ImageSet(Path("/d"), ("benign", "malignant", "normal"), files)


@pytest.mark.parametrize(("first", "second"), [(40, 2), (30, 12), (20, 20)])
def test_words_before_a_number_are_no_groups_where_they_are_classes(first: int, second: int) -> None:
    images = ultrasound(first, second)
    assert proposed_for(images, [(0, 1), (3, 5), (first + second, first + second + 1)]) is None


@pytest.mark.parametrize("per_class", [1, 2, 3])
def test_few_large_groups_are_not_proposed(per_class: int) -> None:
    images = named("{c}/patient{g}_{i}.png", per_class, 30 // per_class)
    assert proposed_for(images, [(0, 1), (1, 2)]) is None or per_class > 2
    assert not list(unused_groups(images)) or per_class > 2


def test_one_large_group_among_many_is_no_hindrance() -> None:
    images = named("{c}/patient{g}_{i}.png", groups=40)
    rare = tuple(ImageFile(f"c/patient{i // 4}_{i}.png", 2, None, OnDisk(Path("/d"))) for i in range(8))
    both = ImageSet(images.root, (*images.classes, "c"), (*images.files, *rare))
    assert proposed_for(both, [(0, 1), (4, 5)]) == r"patient(\d+)"
