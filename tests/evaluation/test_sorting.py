"""Images are sorted by links or copies; none is moved, replaced, or put elsewhere; doing it again adds nothing."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import picture

from regraft import Recipe
from regraft.data.content import OnDisk
from regraft.errors import RunError
from regraft.evaluation.sorting import Sorted
from regraft.runs.job import train

Regraft = Callable[..., tuple[int, str, str]]


def row(path: str, label: str | None, known: str | None = "yes", **more: Any) -> dict[str, Any]:
    return {"path": path, "class": label, "error": None, "known": known, **more}


def files_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


@pytest.fixture
def sources(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "a" / "x.png", tmp_path / "b" / "x.png"]
    for place, path in enumerate(paths):
        path.parent.mkdir()
        path.write_bytes(bytes([place]))
    return paths


@pytest.mark.parametrize("copies", [False, True])
def test_names_that_collide_get_a_number_and_again_adds_nothing(
    copies: bool, sources: list[Path], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    for _ in range(2):
        by_class = Sorted(out, ("cat",), copies)
        for path in sources:
            by_class.add(row(str(path), "cat"), OnDisk(path))
    assert files_in(out) == ["cat/x-2.png", "cat/x.png"]
    assert [(out / name).read_bytes() for name in ("cat/x.png", "cat/x-2.png")] == [b"\0", b"\1"]
    assert (out / "cat" / "x.png").is_symlink() != copies
    assert all(path.is_file() for path in sources)


def test_what_lies_there_is_not_replaced(sources: list[Path], tmp_path: Path) -> None:
    (tmp_path / "out" / "cat").mkdir(parents=True)
    (tmp_path / "out" / "cat" / "x.png").write_bytes(b"mine")
    Sorted(tmp_path / "out", ("cat",)).add(row("x.png", "cat"), OnDisk(sources[0]))
    assert (tmp_path / "out" / "cat" / "x.png").read_bytes() == b"mine"
    assert files_in(tmp_path / "out") == ["cat/x-2.png", "cat/x.png"]


def test_no_class_leads_out_of_the_folder(sources: list[Path], tmp_path: Path) -> None:
    classes = ("../up", "..", "/etc", "_unknown", "a/b", "a_b")
    by_class = Sorted(tmp_path / "out", classes)
    for name in classes:
        by_class.add(row("../../x.png", name), OnDisk(sources[0]))
    assert len(files_in(tmp_path / "out")) == len(classes)
    assert len({path.parent for path in (tmp_path / "out").rglob("*.png")}) == len(classes)
    assert all(path.parent.parent == tmp_path / "out" for path in (tmp_path / "out").rglob("*.png"))
    assert not (tmp_path / "out" / "_unknown").exists()


def test_what_is_unlike_or_unsure_lies_apart(sources: list[Path], tmp_path: Path) -> None:
    by_class = Sorted(tmp_path / "out", ("cat",))
    by_class.add(row("1.png", "cat", "no"), OnDisk(sources[0]))
    by_class.add(row("2.png", None, decision="unsure"), OnDisk(sources[0]))
    by_class.add(row("3.png", None) | {"error": "unreadable: torn"}, OnDisk(sources[0]))
    assert files_in(tmp_path / "out") == ["_unknown/1.png", "_unsure/2.png"]


def test_a_file_is_no_folder(sources: list[Path]) -> None:
    with pytest.raises(RunError, match="is a file"):
        Sorted(sources[0], ("cat",))


def test_from_the_command_line(make_folder: Callable[..., Path], tmp_path: Path, regraft: Regraft) -> None:
    import zipfile

    data = make_folder(each=20)
    run = train(data, Recipe(image_size=32, fast=True, backbone="demonstration"), tmp_path / "run").folder
    picture(0, 7).save(tmp_path / "new.png")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write(tmp_path / "new.png", "inside/new.png")
    for arguments in ((), ("--out", tmp_path / "p.csv")):
        place = tmp_path / f"sorted{len(arguments)}"
        code, _, _ = regraft(
            "predict", run, tmp_path / "new.png", tmp_path / "more.zip", "--sort-into", place, "--quiet", *arguments
        )
        links = [path.is_symlink() for path in sorted(place.rglob("*.png"))]
        assert (code, sorted(links)) == (0, [False, True])
