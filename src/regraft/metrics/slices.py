"""Accuracy on slices of the images: by folder, by group, by size, by brightness."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from regraft.metrics.comparisons import holm
from regraft.metrics.intervals import LEVEL, group_ids
from regraft.metrics.shares import interval_of_share

FEWEST = 20  # images of a slice, and of the rest
FEWEST_GROUPS = 5  # in a slice and in the rest, so that a difference can be told from chance
MOST = 40  # slices of one kind, the largest
GROUP = "group"  # the kind whose slices are the groups themselves


@dataclass(frozen=True)
class Slice:
    """The accuracy on some of the images, beside that on the others."""

    kind: str  # what the images were sliced by
    name: str
    images: int
    accuracy: float
    interval: tuple[float, float]
    difference: float  # from the accuracy on the others
    p: float  # of so large a difference by chance, adjusted for all slices (Holm, 1979)

    @property
    def worse(self) -> bool:
        """Whether it is surely worse than the rest."""
        return self.difference < 0 and self.p < 1 - LEVEL

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self), "interval": list(self.interval), "worse": self.worse}


def slices_of(
    right: np.ndarray, names: Mapping[str, Sequence[str | None]], groups: Sequence[str | None] | None = None
) -> tuple[Slice, ...]:
    """The slices that have enough images; ``right``: bool (images,).

    ``names``: by kind the slice of each image; None: in none of that kind. A kind of one slice is none. The difference
    from the rest is tested by Fisher's exact test (1922); where ``groups`` names any, by Student's t on groups, whose
    images are not independent. A slice that is a group itself is taken as it is.
    """
    made: list[tuple[str, str, np.ndarray, bool]] = []
    for kind, named in names.items():
        column = np.array([name or "" for name in named])
        found, counts = np.unique(column, return_counts=True)
        large = [(-count, name) for name, count in zip(found, counts, strict=True) if name and count >= FEWEST]
        chosen = [str(name) for _, name in sorted(large)[:MOST]] if len(large) > 1 else []
        made += [(kind, name, column == name, kind == GROUP) for name in sorted(chosen, key=by_numbers)]
    made = [one for one in made if len(right) - one[2].sum() >= FEWEST]
    group_of = group_ids(groups)
    chances = [
        by_fisher(right, inside) if alone or group_of is None else by_groups(right, inside, group_of)
        for _, _, inside, alone in made
    ]
    return tuple(
        Slice(
            kind=kind,
            name=name,
            images=int(inside.sum()),
            accuracy=float(right[inside].mean()),
            interval=interval_of_share(right[inside], None if alone else among(groups, inside)),
            difference=float(right[inside].mean() - right[~inside].mean()),
            p=p,
        )
        for (kind, name, inside, alone), p in zip(made, holm(chances), strict=True)
    )


def by_numbers(name: str) -> tuple[list[int], str]:
    """What puts names in order: the numbers in them, then the name."""
    return [int(number) for number in re.findall(r"\d+", name.replace(",", ""))], name


def worst_of(slices: Sequence[Slice]) -> Slice | None:
    """The slice that is furthest below the rest, of those that surely are."""
    return min((one for one in slices if one.worse), key=lambda one: one.difference, default=None)


def among(groups: Sequence[str | None] | None, inside: np.ndarray) -> list[str | None] | None:
    """The groups of some of the images."""
    return [groups[place] for place in np.flatnonzero(inside).tolist()] if groups else None


def by_fisher(right: np.ndarray, inside: np.ndarray) -> float:
    """The chance of a table at most as likely as this one, where being right has nothing to do with being inside."""
    images, some, hits, here = len(right), int(inside.sum()), int(right.sum()), int((right & inside).sum())
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, images + 1)))])  # of factorials

    def ways(of: int, taken: np.ndarray) -> np.ndarray:
        return np.asarray(logs[of] - logs[taken] - logs[of - taken])

    tables = np.arange(max(0, hits - (images - some)), min(some, hits) + 1)
    chances = ways(some, tables) + ways(images - some, hits - tables) - ways(images, np.array(hits))
    likely = np.exp(chances)
    return min(1.0, float(likely[chances <= chances[here - tables[0]] + 1e-7].sum()))


def by_groups(right: np.ndarray, inside: np.ndarray, group_of: np.ndarray) -> float:
    """The two-sided chance of the difference, whose variance is that between groups; 1 where these are too few."""
    parts = inside, ~inside
    if min(len(np.unique(group_of[part])) for part in parts) < FEWEST_GROUPS:
        return 1.0
    shares = [float(right[part].mean()) for part in parts]
    each = np.where(inside, (right - shares[0]) / inside.sum(), (shares[1] - right) / (~inside).sum())
    sums = np.bincount(group_of, each)
    freedom = min(len(np.unique(group_of[part])) for part in parts) - 1
    error = math.sqrt(len(sums) / (len(sums) - 1) * float((sums**2).sum()))
    if not error:
        return 1.0
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(shares[0] - shares[1]) / error))
