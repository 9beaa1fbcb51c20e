"""Images in clusters, so that among very many each is compared with those in the clusters nearest to it alone.

That is an inverted file (Sivic and Zisserman, 2003): a copy lies in its original's cluster or in one near it. Members
are read cluster by cluster from the store, so that nothing holds all of them.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import sqrt

import numpy as np

PROBED = 16  # clusters that an image is compared with
LEARNED = 40  # images a cluster that the centres are learned from
ROUNDS = 6  # of moving the centres
BLOCK = 4_000  # images compared at a time

Seen = Callable[[np.ndarray], np.ndarray]  # the directions of some rows: (rows, axes)


@dataclass(frozen=True, eq=False)
class Clusters:
    """Rows by the centre that they are nearest to."""

    centres: np.ndarray  # (clusters, axes), of length one
    members: np.ndarray  # the rows, cluster by cluster
    ends: np.ndarray  # where each cluster ends: (clusters,)

    def probed_by(self, directions: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The images (images, axes) that each cluster is compared with, one cluster's after another's, and the ends."""
        most = min(PROBED, len(self.centres))
        parts = (directions[part] @ self.centres.T for part in blocks_of(len(directions)))
        nearest = np.concatenate([np.argpartition(-part, most - 1, axis=1)[:, :most].copy() for part in parts]).ravel()
        ends = np.cumsum(np.bincount(nearest, minlength=len(self.centres)))
        return np.argsort(nearest, kind="stable") // most, ends

    def read(self, seen: Seen) -> Iterator[tuple[int, np.ndarray, np.ndarray]]:
        """Each cluster with its rows and their directions; a large one in parts, small ones read together."""
        starts = np.concatenate([[0], self.ends[:-1]])
        for part in blocks_of(len(self.members)):
            directions = seen(self.members[part])
            first = int(np.searchsorted(self.ends, part.start, "right"))
            last = int(np.searchsorted(self.ends, part.stop - 1, "right"))
            for cluster in range(first, last + 1):
                own = slice(max(starts[cluster], part.start), min(self.ends[cluster], part.stop))
                if own.start < own.stop:
                    yield cluster, self.members[own], directions[own.start - part.start : own.stop - part.start]


def clusters_of(seen: Seen, rows: np.ndarray, asked: int) -> Clusters:
    """Clusters of ``rows``, as many as make it quickest to look for the neighbours of ``asked`` images."""
    count = max(1, round(sqrt(PROBED * asked * len(rows) / (asked + len(rows)))))
    some = rows[np.unique(np.linspace(0, len(rows) - 1, LEARNED * count).round().astype(np.int64))]
    centres = centres_of(np.concatenate([seen(some[part]) for part in blocks_of(len(some))]), count)
    own = np.concatenate([(seen(rows[part]) @ centres.T).argmax(axis=1) for part in blocks_of(len(rows))])
    return Clusters(centres, rows[np.argsort(own, kind="stable")], np.cumsum(np.bincount(own, minlength=len(centres))))


def centres_of(x: np.ndarray, count: int) -> np.ndarray:
    """So many centres of directions ``x`` (images, axes), of length one: k-means on the sphere."""
    from scipy.sparse import csr_array

    centres = of_length_one(x[np.linspace(0, len(x) - 1, count).astype(np.int64)])
    for _ in range(ROUNDS):
        own = np.concatenate([(x[part] @ centres.T).argmax(axis=1) for part in blocks_of(len(x))])
        member = csr_array((np.ones(len(x), np.float32), (own, np.arange(len(x)))), shape=(count, len(x)))
        sums = member @ x
        centres = np.where(np.any(sums, axis=1, keepdims=True), of_length_one(sums), centres)
    return centres


def of_length_one(x: np.ndarray) -> np.ndarray:
    """Directions (images, axes)."""
    return np.asarray(x / np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-12), np.float32)


def blocks_of(count: int) -> Iterator[slice]:
    """BLOCK places at a time."""
    return (slice(start, min(start + BLOCK, count)) for start in range(0, count, BLOCK))
