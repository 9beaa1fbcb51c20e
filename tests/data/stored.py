"""A store in memory for tests of addresses, and shards to put there."""

import io
import json
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from conftest import picture

from regraft import Recipe
from regraft.data import remote
from regraft.data.remote import Blocks

SETTINGS = Recipe(backbone="demonstration", image_size=32, strategy="head")


def png(kind: int, seed: int) -> bytes:
    return saved_as("PNG", kind, seed)


def saved_as(form: str, kind: int, seed: int) -> bytes:
    out = io.BytesIO()
    picture(kind, seed).save(out, form)
    return out.getvalue()


def packed(members: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:  # type: ignore[call-overload]
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return out.getvalue()


def shard(number: int, each: int = 8) -> bytes:
    members: dict[str, bytes] = {}
    for row in range(each):
        members[f"{number}{row:03d}.jpg"] = saved_as("JPEG", row % 2, 100 * number + row)
        label = f"class{row % 2}"
        if number % 2:
            members[f"{number}{row:03d}.json"] = json.dumps({"label": label}).encode()
        else:
            members[f"{number}{row:03d}.cls"] = label.encode()
    return packed(members)


class Store:
    """A store in memory that notes what is read of it."""

    def __init__(self, system: Any) -> None:
        self.system = system
        self.read: list[tuple[str, int, int]] = []

    def put(self, name: str, data: bytes) -> None:
        self.system.pipe(name, data)

    @property
    def bytes_read(self) -> int:
        return sum(stop - start for _, start, stop in self.read)


@contextmanager
def emptied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(remote, "BLOCKS", Blocks())
    monkeypatch.setattr(remote, "PAUSE", 0.0)
    fsspec = pytest.importorskip("fsspec")
    system = fsspec.filesystem("memory")
    system.store.clear()
    system.pseudo_dirs[:] = [""]
    made, plain = Store(system), type(system).cat_file

    def cat_file(self: Any, path: str, start: Any = None, end: Any = None, **other: Any) -> bytes:
        made.read.append((path, start, end))
        data: bytes = plain(self, path, start=start, end=end, **other)
        return data

    monkeypatch.setattr(type(system), "cat_file", cat_file)
    yield made
    if remote.BLOCKS.file:
        remote.BLOCKS.file.close()
    system.store.clear()


def fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    """As another process has it: no block is known."""
    if remote.BLOCKS.file:
        remote.BLOCKS.file.close()
    monkeypatch.setattr(remote, "BLOCKS", Blocks())


def with_shards(store: Store, tmp_path: Path, count: int = 3) -> Path:
    folder = tmp_path / "shards"
    folder.mkdir()
    for number in range(count):
        data = shard(number)
        store.put(f"/photos/shard-{number:04d}.tar", data)
        (folder / f"shard-{number:04d}.tar").write_bytes(data)
    return folder
