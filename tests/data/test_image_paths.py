"""Where a table's images lie, and what is said of those that are not there."""

from collections.abc import Callable
from pathlib import Path

import pytest

from regraft.data.find import find_images
from regraft.errors import DataError
from regraft.recipe import Reading

Make = Callable[..., Path]


def table(root: Path, write: Callable[[int, int], str], each: int = 3) -> Path:
    lines = [f"{write(c, i)},{'ab'[c]}" for c in range(2) for i in range(each)]
    (root / "t.csv").write_text("\n".join(["image,label", *lines]))
    return root / "t.csv"


MENDED = {
    "without folder": (lambda c, i: f"{i:03d}.png", None),  # of two classes: not to be guessed
    "from another folder": (lambda c, i: f"class{c}/{i:03d}.png", "--image-folder photos"),
    "without suffix": (lambda c, i: f"photos/class{c}/{i:03d}", "--image-suffix .png"),
    "both": (lambda c, i: f"class{c}/{i:03d}", "--image-folder photos --image-suffix .png"),
    "another suffix": (lambda c, i: f"photos/class{c}/{i:03d}.tif", "--image-suffix .png"),
    "another computer": (lambda c, i: f"/kaggle/input/x/class{c}/{i:03d}.png", "--image-folder photos"),
    "Windows": (lambda c, i: f"C:\\me\\photos\\class{c}\\{i:03d}.png", "--image-folder ."),
}


@pytest.mark.parametrize("kind", MENDED)
def test_the_mend_that_is_named_mends(make_folder: Make, kind: str) -> None:
    write, options = MENDED[kind]
    root = make_folder("data/photos", each=3).parent
    path = table(root, write)
    with pytest.raises(DataError) as caught:
        find_images(path)
    said = str(caught.value)
    assert f"there is no file {root}"[:30] in said or "there is no file /kaggle" in said
    if options is None:
        assert "photos/class0/000.png and photos/class1/000.png are there: write folders into the table" in said
        return
    assert f"is there: add {options}" in said
    named = dict(zip(options.split()[::2], options.split()[1::2], strict=True))
    reading = Reading(image_folder=named.get("--image-folder"), image_suffix=named.get("--image-suffix"))
    images = find_images(path, reading)
    assert images.counts() == {"all": {"a": 3, "b": 3}}
    assert all(Path(root, reading.image_folder or ".", file.name).is_file() for file in images.files)
    shortened = [fault.images for fault in images.faults if fault.kind == "path shortened"]
    assert shortened == ([6] if kind in {"another computer", "Windows"} else [])


def test_one_lost_file_among_others_is_named_alone(make_folder: Make) -> None:
    path = table(make_folder(each=3), lambda c, i: f"class{c}/{i:03d}.png" if c or i else "klass0/000.png")
    (fault,) = find_images(path).faults
    assert fault.reason.endswith("klass0/000.png; class0/000.png or class1/000.png is there: mend the row")


def test_a_table_means_the_folder_of_its_name(make_folder: Make) -> None:
    root = make_folder(each=3)
    (root / "class0").rename(root / "train")
    (root / "class1").rename(root / "test")
    path = table(root, lambda c, i: f"{(c + i) % 3:03d}.png").rename(root / "train.csv")
    with pytest.raises(DataError, match=r"add --image-folder train$"):
        find_images(path)


def test_backslashes_are_read(make_folder: Make) -> None:
    images = find_images(table(make_folder(each=3), lambda c, i: f"class{c}\\{i:03d}.png"))
    assert images.files[0].name == "class0/000.png"
    assert not images.faults


def test_capital_letters_of_paths_are_read_and_said(make_folder: Make) -> None:
    images = find_images(table(make_folder(each=3), lambda c, i: f"Class{c}/{i:03d}.PNG"))
    assert len(images.files) == 6
    assert [(fault.kind, fault.images) for fault in images.faults] == [("path respelt", 6)]


def test_one_file_under_two_names_is_listed(make_folder: Make) -> None:
    path = table(make_folder(each=3), lambda c, i: f"class{c}/{i:03d}.png")
    path.write_text(path.read_text() + "\n./class0/000.png,a")
    assert [fault.kind for fault in find_images(path).faults] == ["listed twice"]


def test_the_ends_of_paths_are_not_guessed_one_by_one(make_folder: Make) -> None:
    root = make_folder(each=3)
    path = table(root, lambda c, i: f"{'x' if i else 'y'}/class{c}/{i:03d}.png")
    images = find_images(path, Reading(image_folder="."))
    assert len(images.files) == 2  # the first row's folder alone is left away
    assert [fault.kind for fault in images.faults].count("missing") == 4


def test_a_folder_that_is_not_there_is_named(make_folder: Make) -> None:
    path = table(make_folder(each=3), lambda c, i: f"class{c}/{i:03d}.png")
    with pytest.raises(DataError, match=r"no folder .*pictures.*--image-folder"):
        find_images(path, Reading(image_folder="pictures"))


def test_the_folder_may_be_named_from_where_the_command_runs(
    make_folder: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_folder(each=3)
    (root.parent / "tables").mkdir()
    path = table(root, lambda c, i: f"class{c}/{i:03d}.png").rename(root.parent / "tables" / "t.csv")
    monkeypatch.chdir(root.parent)
    assert len(find_images(path, Reading(image_folder="data")).files) == 6
