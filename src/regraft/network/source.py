"""What a network saw of its source data: mean and deviation of every channel at every cut, found by its weights' hash.

Some networks' files ship inside the package; ``regraft reference`` makes one for any other, in the user's cache.
A file holds "CUT.mean" and "CUT.std", each (channels,), of the source images as they are, "side", their short side in
pixels as far as the network sees it, "size", its input's, and "LEVEL/CUT.mean" and "LEVEL/CUT.std" of the same images
shrunk to LEVEL pixels: small images are blown up to the network's size, which alone changes what every layer sees, so
they are compared with source images that are as small. distance.py adds where single source images lie.
"""

import math
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from regraft.errors import RunError, reason_of
from regraft.features.store import cache_folder

SIDE, SIZE, SCALE = "side", "size", "scale"
SMALLEST = 8  # pixels of the short side of shrunk source images, and each level is twice the one before
APART = math.sqrt(2)  # times, that the largest level lies below the images as they are, at least


def path_of(fingerprint: str) -> Path:
    """Where the statistics of the network with that fingerprint are kept for this user."""
    return cache_folder() / "statistics" / f"{fingerprint}.safetensors"


def read(fingerprint: str) -> dict[str, torch.Tensor] | None:
    """A network's statistics, in float32: this user's, else the package's, else None."""
    own = path_of(fingerprint)
    if own.exists():
        return floats(own)
    with as_file(files("regraft") / "statistics") as folder:
        shipped = folder / own.name
        return floats(shipped) if shipped.exists() else None


def floats(path: Path) -> dict[str, torch.Tensor]:
    """The file's tensors in float32; RunError where it is damaged."""
    try:
        return {name: value.float() for name, value in load_file(path).items()}
    except Exception as error:  # safetensors raises kinds of its own
        why = reason_of(error)[:100]
        raise RunError(f"the source statistics {path} are damaged: {why}; delete them, or make them anew") from None


def levels_below(side: float) -> list[int]:
    """The short sides in pixels to which source images of ``side`` are shrunk."""
    return [SMALLEST << step for step in range(16) if (SMALLEST << step) * APART < side]


def for_input(statistics: Mapping[str, torch.Tensor] | None, size: int) -> Mapping[str, torch.Tensor] | None:
    """The statistics for a network whose input is ``size`` pixels, to which images are blown up."""
    if not statistics or SIZE not in statistics:
        return statistics
    return {**statistics, SCALE: statistics[SIZE] / size}


def level_for(statistics: Mapping[str, torch.Tensor], side: float) -> int | None:
    """The level blown up as much as images of ``side`` pixels are; None where that is the source images as they are."""
    if SIDE not in statistics:
        return None
    side *= float(statistics.get(SCALE, 1.0))
    whole = float(statistics[SIDE])
    levels = [None, *sorted({int(key.split("/")[0]) for key in statistics if "/" in key})]
    return min(levels, key=lambda level: abs(math.log((level or whole) / side)))


def name_of(cut: str, part: str, level: int | None = None) -> str:
    """The key of a cut's ``part``, mean or std, of the source images at ``level``."""
    return f"{cut}.{part}" if level is None else f"{level}/{cut}.{part}"


def write(path: Path, values: Mapping[str, torch.Tensor]) -> None:
    """Write statistics."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = {name: value if value.dtype == torch.half else value.float() for name, value in values.items()}
        save_file({name: value.contiguous() for name, value in kept.items()}, path)
    except OSError as error:
        raise RunError(f"{path} cannot be written: {error.strerror}; name another --out") from None
