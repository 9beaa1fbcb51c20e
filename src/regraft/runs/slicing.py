"""By what images are sliced: their folder, their group, their size, their brightness."""

from collections.abc import Sequence
from itertools import pairwise, takewhile

import numpy as np

from regraft.data.images import ImageFile
from regraft.metrics.slices import FEWEST, GROUP

THIRDS = (1 / 3, 2 / 3)


def slice_names(
    files: Sequence[ImageFile],
    sides: Sequence[int | None],
    brightness: Sequence[float | None] | None = None,
) -> dict[str, list[str | None]]:
    """By kind the slice of each image, in an order that is fit to be shown.

    ``sides``: the short side of each, in pixels; ``brightness``: the mean grey of each, 0 to 255, where it is known.
    """
    names = {"folder": folders_of(files), GROUP: [file.group for file in files]}
    if same_split(names["folder"], names[GROUP]):
        del names["folder"]
    names["short side"] = thirds_of(sides, " px")
    if brightness is not None:
        names["brightness"] = thirds_of(brightness, "")
    return names


def folders_of(files: Sequence[ImageFile]) -> list[str | None]:
    """The folder of each image at the first level that tells several large folders apart and is no class.

    Levels that are the same for all, the class's folder and folders that say no more than the class are passed over.
    """
    paths = [file.name.split("/")[:-1] for file in files]
    labels = [str(file.label) for file in files]
    for level in range(max((len(path) for path in paths), default=0)):
        column = ["/".join(path[level : level + 1]) or None for path in paths]
        counts = np.unique([name for name in column if name], return_counts=True)[1]
        if (counts >= FEWEST).sum() > 1 and not same_split(column, labels) and not tells(column, labels):
            return column
    return [None] * len(files)


def tells(column: Sequence[str | None], labels: Sequence[str]) -> bool:
    """Whether each name is of one class alone, as folders of classes are."""
    return len(set(zip(column, labels, strict=True))) == len(set(column))


def same_split(one: Sequence[str | None], other: Sequence[str | None]) -> bool:
    """Whether two columns part the images alike."""
    pairs = set(zip(one, other, strict=True))
    return len(pairs) == len(set(one)) == len(set(other))


def thirds_of(values: Sequence[float | None], unit: str) -> list[str | None]:
    """The third that each value lies in, named by its ends; equal values stay together."""
    known = np.array([value for value in values if value is not None], dtype=float)
    if not len(known):
        return [None] * len(values)
    ends = np.unique(np.ceil(np.quantile(known, THIRDS)))
    ends = np.array(list(takewhile(lambda end: end < known.max(), ends)))
    names = [f"at most {ends[0]:,.0f}{unit}"] if len(ends) else ["all"]
    names += [f"over {low:,.0f} to {high:,.0f}{unit}" for low, high in pairwise(ends)]
    names += [f"over {ends[-1]:,.0f}{unit}"] if len(ends) else []
    return [None if value is None else names[int((value > ends).sum())] for value in values]
