"""By what images are sliced."""

from collections.abc import Sequence

from regraft.data.content import Given
from regraft.data.images import ImageFile
from regraft.runs.slicing import folders_of, slice_names, thirds_of


def files(paths: Sequence[str], groups: Sequence[str] = ()) -> list[ImageFile]:
    """The class is in the name."""
    return [
        ImageFile(path, int("dog" in path), None, Given(lambda: None), groups[i] if groups else None)
        for i, path in enumerate(paths)
    ]


def test_folders_below_the_class() -> None:
    paths = [f"test/{kind}/{site}/{i}.png" for kind in ("cat", "dog") for site in ("here", "there") for i in range(20)]
    assert folders_of(files(paths)) == (["here"] * 20 + ["there"] * 20) * 2


def test_folders_above_the_class() -> None:
    paths = [f"{site}/{kind}/{i}.png" for site in ("here", "there") for kind in ("cat", "dog") for i in range(20)]
    assert folders_of(files(paths)) == ["here"] * 40 + ["there"] * 40


def test_folders_of_classes_alone_are_no_slices() -> None:
    paths = [f"test/{kind}/{i}.png" for kind in ("cat", "dog") for i in range(30)]
    assert set(folders_of(files(paths))) == {None}
    few = [f"{kind}/{i}/a.png" for kind in ("cat", "dog") for i in range(30)]
    assert set(folders_of(files(few))) == {None}


def test_folders_that_are_the_groups_are_named_once() -> None:
    paths = [f"{site}/{kind}/{i}.png" for site in ("here", "there") for kind in ("cat", "dog") for i in range(20)]
    names = slice_names(files(paths, [path.split("/")[0] for path in paths]), [40] * 80, None)
    assert list(names) == ["group", "short side"]
    assert set(names["short side"]) == {"all"}


def test_thirds() -> None:
    named = thirds_of([*range(1, 10), None], " px")
    assert named == ["at most 4 px"] * 4 + ["over 4 to 7 px"] * 3 + ["over 7 px"] * 2 + [None]
    assert set(thirds_of([5, 5, 5, 9], " px")) == {"at most 5 px", "over 5 px"}
    assert thirds_of([None], " px") == [None]
