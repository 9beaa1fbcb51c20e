"""What a network saw of its source data: mean and deviation of every channel at every cut.

``regraft reference`` makes such a file for a network, which is found again by its weights' hash. It holds "CUT.mean"
and "CUT.std", each (channels,), of the source images as they are; "side", their short side in pixels as far as the
network sees it; "size", its input's; and "LEVEL/CUT.mean" and "LEVEL/CUT.std" of the same images shrunk to LEVEL
pixels; and "checksum". Small images are blown up to the network's size, which alone changes what every layer sees, so
they are compared with source images that are as small.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from regraft.cache_folder import cache_folder
from regraft.errors import RunError, reason_not_written, reason_of
from regraft.strict_json import Malformed

CHECKSUM = "checksum"
SMALLEST = 8  # pixels of the short side of shrunk source images, and each level is twice the one before
APART = math.sqrt(2)  # times, that the largest level lies below the images as they are, at least
Level = int | None  # pixels of the short side; None: the source images as they are


@dataclass(frozen=True)
class Moments:
    """Of every channel at one cut: (channels,) float64 each."""

    mean: np.ndarray
    std: np.ndarray


@dataclass(frozen=True)
class Statistics:
    """Moments by cut and level."""

    by_place: Mapping[tuple[str, Level], Moments]
    side: float  # pixels of the source images' short side
    size: float  # pixels of the network's input that they were measured at

    def moments(self, cut: str, level: Level = None) -> Moments | None:
        """At a cut, of the source images at ``level``; None where the file lacks them."""
        return self.by_place.get((cut, level))

    def level_for(self, side: float, size: float) -> Level:
        """The level blown up as much as images of ``side`` pixels are on their way to an input of ``size``."""
        levels = {level for _, level in self.by_place}
        seen = side * self.size / size
        return min(levels, key=lambda level: abs(math.log((level or self.side) / seen)))

    def tensors(self) -> dict[str, np.ndarray]:
        """What a file holds, by name."""
        named = {"side": np.array(self.side, np.float32), "size": np.array(self.size, np.float32)}
        for (cut, level), moments in self.by_place.items():
            prefix = cut if level is None else f"{level}/{cut}"
            named[f"{prefix}.mean"] = moments.mean.astype(np.float32)
            named[f"{prefix}.std"] = moments.std.astype(np.float32)
        return named

    def write(self, path: Path) -> None:
        """Write the file; RunError where that cannot be."""
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            named = self.tensors()
            save_file(named | {CHECKSUM: np.array(checksum_of(named))}, path)
        except (OSError, SafetensorError) as error:
            raise RunError(f"{path} cannot be written: {reason_not_written(error)}; name another --out") from None


def from_tensors(named: Mapping[str, np.ndarray]) -> Statistics:
    """Read what ``Statistics.tensors`` gives; other tensors are passed over."""
    by_place = {}
    for name, mean in named.items():
        if name.endswith(".mean") and (std := named.get(name.removesuffix("mean") + "std")) is not None:
            level, _, cut = name.removesuffix(".mean").rpartition("/")
            by_place[cut, int(level) if level else None] = Moments(mean.astype(np.float64), std.astype(np.float64))
    side, size = float(named["side"]), float(named["size"])
    for moments in by_place.values():
        fits = moments.mean.ndim == 1 and moments.mean.shape == moments.std.shape
        if (
            not fits
            or not np.isfinite(moments.mean).all()
            or not (moments.std >= 0).all()
            or np.isinf(moments.std).any()
        ):
            raise Malformed("mean and deviation of a cut do not go together")
    if not by_place or not 0 < side < math.inf or not 0 < size < math.inf:
        raise Malformed("there is no size, or no cut")
    return Statistics(by_place, side, size)


def checksum_of(named: Mapping[str, np.ndarray]) -> int:
    """A checksum of all names and numbers."""
    checksum = 0
    for name in sorted(named):
        value = np.ascontiguousarray(named[name])
        checksum = crc32(value.tobytes(), crc32(f"{name} {value.dtype.str} {named[name].shape}".encode(), checksum))
    return checksum


def path_of(fingerprint: str) -> Path:
    """Where the statistics of the network with that fingerprint are kept for this user."""
    return cache_folder() / "statistics" / f"{fingerprint}.safetensors"


def find_statistics(fingerprint: str) -> Statistics | None:
    """The statistics that ``regraft reference`` made for a network; RunError where they are damaged."""
    path = path_of(fingerprint)
    if not path.exists():
        return None
    try:
        named = load_file(path)
        checksum = named.pop(CHECKSUM, None)
        if checksum is not None and int(checksum) != checksum_of(named):
            raise Malformed("a number was changed after it was written")  # noqa: TRY301 - said as other damage is
        return from_tensors(named)
    except Exception as error:  # safetensors raises kinds of its own
        why = reason_of(error)[:100]
        raise RunError(f"the source statistics {path} are damaged: {why}; delete them, or make them anew") from None


def levels_below(side: float) -> list[int]:
    """The short sides in pixels to which source images of ``side`` are shrunk."""
    return [SMALLEST << step for step in range(16) if (SMALLEST << step) * APART < side]
