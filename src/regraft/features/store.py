"""Features on disk: one row an image, found by the hash of the image file's bytes.

A store is a folder of shards. A shard is written under another name and renamed when it is whole,
so a store holds whole shards only, and what an interrupted pass has finished stays.
"""

import json
import shutil
import uuid
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from regraft.cache_folder import cache_folder
from regraft.data.content import Look
from regraft.errors import RunError

RATE = "rate.txt"
SHARD_BYTES = 64_000_000  # features held in memory before they are written


@dataclass(frozen=True)
class Row:
    """Where an image's features lie, and what the look at it left."""

    shard: Path
    index: int
    look: Look


@dataclass
class Store:
    """The features of one network with one preprocessing: arrays by name, each (images, channels)."""

    folder: Path
    rows: dict[str, Row] = field(default_factory=dict)  # by the hash of the file's bytes
    pending: list[tuple[Look, dict[str, np.ndarray]]] = field(default_factory=list)
    pending_bytes: int = 0

    def add(self, look: Look, arrays: Mapping[str, np.ndarray]) -> None:
        """Keep one image's features; they are on disk after ``flush`` at the latest."""
        self.pending.append((look, dict(arrays)))
        self.pending_bytes += sum(array.nbytes for array in arrays.values())
        if self.pending_bytes >= SHARD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what is pending as one shard."""
        if not self.pending:
            return
        shard = self.folder / f"shard-{uuid.uuid4().hex}"
        unfinished = self.folder / f".{shard.name}"
        try:
            unfinished.mkdir(parents=True)
            for name in self.pending[0][1]:
                np.save(unfinished / f"{name}.npy", np.stack([arrays[name] for _, arrays in self.pending]))
            index = [astuple(look) for look, _ in self.pending]
            (unfinished / "index.json").write_text(json.dumps(index))
            unfinished.rename(shard)
        except OSError as error:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise RunError(
                f"the feature cache {self.folder} cannot be written: {error.strerror};"
                " free space there or point REGRAFT_CACHE to another folder"
            ) from None
        self.register(shard, index)
        self.pending, self.pending_bytes = [], 0

    def register(self, shard: Path, index: Iterable[Sequence[Any]]) -> None:
        """Note where the rows of ``shard`` lie."""
        for position, values in enumerate(index):
            look = Look(*values)
            self.rows[look.content] = Row(shard, position, look)

    def gather(self, name: str, contents: list[str]) -> np.ndarray:
        """One array's rows in the order of ``contents``: (len(contents), channels)."""
        by_shard: dict[Path, list[int]] = {}
        for position, content in enumerate(contents):
            by_shard.setdefault(self.rows[content].shard, []).append(position)
        gathered: np.ndarray | None = None
        for shard, positions in by_shard.items():
            array = np.load(shard / f"{name}.npy", mmap_mode="r")
            if gathered is None:
                gathered = np.empty((len(contents), array.shape[1]), array.dtype)
            gathered[positions] = array[[self.rows[contents[p]].index for p in positions]]
        assert gathered is not None, "no images were asked for"
        return gathered

    @property
    def rate(self) -> float | None:
        """Images a second when the network last ran, where that is known."""
        try:
            return float((self.folder / RATE).read_text())
        except (OSError, ValueError):
            return None

    def note_rate(self, rate: float) -> None:
        """Keep the rate for later calls; it is worth no failure."""
        with suppress(OSError):
            (self.folder / RATE).write_text(f"{rate:.3f}")


def open_store(key: str) -> Store:
    """The store named ``key``, with the rows that earlier passes left."""
    store = Store(cache_folder() / "features" / key)
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        shards = sorted(store.folder.glob("shard-*"))
    except OSError as error:
        raise RunError(
            f"the feature cache {store.folder} cannot be used: {error.strerror}; point REGRAFT_CACHE to another folder"
        ) from None
    for shard in shards:
        store.register(shard, json.loads((shard / "index.json").read_text()))
    return store
