"""Neighbour distance, the witness of single images: how far each of them lies from the source images next to it.

The shift compares whole sets, so photographs of few things before one ground lie far from the source's, though every
one could be among them. Here each image answers for itself, as where images from elsewhere are to be told (Sun et
al., 2022, "Out-of-distribution detection with deep nearest neighbors"): the distance to its neighbours among the
source's images, against what is usual among those. Places are the standardised roots of the middle cuts' features
(rooted.py), projected on the source's principal directions.

A statistics file keeps places of source images as they are and shrunk, as it keeps their moments.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import torch

from regraft.features.features import Features
from regraft.network import source
from regraft.similarity.rooted import places, standardised
from regraft.similarity.shift import Measured, middle, over_groups

KEY = "neighbours"  # of the tensors in the file, where cuts have their names
POINTS = 1_000  # source images kept, at most
DIRECTIONS = 32  # principal ones
SHARE = 0.01  # of the source images, that are no farther than the neighbour taken
LEAST = 0.01  # a ratio of distances below it counts as so much


def tensors(
    cuts: Sequence[str],
    features: Mapping[int | None, Sequence[np.ndarray]],
    statistics: Mapping[str, torch.Tensor],
) -> dict[str, torch.Tensor]:
    """What the statistics file keeps, from the source images' features at all cuts, by level.

    None is the level of the images as they are, which give the directions; of every level POINTS images are kept at
    most. ``statistics``: what the file has already, of which rooted.moments are needed.
    """
    chosen = middle(cuts)
    values = {level: standardised(middle(parts), chosen, statistics, None) for level, parts in features.items()}
    directions = np.linalg.svd(values[None], full_matrices=False)[2][:DIRECTIONS].T.copy()
    found = {source.name_of(KEY, "directions"): torch.from_numpy(directions).float()}
    for level, joined in values.items():
        even = np.linspace(0, len(joined) - 1, min(POINTS, len(joined))).round().astype(int)
        found[source.name_of(KEY, "points", level)] = torch.from_numpy(joined[even] @ directions).half()
    return found


def distance_of(
    features: Features, rows: np.ndarray, statistics: Mapping[str, torch.Tensor] | None, level: int | None
) -> Measured | None:
    """How far the images ``rows`` usually lie from their neighbours among source images at ``level``.

    A ratio to how far those lie from theirs; None where the file has no such places.
    """
    name = source.name_of(KEY, "points", level)
    if not statistics or name not in statistics:
        return None
    found = places(features, middle(features.cuts), rows, statistics, None)
    if found is None:
        return None
    directions, points = (statistics[key].double().numpy() for key in (source.name_of(KEY, "directions"), name))
    return among(found @ directions, points)


def among(targets: np.ndarray, points: np.ndarray) -> Measured:
    """The distance of images at ``targets`` from source images at ``points``; both (images, directions)."""
    neighbour = max(1, round(SHARE * len(points)))
    own = np.median(distances(points, points, neighbour + 1))  # the nearest is the image itself
    found = over_groups(np.log(np.maximum(distances(targets, points, neighbour) / own, LEAST)), np.median)
    return Measured(float(np.exp(found.value)), np.exp(found.left_out))


def distances(targets: np.ndarray, points: np.ndarray, which: int) -> np.ndarray:
    """From each target to the nearest point (``which`` 1), the second nearest (2), ...: (targets,)."""
    apart = torch.cdist(torch.from_numpy(targets), torch.from_numpy(points))
    return np.asarray(apart.kthvalue(which, dim=1).values.numpy())
