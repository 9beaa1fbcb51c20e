import os
import time
from pathlib import Path

import pytest

from regraft.cache_folder import cache_folder
from regraft.data.content import Given, OnDisk
from regraft.features import known_files
from regraft.features.known_files import KnownFiles, State

HASH = "0123456789abcdef0123456789abcdef"


@pytest.fixture(autouse=True)
def settled_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(known_files, "UNSETTLED", -10_000_000)  # a clock that is a little behind the file system's


def picture(folder: Path, name: str = "a.jpg", data: bytes = b"bytes") -> OnDisk:
    (folder / name).write_bytes(data)
    return OnDisk(folder / name)


def note(*files: OnDisk) -> None:
    known = KnownFiles()
    for file in files:
        known.note(known.state_of(file), HASH)
    known.write()


def hash_of(file: OnDisk) -> str | None:
    known = KnownFiles()
    return known.hash_of(known.state_of(file))


def test_a_file_is_known_by_another_process_and_by_its_relative_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = picture(tmp_path, "\udce4.jpg")  # a name that no encoding has
    assert hash_of(file) is None
    note(file)
    assert hash_of(file) == HASH
    monkeypatch.chdir(tmp_path)
    assert hash_of(OnDisk(Path("\udce4.jpg"))) == HASH


def test_a_changed_file_is_not_known(tmp_path: Path) -> None:
    file = picture(tmp_path)
    note(file)
    before = file.path.stat()
    time.sleep(0.02)
    file.path.write_bytes(b"other")  # as many
    os.utime(file.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert file.state()[:2] == (before.st_size, before.st_mtime_ns)
    assert hash_of(file) is None


def test_a_replaced_or_renamed_file_is_not_known(tmp_path: Path) -> None:
    file, other = picture(tmp_path), picture(tmp_path, "b.jpg", b"other")
    note(file)
    other.path.replace(file.path)
    assert hash_of(file) is None
    note(file)
    assert hash_of(OnDisk(file.path.rename(tmp_path / "c.jpg"))) is None


def test_a_file_changed_just_now_is_not_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = picture(tmp_path)
    monkeypatch.setattr(known_files, "UNSETTLED", 2_000_000_000)
    note(file)
    assert hash_of(file) is None
    os.utime(file.path, (0, 0))  # the time of change is now all the same
    note(file)
    assert hash_of(file) is None


def test_only_files_on_disk_have_a_state(tmp_path: Path) -> None:
    known = KnownFiles()
    assert known.state_of(Given(bytes)) is None
    assert known.state_of(OnDisk(tmp_path / "nowhere")) is None
    assert known.hash_of(None) is None
    known.note(None, HASH)
    known.write()
    assert not (cache_folder() / "files").exists()


@pytest.mark.parametrize("damage", [lambda data: data[:-5], lambda data: b"\xff" + data[1:], lambda _: b""])
def test_a_damaged_index_knows_nothing_and_is_removed(tmp_path: Path, damage) -> None:  # type: ignore[no-untyped-def]
    file = picture(tmp_path)
    note(file)
    (part,) = (cache_folder() / "files").iterdir()
    part.write_bytes(damage(part.read_bytes()))
    assert hash_of(file) is None
    assert not part.exists()
    note(file)
    assert hash_of(file) == HASH


def test_what_is_known_is_not_written_again(tmp_path: Path) -> None:
    file = picture(tmp_path)
    note(file)
    note(file)
    note(file, picture(tmp_path, "b.jpg"))
    assert sorted(part.stat().st_size for part in (cache_folder() / "files").iterdir()) == [32, 32]


def test_a_state_with_two_contents_is_not_trusted(tmp_path: Path) -> None:
    file, known = picture(tmp_path), KnownFiles()
    for content in (HASH, "f" * 32):
        known.note(known.state_of(file), content)
    known.write()
    assert hash_of(file) is None


def test_many_parts_become_one(tmp_path: Path) -> None:
    files = [picture(tmp_path, f"{number}.jpg") for number in range(known_files.MOST_PARTS + 1)]
    for file in files:
        note(file)
    assert len(list((cache_folder() / "files").iterdir())) == 1
    assert {hash_of(file) for file in files} == {HASH}


def test_too_many_rows_leave_those_that_were_met(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old, met, new = (picture(tmp_path, f"{name}.jpg") for name in ("old", "met", "new"))
    note(old, met)
    monkeypatch.setattr(known_files, "MOST_ROWS", 2)
    known = KnownFiles()
    assert known.hash_of(known.state_of(met)) == HASH
    known.note(known.state_of(new), HASH)
    known.write()
    assert [hash_of(file) for file in (old, met, new)] == [None, HASH, HASH]


def test_processes_write_side_by_side(tmp_path: Path) -> None:
    files = [picture(tmp_path, f"{number}.jpg") for number in range(4)]
    both = [KnownFiles(), KnownFiles()]
    for known, own in zip(both, (files[:3], files[1:]), strict=True):
        for file in own:
            known.note(known.state_of(file), HASH)
        known.write()
    assert {hash_of(file) for file in files} == {HASH}


def test_an_index_that_cannot_be_written_is_no_failure(tmp_path: Path) -> None:
    cache_folder().write_text("in the way")
    known = KnownFiles()
    known.note(State(bytes(16), settled=True), HASH)
    known.write()
    assert known.hash_of(State(bytes(16), settled=True)) == HASH  # for this process
