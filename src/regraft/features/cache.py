"""What is in the cache, whether it is still what was written, and how it is emptied."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from regraft.cache_folder import cache_folder, cache_limit
from regraft.data.readers.shard_index import FOLDER as INDICES
from regraft.errors import RunError, reason_not_written
from regraft.features.eviction import FEATURES, SHARD, bytes_of, last_used, remove, sweep, things_in
from regraft.features.known_files import FILES, HASH, read_part
from regraft.features.shard import Damaged, open_shard, read_seal
from regraft.progress import Progress, silent

NETWORKS, STATISTICS = "networks", "statistics"
KINDS = (FEATURES, NETWORKS, FILES, INDICES, STATISTICS)


@dataclass(frozen=True)
class Entry:
    """One thing in the cache."""

    kind: str  # one of KINDS
    name: str
    images: int | None  # that a store of features has, or files that the index knows; None of anything else
    bytes: int
    used: datetime  # when it was last used; of all but features, when it was written


@dataclass(frozen=True)
class Damage:
    """Something that was not what was written, and is removed."""

    path: Path
    reason: str


@dataclass(frozen=True)
class Cache:
    """What is in the cache, and what was found or done there."""

    folder: Path
    limit: int  # bytes that all features together may take
    entries: tuple[Entry, ...]
    damaged: tuple[Damage, ...] = ()
    freed: int = 0  # bytes

    @property
    def total(self) -> int:
        """Bytes of all there is."""
        return sum(entry.bytes for entry in self.entries)

    def as_dict(self) -> dict[str, Any]:
        """What ``cache --json`` prints."""
        entries = [asdict(entry) | {"used": entry.used.isoformat(timespec="seconds")} for entry in self.entries]
        damaged = [{"path": str(damage.path), "reason": damage.reason} for damage in self.damaged]
        figures = {"limit": self.limit, "total": self.total, "freed": self.freed}
        return {"folder": str(self.folder), **figures, "entries": entries, "damaged": damaged}


def show() -> Cache:
    """What there is. RunError where it cannot be looked at."""
    folder = cache_folder()
    try:
        return Cache(folder, cache_limit(), tuple(entries_in(folder)))
    except OSError as error:
        raise unusable("looked at", error) from None


def check(progress: Progress = silent) -> Cache:
    """Compare all features with their checksums and remove what is damaged: its images go through the network again."""
    before, damaged = show(), list[Damage]()
    shards = [shard for store in things_in(before.folder / FEATURES) for shard in store.glob(f"{SHARD}*")]
    try:
        for done, shard in enumerate(shards, 1):
            try:
                open_shard(shard).check()
            except Damaged as damage:
                damaged.append(Damage(shard, str(damage)))
                remove(shard)
            progress("Comparing features with their checksums", done, len(shards), "files")
        for part in things_in(before.folder / FILES):
            if not read_part(part):
                damaged.append(Damage(part, "the checksum does not match"))
        sweep()
    except OSError as error:
        raise unusable("mended", error) from None
    after = show()
    return replace(after, damaged=tuple(damaged), freed=before.total - after.total)


def clear(statistics: bool = False) -> Cache:
    """Remove all that regraft makes again by itself; source ``statistics``, made by ``reference``, where asked to."""
    before = show()
    try:
        for kind in (FEATURES, NETWORKS, FILES, INDICES, *([STATISTICS] if statistics else [])):
            for path in things_in(before.folder / kind):
                remove(path)
    except OSError as error:
        raise unusable("cleared", error) from None
    after = show()
    return replace(after, freed=before.total - after.total)


def entries_in(folder: Path) -> Iterator[Entry]:
    """The things in the cache, kind by kind, the last used first."""
    for kind in KINDS:
        for path in sorted(things_in(folder / kind), key=last_used, reverse=True):
            used = datetime.fromtimestamp(last_used(path), UTC).astimezone()
            yield Entry(kind, path.name, images_in(kind, path), bytes_of(path), used)


def images_in(kind: str, path: Path) -> int | None:
    """How many images are known there."""
    if kind == FILES:
        return bytes_of(path) // (2 * HASH)
    return sum(map(images_of, path.glob(f"{SHARD}*"))) if kind == FEATURES else None


def images_of(shard: Path) -> int:
    """How many images a shard has; none where that cannot be read."""
    try:
        return read_seal(shard).images
    except Damaged:
        return 0


def unusable(verb: str, error: OSError) -> RunError:
    """The error for a cache where something is not permitted."""
    what = reason_not_written(error)
    return RunError(
        f"the cache {cache_folder()} cannot be {verb}: {what}; see to its permissions, or set REGRAFT_CACHE"
    )
