"""Neighbour distance, the witness of single images: how far each of them lies from the source images next to it.

The shift compares whole sets, so photographs of few things before one ground lie far from the source's, though every
one could be among them. Here each image answers for itself, as where images from elsewhere are to be told (Sun et
al., 2022, "Out-of-distribution detection with deep nearest neighbors"): the distance to its neighbours among the
source's images, against what is usual among those. Places are the pooled features of the middle cuts, of which signed
square roots are taken so that no few large values make the distance (Perronnin et al., 2010, "Improving the Fisher
kernel for large-scale image classification"), standardised and projected on the source's principal directions.

A statistics file keeps places of source images as they are and shrunk, as it keeps their moments.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from regraft import source
from regraft.cuts import Cut
from regraft.features import Features
from regraft.shift import GROUPS, group_of, middle

KEY = "neighbours"  # of the tensors in the file, where cuts have their names
POINTS = 1_000  # source images kept, at most
DIRECTIONS = 32  # principal ones
SHARE = 0.01  # of the source images, that are no farther than the neighbour taken
SMALLEST_SCALE = 0.01  # of a channel, as a share of the mean over channels
LEAST = 0.01  # a ratio of distances below it counts as so much


@dataclass(frozen=True)
class Distance:
    """How far images usually lie from their neighbours among the source's, against how far those do from theirs."""

    value: float  # a ratio; 1: as far
    left_out: np.ndarray  # (GROUPS,): the same with each group of images left out


@dataclass(frozen=True)
class Space:
    """Where places are measured."""

    mean: np.ndarray  # (channels,)
    scale: np.ndarray  # (channels,)
    directions: np.ndarray  # (channels, DIRECTIONS or fewer)

    def places(self, features: np.ndarray) -> np.ndarray:
        """Features of the middle cuts, joined, (images, channels) -> (images, directions)."""
        return np.asarray((rooted(features) - self.mean) / self.scale @ self.directions)


def rooted(features: np.ndarray) -> np.ndarray:
    """Signed square roots, in float64."""
    values = features.astype(np.float64)
    return np.asarray(np.sign(values) * np.sqrt(np.abs(values)))


def at_middle(features: Features, cuts: Sequence[Cut], rows: np.ndarray) -> list[np.ndarray]:
    """The features of ``rows`` at each of the middle cuts: (images, channels) each."""
    return [features.pooled([cut], rows) for cut in middle(cuts)]


def space_of(features: Sequence[np.ndarray]) -> Space:
    """The space of source images, from their features at each of the middle cuts; every cut weighs as much."""
    values = rooted(np.concatenate(features, axis=1))
    mean, std = values.mean(0), values.std(0)
    widths = np.concatenate([np.full(part.shape[1], math.sqrt(part.shape[1])) for part in features])
    scale = np.maximum(std, SMALLEST_SCALE * std.mean()) * widths
    directions = np.linalg.svd((values - mean) / scale, full_matrices=False)[2][:DIRECTIONS].T
    return Space(mean, scale, directions)


def tensors(features: Mapping[int | None, Sequence[np.ndarray]]) -> dict[str, torch.Tensor]:
    """What the statistics file keeps, from the source images' features at the middle cuts, by level.

    None is the level of the images as they are, which make the space; of every level POINTS images are kept at most.
    """
    space = space_of(features[None])
    kept = {"mean": space.mean, "scale": space.scale, "directions": space.directions}
    found = {source.name_of(KEY, part): torch.from_numpy(value.copy()).float() for part, value in kept.items()}
    for level, parts in features.items():
        joined = np.concatenate(parts, axis=1)
        even = np.linspace(0, len(joined) - 1, min(POINTS, len(joined))).round().astype(int)
        places = torch.from_numpy(space.places(joined[even]))
        found[source.name_of(KEY, "points", level)] = places.half()
    return found


def distance_of(
    features: Features, rows: np.ndarray, statistics: Mapping[str, torch.Tensor] | None, level: int | None
) -> Distance | None:
    """How far the images ``rows`` lie from source images at ``level``; None where the file has no such places."""
    name = source.name_of(KEY, "points", level)
    if not statistics or name not in statistics:
        return None
    mean, scale, directions, points = (
        statistics[key].double().numpy()
        for key in (*(source.name_of(KEY, part) for part in ("mean", "scale", "directions")), name)
    )
    places = Space(mean, scale, directions).places(np.concatenate(at_middle(features, features.cuts, rows), axis=1))
    return among(places, points)


def among(places: np.ndarray, points: np.ndarray) -> Distance:
    """The distance of images at ``places`` from source images at ``points``; both (images, directions)."""
    neighbour = max(1, round(SHARE * len(points)))
    own = np.median(distances(points, points, neighbour + 1))  # the nearest is the image itself
    ratios = np.log(np.maximum(distances(places, points, neighbour) / own, LEAST))
    groups = group_of(len(ratios))
    kept = [ratios[groups != group] for group in range(GROUPS)]
    left = [np.median(part if len(part) else ratios) for part in kept]
    return Distance(float(np.exp(np.median(ratios))), np.exp(np.array(left)))


def distances(places: np.ndarray, points: np.ndarray, which: int) -> np.ndarray:
    """From each place to the nearest point (``which`` 1), the second nearest (2), ...: (places,)."""
    apart = torch.cdist(torch.from_numpy(places), torch.from_numpy(points))
    return np.asarray(apart.kthvalue(which, dim=1).values.numpy())
