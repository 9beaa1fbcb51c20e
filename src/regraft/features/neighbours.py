"""The nearest images in the features of one cut, exactly, with bounded memory."""

import numpy as np

from regraft.features.axes import axes_of
from regraft.features.features import Features
from regraft.features.scale import Scale, scale_of
from regraft.network.cuts import Cut

BLOCK, SAMPLE = 4_000, 4_000  # images compared at a time, and images that the scale is of, about
AT_ONCE = 50_000  # images whose neighbours are looked for at once: 100 MB along SCREENING axes
LARGE, SCREENING = 20_000_000, 512  # pairs of images from which so many axes screen them


def nearest_of(features: Features, cut: Cut, rows: np.ndarray, others: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The one of ``others`` nearest to each of ``rows`` at ``cut``, and its cosine distance: (rows,) each.

    Each channel is standardised. In large sets the nearest two are looked for along the SCREENING first principal
    axes, and their distances are exact all the same.
    """
    if len(rows) > AT_ONCE:
        parts = [rows[start : start + AT_ONCE] for start in range(0, len(rows), AT_ONCE)]
        ids, distances = zip(*(nearest_of(features, cut, part, others) for part in parts), strict=True)
        return np.concatenate(ids), np.concatenate(distances)
    sample = features.pooled([cut], others[:: max(1, len(others) // SAMPLE)])
    large = len(rows) * len(others) > LARGE and cut.channels > SCREENING
    scale, basis = scale_of(sample), axes_of(sample).directions[:, -SCREENING:] if large else None

    def seen(chosen: np.ndarray) -> np.ndarray:
        full = directions(features.pooled([cut], chosen), scale)
        return full if basis is None else full @ basis

    here = [seen(part) for part in blocks(rows)]
    ids, best = np.zeros((len(rows), 2), np.int64), np.full((len(rows), 2), -np.inf, np.float32)
    for part in blocks(others):
        there = seen(part)
        for block, own in enumerate(here):
            at = slice(block * BLOCK, block * BLOCK + len(own))
            place, cosine = two_highest(own @ there.T)
            ids_of_both, both = np.hstack([ids[at], part[place]]), np.hstack([best[at], cosine])
            order = np.argsort(-both, axis=1, kind="stable")[:, :2]
            ids[at], best[at] = np.take_along_axis(ids_of_both, order, 1), np.take_along_axis(both, order, 1)
    if basis is not None:
        best = exact(features, cut, scale, rows, ids)
        order = np.argsort(-best, axis=1, kind="stable")
        ids, best = np.take_along_axis(ids, order, 1), np.take_along_axis(best, order, 1)
    return ids[:, 0], np.maximum(1 - best[:, 0], 0)


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
