"""Test images that are like those that trained, and what they do to the accuracy."""

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np

from regraft.features.near_duplicates import SAME_SCENE, NearDuplicate
from regraft.runs.copies import flattered
from regraft.runs.overlap import Overlap, overlap_of, with_and_without


def test_the_overlap_counts_scenes_apart() -> None:
    pairs = [NearDuplicate(1, 9, 0.0), NearDuplicate(2, 9, 0.1, SAME_SCENE)]
    overlap = overlap_of(pairs, np.array([1, 2, 3, 4]), np.array([True, True, False, True]))
    assert (overlap.images, overlap.same_scene, overlap.accuracy_with, overlap.accuracy_without) == (2, 1, 0.75, 0.5)


def test_groups_on_both_sides_are_counted_and_left_out(
    regraft: Callable[..., tuple[int, str, str]], make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    """A patient in train and in test: the accuracy on the others stands beside the first."""
    rows = []
    for place, path in enumerate(sorted(make_folder(each=16).rglob("*.png"))):
        split = "test" if place % 4 == 0 else "train"
        shared = place % 8 == 0 or place == 1  # half of the test images, and one of train
        rows.append((str(path), path.parent.name, split, "p0" if shared else f"q{place}"))
    table = tmp_path / "table.csv"
    with table.open("w", newline="") as file:
        csv.writer(file).writerows([("image", "label", "split", "patient"), *rows])
    options = ("--group-by", "patient", "--strategy", "head", "--quiet", "--backbone", "demonstration")
    code, out, err = regraft("train", table, *options, "--out", tmp_path / "run")
    assert code == 0, err
    told = " ".join(out.split())
    assert "4 of the 8 images reported on are of groups that trained or chose too: with them the accuracy is" in told


def test_many_copies_that_raise_the_accuracy_are_said_first() -> None:
    def told(images: int, without: float | None) -> list[str]:
        return [remark.text for remark in flattered(Overlap(images, 151, 0.828, without)) if remark.first]

    assert told(53, 0.765) == [
        "53 of the 151 images reported on are copies of images that trained or chose: with them the accuracy is 82.8%,"
        " without them it is 76.5%. New images will be like the latter."
    ]
    assert told(53, 0.82) == told(5, 0.765) == told(151, None) == []


def test_where_none_is_left() -> None:
    overlap = with_and_without(np.array([True, True]), np.array([True, False]))
    assert (overlap.images, overlap.accuracy_with, overlap.accuracy_without) == (2, 0.5, None)
