"""What this machine gives a run: processors, memory, load, disks. Linux says most; elsewhere less is known."""

import os
import shutil
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

REMOTE = ("nfs", "nfs4", "cifs", "smb3", "fuse.sshfs", "9p")  # file systems behind a network
QUOTA = Path("/sys/fs/cgroup/cpu.max")


@dataclass(frozen=True)
class Machine:
    """What there is."""

    processors: int
    usable: float  # of them, by affinity and a container's quota
    load: float | None  # programs that want a processor, on average over a minute
    memory: int | None  # bytes
    available: int | None  # bytes of it that are free or can be freed


@dataclass(frozen=True)
class Place:
    """Where files are kept."""

    folder: Path
    writable: bool
    free: int  # bytes on its disk
    remote: bool  # whether it lies behind a network


def this_machine() -> Machine:
    """This one, now."""
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else None
    memory = memory_now()
    return Machine(os.cpu_count() or 1, usable_processors(), load, memory.get("MemTotal"), memory.get("MemAvailable"))


def usable_processors() -> float:
    """Processors that this process may use."""
    count = float(len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1)
    with suppress(OSError, ValueError):  # no such file; "max" is no number
        quota, period = QUOTA.read_text().split()
        count = min(count, int(quota) / int(period))
    return count


def memory_now() -> dict[str, int]:
    """Bytes by Linux's names; nothing elsewhere."""
    found: dict[str, int] = {}
    with suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            name, _, rest = line.partition(":")
            found[name] = 1024 * int(rest.split()[0])
    return found


def place(folder: Path) -> Place:
    """A folder, or the nearest one above it that there is."""
    there = next(one for one in (folder, *folder.absolute().parents) if one.exists())
    return Place(folder, os.access(there, os.W_OK | os.X_OK), shutil.disk_usage(there).free, is_remote(there))


def is_remote(folder: Path) -> bool:
    """Whether a folder lies behind a network, as far as the system says."""
    kind, longest = "", -1
    with suppress(OSError):
        for line in Path("/proc/mounts").read_text().splitlines():
            _, mount, system, *_ = line.split()
            if folder.resolve().is_relative_to(mount.replace("\\040", " ")) and len(mount) > longest:
                kind, longest = system, len(mount)
    return kind in REMOTE
