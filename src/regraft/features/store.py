"""Features on disk: one row an image, found by the hash of the image file's bytes.

A store is a folder of shards. A shard is written under another name and renamed when it is whole,
so a store holds whole shards only, and what an interrupted pass has finished stays. Processes share
a store without a lock: each writes shards of its own, and what one drops another makes again.
"""

import math
import shutil
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from threading import RLock
from typing import Any
from weakref import WeakSet

import numpy as np

from regraft.cache_folder import cache_folder, cache_limit
from regraft.data.identity import Look
from regraft.data.texts import Hashes
from regraft.errors import RunError, reason_not_written
from regraft.features.eviction import FEATURES, SHARD, keep_within, note_use, remove, things_in
from regraft.features.rows import Row, Rows
from regraft.features.shard import Damaged, Shard, open_shard, write_shard

RATE, ENGINE = "rate.txt", "engine.txt"
SHARD_BYTES = 64_000_000  # features held in memory before they are written
SHARD_SECONDS = 60.0  # of work that a killed process loses at most
ATTEMPTS = 3  # to read what was damaged and made again


@dataclass(eq=False)
class Store:
    """The features of one network with one preprocessing: arrays by name, each (images, channels)."""

    folder: Path
    again: Callable[[], None] | None = None  # puts rows that were lost into the store again
    rows: Rows = field(default_factory=Rows)  # by the hash of the file's bytes
    pending: list[tuple[Sequence[Look], dict[str, np.ndarray]]] = field(default_factory=list)
    pending_bytes: int = 0
    pending_since: float | None = None  # of time.monotonic()
    lock: Any = field(default_factory=RLock, repr=False)  # of reading, by several threads
    trusted: set[Shard] = field(default_factory=set)  # whose looks are what was written

    def add(self, looks: Sequence[Look], arrays: Mapping[str, np.ndarray]) -> None:
        """Keep some images' features, (looks, channels) each; they are on disk after ``flush`` at the latest."""
        self.pending.append((looks, dict(arrays)))
        self.pending_bytes += sum(array.nbytes for array in arrays.values())
        self.pending_since = self.pending_since or time.monotonic()
        if self.pending_bytes >= SHARD_BYTES or time.monotonic() - self.pending_since > SHARD_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is pending as one shard, and bring the cache below its limit."""
        if not self.pending:
            return
        try:
            try:
                shard = self.write()
            except FileNotFoundError:  # the cache was cleared meanwhile
                shard = self.write()
        except OSError as error:
            raise RunError(
                f"the feature cache {self.folder} cannot be written: {reason_not_written(error)};"
                " free space there or point REGRAFT_CACHE to another folder"
            ) from None
        self.rows = self.rows.with_shard(shard)
        note_use(self.folder)
        self.pending, self.pending_bytes, self.pending_since = [], 0, None
        keep_within(cache_limit(), {store.folder for store in OPEN})

    def write(self) -> Shard:
        """What is pending as a shard on disk."""
        shard = self.folder / f"{SHARD}{uuid.uuid4().hex}"
        unfinished = self.folder / f".{shard.name}"
        try:
            unfinished.mkdir(parents=True)
            written = write_shard(unfinished, self.pending)
            unfinished.rename(shard)
        except BaseException:
            shutil.rmtree(unfinished, ignore_errors=True)
            raise
        return replace(written, folder=shard)

    def known(self, content: str) -> Row | None:
        """Where an image's features lie; None where the store does not know it. A shard that lies is dropped."""
        row = self.rows.get(content)
        if row is None or row.shard in self.trusted:
            return row
        with self.lock:
            try:
                row.shard.check_looks()
                self.trusted.add(row.shard)
            except Damaged:
                self.drop(row.shard)
            return self.rows.get(content)

    def drop(self, shard: Shard) -> None:
        """Forget a shard that is damaged or gone; its images are unknown then."""
        self.rows = self.rows.without(shard)
        with suppress(OSError):
            remove(shard.folder)

    def gather(self, name: str, contents: Sequence[str]) -> np.ndarray:
        """One array's rows in the order of ``contents``: (len(contents), channels).

        Each is compared with its checksum; what is damaged or gone is made again first. RunError where that cannot be.
        """
        note_use(self.folder)
        with self.lock:  # what is damaged is made again once
            for _ in range(ATTEMPTS):
                gathered, damaged = self.read(name, Hashes.of(contents))
                if not damaged:
                    return gathered
                for shard in damaged:
                    self.drop(shard)
                if self.again is None:
                    break
                self.again()
        raise RunError(f"a part of the feature cache {self.folder} was damaged and is removed; run the command again")

    def read(self, name: str, contents: Hashes) -> tuple[np.ndarray, list[Shard]]:
        """The rows that can be read, and the shards that are damaged or gone."""
        assert len(contents), "no images were asked for"
        gathered, damaged = np.empty((len(contents), 0)), []
        for shard, positions, places in self.rows.by_shard(contents):
            try:
                rows = shard.read(name, places)
            except Damaged:
                damaged.append(shard)
                continue
            if gathered.shape[1:] != rows.shape[1:]:
                gathered = np.empty((len(contents), rows.shape[1]), rows.dtype)
            gathered[positions] = rows
        return gathered, damaged

    @property
    def rate(self) -> float | None:
        """Images a second when the network last ran, where that is known."""
        noted = noted_rate(self.folder)
        return noted and noted[0]

    def note_rate(self, rate: float, network: str) -> None:
        """Keep the rate and what the network is called for later calls; it is worth no failure."""
        with suppress(OSError):
            (self.folder / RATE).write_text(f"{rate:.3f}\n{network}")


def noted_rate(folder: Path) -> tuple[float, str] | None:
    """Images a second of a store's last pass, and what its network is called (empty where that was not kept)."""
    try:
        first, _, network = (folder / RATE).read_text().partition("\n")
        rate = float(first)
    except (OSError, ValueError):
        return None
    return (rate, network) if 0 < rate < math.inf else None


def note_engine(folder: Path, name: str) -> None:
    """Keep that the engine of a store cannot run its network, and which one can; it is worth no failure."""
    with suppress(OSError):
        (folder / ENGINE).write_text(f"{name}\n{version_of_openvino()}")


def noted_engine(folder: Path) -> str | None:
    """The engine that runs the network in place of a store's own; None where none was noted, or OpenVINO is another."""
    try:
        name, _, version = (folder / ENGINE).read_text().partition("\n")
    except (OSError, ValueError):
        return None
    return name if version == version_of_openvino() else None


def version_of_openvino() -> str:
    """The version that is installed; empty where none is."""
    with suppress(metadata.PackageNotFoundError):
        return metadata.version("openvino")
    return ""


def rates() -> dict[str, dict[int, float]]:
    """Images a second in the passes of this machine, by the network's name and its pixels a side."""
    found: dict[str, dict[int, float]] = {}
    for store in things_in(cache_folder() / FEATURES):
        if noted := noted_rate(store):
            name, _, side = noted[1].rpartition(" ")
            if name and side.isdecimal():
                found.setdefault(name, {})[int(side)] = noted[0]
    return found


OPEN = WeakSet[Store]()  # those of this process, which it may still read from


def open_store(key: str) -> Store:
    """The store named ``key``, with the rows that earlier passes left; a damaged shard is dropped."""
    cache_limit()  # a mistake there is told before the pass
    store = Store(cache_folder() / FEATURES / key)
    try:
        store.folder.mkdir(parents=True, exist_ok=True)
        shards = list[Shard]()
        for folder in sorted(store.folder.glob(f"{SHARD}*")):
            try:
                shards.append(open_shard(folder))
            except Damaged:
                with suppress(OSError):
                    remove(folder)
        store.rows = Rows.of(shards)
    except OSError as error:
        raise RunError(
            f"the feature cache {store.folder} cannot be used: {reason_not_written(error)};"
            " point REGRAFT_CACHE to another folder"
        ) from None
    note_use(store.folder)
    OPEN.add(store)
    return store
