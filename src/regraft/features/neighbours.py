"""The nearest images in the features of one cut, with bounded memory: exactly, and among very many nearly so."""

import numpy as np

from regraft.features.axes import axes_of
from regraft.features.clusters import BLOCK, Clusters, Seen, clusters_of
from regraft.features.features import Features
from regraft.features.scale import Scale, scale_of
from regraft.network.cuts import Cut

SAMPLE = 4_000  # images that the scale is of, about
AT_ONCE = 50_000  # images whose neighbours are looked for at once: 100 MB along SCREENING axes
LARGE, SCREENING = 20_000_000, 512  # pairs of images from which so many axes screen them
VERY_LARGE = 5_000_000_000  # pairs from which images are in clusters: over 170,000 images, a fifth of them tested


def nearest_of(features: Features, cut: Cut, rows: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The one of ``others`` nearest to each of ``rows`` at ``cut``, and its cosine distance: (rows,) each.

    Each channel is standardised. In large sets the nearest two are looked for along the SCREENING first principal
    axes, and their distances are exact all the same. In very large ones they are looked for in the clusters nearest
    to an image.
    """
    sample = features.pooled([cut], others[:: max(1, len(others) // SAMPLE)])
    large = len(rows) * len(others) > LARGE and cut.channels > SCREENING
    scale, basis = scale_of(sample), axes_of(sample).directions[:, -SCREENING:] if large else None

    def seen(chosen: np.ndarray) -> np.ndarray:
        full = directions(features.pooled([cut], chosen), scale)
        return full if basis is None else full @ basis

    clusters = clusters_of(seen, others, len(rows)) if len(rows) * len(others) > VERY_LARGE else None
    found = []
    for start in range(0, len(rows), AT_ONCE):
        part = rows[start : start + AT_ONCE]
        two = in_clusters(seen, part, clusters) if clusters else among_all(seen, part, others)
        if basis is not None:
            two.best = exact(features, cut, scale, part, two.ids)
            two.sort()
        found.append(two)
    ids, best = (np.concatenate([getattr(two, name)[:, 0] for two in found]) for name in ("ids", "best"))
    return ids, np.maximum(1 - best, 0)


class NearestTwo:
    """The nearest two so far of some images."""

    def __init__(self, count: int) -> None:
        self.ids = np.zeros((count, 2), np.int64)  # rows
        self.best = np.full((count, 2), -np.inf, np.float32)  # their cosines

    def see(self, at: np.ndarray | slice, rows: np.ndarray, cosines: np.ndarray) -> None:
        """Compare the images ``at`` some places with ``rows``; their cosines (images, rows) are overwritten."""
        place, cosine = two_highest(cosines)
        ids, best = np.hstack([self.ids[at], rows[place]]), np.hstack([self.best[at], cosine])
        order = np.argsort(-best, axis=1, kind="stable")[:, :2]
        self.ids[at], self.best[at] = np.take_along_axis(ids, order, 1), np.take_along_axis(best, order, 1)

    def sort(self) -> None:
        """The nearest one first."""
        order = np.argsort(-self.best, axis=1, kind="stable")
        self.ids, self.best = np.take_along_axis(self.ids, order, 1), np.take_along_axis(self.best, order, 1)


def among_all(seen: Seen, rows: np.ndarray, others: np.ndarray) -> NearestTwo:
    """The nearest two of ``others`` to each of ``rows``."""
    here, two = [seen(part) for part in blocks(rows)], NearestTwo(len(rows))
    for part in blocks(others):
        there = seen(part)
        for block, own in enumerate(here):
            two.see(slice(block * BLOCK, block * BLOCK + len(own)), part, own @ there.T)
    return two


def in_clusters(seen: Seen, rows: np.ndarray, clusters: Clusters) -> NearestTwo:
    """The nearest two to each of ``rows`` in the clusters that it is compared with."""
    here, two = np.concatenate([seen(part) for part in blocks(rows)]), NearestTwo(len(rows))
    asking, ends = clusters.probed_by(here)
    for cluster, members, there in clusters.read(seen):
        for at in blocks(asking[ends[cluster - 1] if cluster else 0 : ends[cluster]]):
            two.see(at, members, here[at] @ there.T)
    return two


def blocks(rows: np.ndarray) -> list[np.ndarray]:
    """BLOCK rows at a time."""
    return [rows[start : start + BLOCK] for start in range(0, len(rows), BLOCK)]


def two_highest(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of each row the places of the two highest values, and those: (rows, 2) each; -inf where there is one only."""
    each = np.arange(len(values))
    first = values.argmax(axis=1)
    highest = values[each, first]
    values[each, first] = -np.inf
    second = values.argmax(axis=1)
    return np.stack([first, second], 1), np.stack([highest, values[each, second]], 1)


def exact(features: Features, cut: Cut, scale: Scale, rows: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The cosines of the images ``rows`` and each of their two ``ids``: (rows, 2)."""
    parts = []
    for part, pair in zip(blocks(rows), np.split(ids, range(BLOCK, len(ids), BLOCK)), strict=True):
        own = directions(features.pooled([cut], part), scale)
        theirs = (directions(features.pooled([cut], pair[:, side]), scale) for side in (0, 1))
        parts.append(np.stack([np.einsum("ij,ij->i", own, other) for other in theirs], 1))
    return np.concatenate(parts)


def directions(values: np.ndarray, scale: Scale) -> np.ndarray:
    """Standardised features of length one: (images, channels)."""
    standard = scale.apply(values)
    standard /= np.maximum(np.linalg.norm(standard, axis=1, keepdims=True), 1e-12)
    return standard
