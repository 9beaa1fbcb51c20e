"""What leaves the cache: the stores that were not used for longest, and what was never finished."""

import shutil
import time
import uuid
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path

from regraft.cache_folder import cache_folder

FEATURES = "features"  # the folder of all stores
SHARD = "shard-"  # how the names of shards begin
USED = "used"  # the file whose time is that of a store's last use
HOUR, DAY = 3600, 24 * 3600  # seconds


def note_use(store: Path) -> None:
    """Remember when a store was last used; it is worth no failure."""
    with suppress(OSError):
        (store / USED).touch()


def last_used(path: Path) -> float:
    """When a store was last used, or anything else written, in seconds since 1970; 0 where it is gone."""
    for place in (path / USED, path):
        with suppress(OSError):
            return place.stat().st_mtime
    return 0


def things_in(folder: Path) -> list[Path]:
    """What lies in a folder and is whole; nothing where it is not there."""
    with suppress(FileNotFoundError, NotADirectoryError):
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    return []


def bytes_of(path: Path) -> int:
    """The size of a file, or of all files in a folder; what goes meanwhile counts nothing."""
    with suppress(OSError):
        return sum(map(bytes_of, path.iterdir())) if path.is_dir() else path.stat().st_size
    return 0


def remove(path: Path) -> None:
    """Delete a file or folder so that nobody finds half of it."""
    doomed = path.with_name(f".removed-{uuid.uuid4().hex}")
    with suppress(FileNotFoundError):  # another process removes it as well
        path.rename(doomed)
        if doomed.is_dir() and not doomed.is_symlink():
            shutil.rmtree(doomed)
        else:
            doomed.unlink()


def keep_within(limit: int, in_use: Collection[Path]) -> None:
    """Remove stores, the one not used for longest first, until all together have ``limit`` bytes.

    Not those that this process or, in the last hour, another one used. It is worth no failure.
    """
    with suppress(OSError):
        sweep()
        stores = sorted(things_in(cache_folder() / FEATURES), key=last_used)
        sizes = {store: bytes_of(store) for store in stores}
        total, recent = sum(sizes.values()), time.time() - HOUR
        for store in stores:
            if total > limit and store not in in_use and last_used(store) < recent:
                remove(store)
                total -= sizes[store]


def sweep() -> None:
    """Remove what killed processes left unfinished; what is younger than a day may still be written."""
    for path in list(unfinished()):
        with suppress(OSError):
            if path.lstat().st_mtime < time.time() - DAY:
                remove(path)


def unfinished() -> Iterator[Path]:
    """What was written under another name and not renamed yet, or renamed and not deleted yet."""
    for pattern in (f"{FEATURES}/.removed-*", f"{FEATURES}/*/.*", "files/.*", "networks/.*", "networks/*/.*"):
        yield from cache_folder().glob(pattern)
