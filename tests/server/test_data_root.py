"""What the page may see of the machine's folders."""

from collections.abc import Callable
from pathlib import Path

import pytest

from regraft.errors import DataError
from regraft.server.data_root import DataRoots


def test_folders_and_sets_are_listed_by_ids(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    make_folder("root/pets")
    (tmp_path / "root/labels.csv").write_text("image,label\n")
    (tmp_path / "root/notes.txt").write_text("no set")
    (tmp_path / "root/.hidden").mkdir()
    roots = DataRoots((tmp_path / "root",))
    (top,) = roots.tops()
    entries = roots.inside(top)
    assert [(entry.name, entry.folder) for entry in entries] == [("labels.csv", False), ("pets", True)]
    assert roots.get(entries[1].id).path == (tmp_path / "root/pets").resolve()
    assert [entry.name for entry in roots.inside(entries[1])] == ["class0", "class1"]
    assert roots.inside(entries[0]) == []
    again = DataRoots((tmp_path / "root",))  # the ids are the same in another server, once it has listed them
    assert again.inside(again.tops()[0]) == entries


def test_nothing_leads_out(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    outside = make_folder("outside")
    root = make_folder("root").resolve()
    (root / "out").symlink_to(outside)
    (root / "out.zip").symlink_to(tmp_path / "missing.zip")
    (root / "loop").symlink_to(root / "loop")
    (root / "in").symlink_to(root / "class0")
    roots = DataRoots((root,))
    entries = roots.inside(roots.tops()[0])
    assert [entry.name for entry in entries] == ["class0", "class1", "in"]
    for name in ("..", "/etc", str(outside), "", "0" * 16):
        with pytest.raises(DataError, match="no such folder"):
            roots.get(name)
    (root / "in").unlink()
    (root / "in").symlink_to(outside)  # changed after it was listed
    with pytest.raises(DataError, match="no such folder"):
        roots.get(entries[2].id)


def test_a_root_must_be_there(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no folder"):
        DataRoots((tmp_path / "none",))
    assert DataRoots(()).tops() == []
