"""Where single images lie: signed roots of pooled features, standardised by those of the source's images.

Of features plain square roots are taken so that no few large values make a distance (Perronnin et al., 2010, "Improving
the Fisher kernel for large-scale image classification"). A statistics file keeps "CUT.root_mean" and "CUT.root_std",
each (channels,), of the source images as they are and, below their level's name, shrunk.
"""

import math
from collections.abc import Mapping, Sequence

import numpy as np
import torch

from regraft.features.features import Features
from regraft.network import source
from regraft.network.cuts import Cut

PARTS = ("root_mean", "root_std")
SMALLEST_SCALE = 0.01  # of a channel, as a share of the mean over the cut's channels


def rooted(features: np.ndarray) -> np.ndarray:
    """Signed square roots, in float64."""
    values = features.astype(np.float64)
    return np.asarray(np.sign(values) * np.sqrt(np.abs(values)))


def moments(cut: str, features: np.ndarray, level: int | None) -> dict[str, torch.Tensor]:
    """What the statistics file keeps of the source images' features (images, channels) at ``cut``."""
    values = rooted(features)
    found = zip(PARTS, (values.mean(0), values.std(0)), strict=True)
    return {source.name_of(cut, part, level): torch.from_numpy(value).float() for part, value in found}


def known(statistics: Mapping[str, torch.Tensor], cuts: Sequence[str], level: int | None) -> bool:
    """Whether the statistics have what standardised needs."""
    return all(source.name_of(cut, part, level) in statistics for cut in cuts for part in PARTS)


def standardised(
    features: Sequence[np.ndarray], cuts: Sequence[str], statistics: Mapping[str, torch.Tensor], level: int | None
) -> np.ndarray:
    """The features (images, channels) at each of ``cuts``, joined, against those of source images at ``level``.

    Every cut weighs as much, whatever its channels. Raises KeyError where the statistics lack a cut.
    """
    parts = []
    for values, cut in zip(features, cuts, strict=True):
        mean, std = (statistics[source.name_of(cut, part, level)].double().numpy() for part in PARTS)
        scale = np.maximum(std, SMALLEST_SCALE * std.mean()) * math.sqrt(len(std))
        parts.append((rooted(values) - mean) / scale)
    return np.concatenate(parts, axis=1)


def places(
    features: Features,
    cuts: Sequence[Cut],
    rows: np.ndarray,
    statistics: Mapping[str, torch.Tensor],
    level: int | None,
) -> np.ndarray | None:
    """The same of the images ``rows`` at ``cuts`` of a pass; None where the statistics lack one of them."""
    names = [cut.name for cut in cuts]
    if not known(statistics, names, level):
        return None
    return standardised([features.pooled([cut], rows) for cut in cuts], names, statistics, level)
