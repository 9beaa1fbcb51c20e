"""Groups that are whole classes, or leave a class without a part, are warned of before anything takes time."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regraft.data.content import OnDisk
from regraft.data.images import ImageFile, ImageSet
from regraft.data.split import Split, split_images
from regraft.data.whole_groups import classes_without, whole_classes

Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]


def of_groups(*groups: str | None, classes: int = 2, split: str | None = None) -> ImageSet:
    """An image of every class, in turn, in each of these groups."""
    files = tuple(
        ImageFile(f"{row}.png", row % classes, split, OnDisk(Path("/d")), group) for row, group in enumerate(groups)
    )
    return ImageSet(Path("/d"), tuple("abc"[:classes]), files)


def test_a_group_that_is_a_class_is_warned_of() -> None:
    (said,) = whole_classes(of_groups(*(["x", "y"] * 20)))
    assert said.startswith("2 of 2 classes lie in one group: 'x' has 20 of the 20 images of 'a'. ")
    (said,) = whole_classes(of_groups(*(["x", "y"] * 19), "x", "z"))
    assert "19 of the 20 images of 'b'" in said or "20 of the 20 images of 'a'" in said
    (said,) = whole_classes(of_groups(*([f"p{row}", "y"][row % 2] for row in range(40))))
    assert said.startswith("One class lies in one group: 'y'")


def test_other_groups_are_not() -> None:
    assert not list(whole_classes(of_groups(*(f"p{row // 4}" for row in range(40)))))
    assert not list(whole_classes(of_groups(*([None] * 10))))
    assert not list(whole_classes(of_groups(*(["x", "y"] * 20), split="train")))
    assert not list(whole_classes(of_groups("x", "y")))  # an image each


def test_a_class_without_test_images_is_warned_of() -> None:
    images = of_groups(*([f"p{row // 2 % 9}", "y"][row % 2] for row in range(40)))
    split = split_images(images, [str(row) for row in range(40)], 0)
    (said,) = classes_without(images, split)
    assert said.startswith("With these groups a class has no image to test on, as 'b'")
    everything = np.arange(40)
    assert not list(
        classes_without(images, Split(everything, everything[:0], everything, "test", everything, everything))
    )


def test_scan_and_plan_warn_first(make_folder: Make, regraft: Regraft, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "400")
    data = make_folder(each=12)
    for path in sorted(data.rglob("class1/*.png"))[:6]:
        path.rename(path.with_name(f"other_{path.name}"))
    for path in sorted(data.rglob("*.png")):
        if not path.name.startswith("other"):
            path.rename(path.with_name(f"{path.parent.name}_{path.name}"))
    by = ("--group-by", "([^/]+)_[^/]+$")
    code, shown, said = regraft("scan", data, *by)
    assert code == 0
    assert said.startswith("Warning: One class lies in one group: 'class0' has 12 of the 12 images of 'class0'.")
    assert "Groups: 3; the largest, 'class0', has 12 of 24 images (50.0%)." in shown
    code, shown, _ = regraft("scan", data, *by, "--json", "--quiet")
    result = json.loads(shown)
    assert (result["groups"]["count"], result["groups"]["largest"], result["groups"]["images"]) == (3, "class0", 12)
    assert any(note.startswith("One class lies in one group") for note in result["notes"])
    code, shown, said = regraft("plan", data, *by, "--image-size", "32", "--backbone", "demonstration")
    if code == 0:  # else the class was set aside whole, which is refused
        assert said.startswith("Warning: One class lies in one group")
        assert "Warning: With these groups a class has no image to test on, as 'class0'" in said
        assert "Note: One class lies in one group" in shown
    code, shown, _ = regraft("scan", data, "--json", "--quiet")
    assert json.loads(shown)["groups"] is None
