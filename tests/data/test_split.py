from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from regraft.data.content import OnDisk
from regraft.data.find import find_images
from regraft.data.images import ImageFile, ImageSet
from regraft.data.readers.memory import from_arrays
from regraft.data.scan import scan
from regraft.data.split import FOLDS, folds_of, split_images
from regraft.errors import DataError
from regraft.recipe import Reading
from regraft.training import examples
from regraft.training.examples import rows_for_tuning


def images_of(labels: list[int], split: str | None = None, groups: list[str] | None = None) -> ImageSet:
    files = tuple(
        ImageFile(f"{i}.png", label, split, OnDisk(Path(f"/d/{i}.png")), groups[i] if groups else None)
        for i, label in enumerate(labels)
    )
    return ImageSet(Path("/d"), tuple(str(c) for c in range(max(labels) + 1)), files)


def test_a_stratified_fifth_is_test() -> None:
    labels = [0] * 50 + [1] * 100
    split = split_images(images_of(labels), [f"p{i}" for i in range(150)], 0)
    assert np.bincount(np.array(labels)[split.test]).tolist() == [10, 20]
    assert sorted([*split.train, *split.test]) == list(range(150))
    assert split.reported == "test"


def test_order_and_names_do_not_matter_but_the_seed_does() -> None:
    labels = [i % 3 for i in range(60)]
    pixels = [f"p{i}" for i in range(60)]
    there = {pixels[i] for i in split_images(images_of(labels), pixels, 0).test}
    back = {pixels[::-1][i] for i in split_images(images_of(labels[::-1]), pixels[::-1], 0).test}
    other = {pixels[i] for i in split_images(images_of(labels), pixels, 1).test}
    assert there == back != other


def test_identical_pixels_stay_together() -> None:
    pixels = [f"p{i // 3}" for i in range(90)]
    split = split_images(images_of([i % 2 for i in range(90)]), pixels, 0)
    assert not {pixels[i] for i in split.train} & {pixels[i] for i in split.test}
    folds = folds_of(np.array([i % 2 for i in range(90)]), pixels, 0)
    assert len(set(zip(pixels, folds.tolist(), strict=True))) == len(set(pixels))


def test_a_single_image_stays_in_train() -> None:
    split = split_images(images_of([0] * 20 + [1]), [f"p{i}" for i in range(21)], 0)
    assert 20 in split.train


def test_given_parts_are_kept(make_folder: Callable[..., Path]) -> None:
    images = find_images(make_folder(each=5, parts=("train", "val")))
    split = split_images(images, [str(i) for i in range(len(images.files))], 0)
    assert split.reported == "val"
    assert len(split.val) == 0
    assert {images.files[i].split for i in split.test} == {"val"}
    three = find_images(make_folder(name="three", each=5, parts=("train", "val", "test")))
    split = split_images(three, [str(i) for i in range(len(three.files))], 0)
    assert split.reported == "test"
    assert {three.files[i].split for i in split.val} == {"val"}


def test_folds_hold_every_class() -> None:
    labels = np.array([0] * 50 + [1] * 7)
    folds = folds_of(labels, [str(i) for i in range(57)], 0)
    for fold in range(FOLDS):
        assert set(labels[folds != fold]) == {0, 1}
        assert (folds == fold).any()


def test_too_few_images_are_refused() -> None:
    with pytest.raises(DataError, match="too few"):
        split_images(images_of([0, 1]), ["a", "b"], 0)


@pytest.mark.parametrize("each", [4, 8, 30])
def test_groups_stay_together_however_few_images_a_class_has(each: int) -> None:
    labels = [i % 3 for i in range(3 * each)]
    groups = [f"patient{i // 2}" for i in range(3 * each)]
    split = split_images(images_of(labels, groups=groups), [f"p{i}" for i in range(3 * each)], 0)
    assert not {groups[i] for i in split.train} & {groups[i] for i in split.test}
    for fold in np.unique(split.folds):
        inside = {groups[i] for i in split.train[split.folds == fold]}
        assert not inside & {groups[i] for i in split.train[split.folds != fold]}


def test_one_group_is_parted_inside_train_and_refused_where_a_test_part_is_needed() -> None:
    labels, groups = [i % 2 for i in range(20)], ["a"] * 20
    with pytest.raises(DataError, match="one group"):
        split_images(images_of(labels, groups=groups), [f"p{i}" for i in range(20)], 0)
    files = [*images_of(labels, "train", groups).files, *images_of(labels, "test", ["b"] * 20).files]
    images = ImageSet(Path("/d"), ("0", "1"), tuple(files))
    split = split_images(images, [f"p{i}" for i in range(40)], 0)
    assert len(np.unique(split.folds)) == FOLDS


def test_fewer_images_validate_than_a_fold_has_and_no_unit_is_torn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(examples, "VALIDATING", 10)
    labels = [i % 2 for i in range(400)]
    for groups in (None, [f"patient{i // 4}" for i in range(400)]):
        pixels = [f"p{i // 2}" for i in range(400)]
        train, val = rows_for_tuning(split_images(images_of(labels, groups=groups), pixels, 0))
        named = groups or pixels
        assert not {named[i] for i in train} & {named[i] for i in val}
        assert 5 <= len(val) <= 20


def test_messages_name_what_is_wrong(tmp_path: Path) -> None:
    images = [np.full((8, 8, 3), 7, np.uint8)] * 12
    alike = from_arrays(images, ["cat", "dog"] * 6)
    with pytest.raises(DataError, match="all 12 images show the same"):
        split_images(alike, ["same"] * 12, 0)
    torn = from_arrays(images, ["cat", "dog"] * 6, groups=["one", "two"] * 6)
    with pytest.raises(DataError, match=r"all images of '(cat|dog)' are in one group"):
        split_images(torn, list("abcdefghijkl"), 0)
    for name in ("cat", "dog"):
        (tmp_path / name).mkdir()
        Image.fromarray(images[0]).save(tmp_path / name / "a.png")
    with pytest.raises(
        DataError, match=r"all are too large, as cat/a\.png: its 8 x 8 are more than 1 pixels; --max-pixels"
    ):
        scan(tmp_path, Reading(max_pixels=1))
