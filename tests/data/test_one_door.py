"""What a data set, a table or an archive names is read where it is a regular file, and nothing else is opened."""

import json
import os
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from odd import JPEG, PNG, pack_zip

from regraft.data.content import OnDisk
from regraft.data.decoding import Undecodable
from regraft.data.find import find_images
from regraft.data.readers.paths import contents_at
from regraft.data.scan import scan
from regraft.errors import DataError
from regraft.recipe import Reading

Make = Callable[..., Path]


@pytest.fixture
def traps(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Paths that are no regular files, or never end, by name."""
    os.mkfifo(tmp_path / "pipe.png")
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(tmp_path / "door"))
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "link.png").symlink_to("/dev/zero")
    yield {
        "a pipe": str(tmp_path / "pipe.png"), "a socket": str(tmp_path / "door"),
        "a folder": str(tmp_path / "folder.png"), "zeros": "/dev/zero", "a link to zeros": str(tmp_path / "link.png"),
        "a terminal": "/dev/tty",
        "kernel's messages": "/proc/kmsg",
    }  # fmt: skip
    door.close()


def in_time(call: Callable[[], Any], seconds: float = 20) -> Any:
    """What ``call`` returns or raises, unless it hangs."""
    outcome: list[Any] = []

    def run() -> None:
        try:
            outcome.append(call())
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    thread.join(seconds)
    assert outcome, "it hangs"
    if isinstance(outcome[0], Exception):
        raise outcome[0]
    return outcome[0]


def saved_set(folder: Path, paths: list[str], **more: list[Any]) -> Path:
    datasets = pytest.importorskip("datasets")
    images = {name: datasets.Image() for name in ("image", *more)}
    features = datasets.Features(label=datasets.ClassLabel(names=["ant", "bee"]), **images)
    rows = [
        {"image": {"path": path, "bytes": None}, "label": row % 2, **{name: value[row] for name, value in more.items()}}
        for row, path in enumerate(paths)
    ]
    with (  # paths stay paths, and are not looked at
        mock.patch.object(datasets.Image, "embed_storage", lambda self, storage, *_, **__: storage),
        mock.patch.object(datasets.Dataset, "_estimate_nbytes", lambda self: 1),
    ):
        datasets.Dataset.from_list(rows, features=features).save_to_disk(folder)
    return folder


def test_a_saved_set_of_paths_reads_regular_files_alone(
    tmp_path: Path, traps: dict[str, str], make_folder: Make
) -> None:
    good = sorted(map(str, make_folder(each=4).rglob("*.png")))
    paths = [*good, *traps.values(), "https://example.org/a.png", "", "nowhere.png"]
    images = in_time(lambda: scan(saved_set(tmp_path / "saved", paths)))
    assert len(images.files) == len(good)
    faults = {fault.path: fault for fault in images.faults if fault.action == "left out"}
    kinds = [faults[f"{row:08d}"].kind for row in range(len(good), len(paths))]
    assert kinds[: len(traps)] == [*["not a file"] * (len(traps) - 1), "empty"]
    assert kinds[len(traps) :] == ["not a file", "no image", "unreadable"]


def test_relative_paths_of_a_saved_set_start_at_its_folder(tmp_path: Path) -> None:
    saved = saved_set(tmp_path / "saved", [f"{row}.png" for row in range(4)])
    for row in range(4):
        (saved / f"{row}.png").write_bytes(PNG)
    assert len(scan(saved).files) == 4


def test_other_columns_of_images_are_not_opened(tmp_path: Path, traps: dict[str, str], make_folder: Make) -> None:
    good = sorted(map(str, make_folder(each=2).rglob("*.png")))
    masks = [{"path": traps["a pipe"], "bytes": None} for _ in good]
    saved = saved_set(tmp_path / "saved", [*good], mask=masks)
    assert len(in_time(lambda: scan(saved)).files) == len(good)
    with pytest.raises(DataError, match=r"'mask' of .* holds no names of groups"):
        in_time(lambda: scan(saved, Reading(group_by="mask")))


@pytest.mark.parametrize("trap", ["a pipe", "zeros", "a socket", "a folder"])
@pytest.mark.parametrize("place", ["_data_files", "state.json", "dataset_info.json", "dictionary"])
def test_the_files_of_a_saved_set_are_regular_ones(
    tmp_path: Path, traps: dict[str, str], trap: str, place: str, make_folder: Make
) -> None:
    part = tmp_path / "saved" / "train"
    saved_set(part, sorted(map(str, make_folder(each=2).rglob("*.png"))))
    (tmp_path / "saved" / "dataset_dict.json").write_text(json.dumps({"splits": ["train"]}))
    if place == "_data_files":
        state = json.loads((part / "state.json").read_text())
        state["_data_files"] = [{"filename": traps[trap]}]
        (part / "state.json").write_text(json.dumps(state))
    elif place == "dictionary":
        (tmp_path / "saved" / "dataset_dict.json").write_text(json.dumps({"splits": [traps[trap]]}))
    else:
        (part / place).unlink()
        (part / place).symlink_to(traps[trap])
    with pytest.raises(DataError, match=r"pipe or a device|cannot be read|cannot be had"):
        in_time(lambda: scan(tmp_path / "saved"))


def test_a_table_of_traps_is_read(tmp_path: Path, traps: dict[str, str], make_folder: Make) -> None:
    pytest.importorskip("pyarrow")
    import pyarrow
    from pyarrow import parquet

    good = sorted(map(str, make_folder(each=3).rglob("*.png")))
    rows = [{"image": path, "label": "ab"[place % 2]} for place, path in enumerate([*good, *traps.values()])]
    (tmp_path / "t.csv").write_text("image,label\n" + "".join(f"{row['image']},{row['label']}\n" for row in rows))
    (tmp_path / "t.jsonl").write_text("\n".join(map(json.dumps, rows)))
    parquet.write_table(pyarrow.Table.from_pylist(rows), tmp_path / "t.parquet")
    for suffix in ("csv", "jsonl", "parquet"):
        images = in_time(lambda suffix=suffix: scan(tmp_path / f"t.{suffix}"))
        assert len(images.files) == len(good), suffix
        listed = in_time(lambda suffix=suffix: contents_at(tmp_path / f"t.{suffix}", Reading()))
        assert len(listed) == len(rows)


def test_a_trap_itself_is_refused(traps: dict[str, str]) -> None:
    for name, path in traps.items():
        if name != "kernel's messages":
            with pytest.raises(Undecodable):
                in_time(lambda path=path: OnDisk(Path(path)).read())
        if name != "a folder":
            with pytest.raises(DataError):
                in_time(lambda path=path: find_images(path))
    assert in_time(lambda: OnDisk(Path(traps["kernel's messages"])).read()) == b""


def test_a_pipe_in_place_of_a_file_after_it_was_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, pipe = tmp_path / "a.jpg", tmp_path / "pipe"
    path.write_bytes(JPEG)
    os.mkfifo(pipe)
    before = path.stat()
    monkeypatch.setattr(Path, "stat", lambda self: before)
    shutil.move(pipe, path)
    with pytest.raises(Undecodable, match="a pipe or a device"):
        in_time(lambda: OnDisk(path).read())


def test_a_large_member_of_a_zip_is_read_whole(make_folder: Make) -> None:
    long = PNG + os.urandom(3 << 20)
    pack = pack_zip(make_folder(), {"photos/class0/long.png": long})
    content = next(file.content for file in find_images(pack).files if file.name.endswith("long.png"))
    assert content.read() == long
