"""What is gained where the least certain images go to a person (El-Yaniv and Wiener, 2010)."""

from dataclasses import dataclass

import numpy as np

from regraft.metrics.means import share_interval

TO_A_PERSON = (0.0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # shares of the images


@dataclass(frozen=True)
class Kept:
    """The images that are left to the model."""

    to_a_person: float  # share of all, the least certain, that is not
    images: int
    accuracy: float
    interval: tuple[float, float]  # of the accuracy, 95%


@dataclass(frozen=True)
class RiskCoverage:
    """Accuracy by the share of images that the model keeps, and the area under its errors (Geifman et al., 2019)."""

    area: float  # the share of errors among the images kept, averaged over all shares kept (AURC)
    area_if_perfect: float  # the same if every error were less certain than every right answer
    area_if_random: float  # the same if certainty said nothing: the share of errors
    kept: tuple[Kept, ...]


def risk_and_coverage(confidence: np.ndarray, right: np.ndarray, group_of: np.ndarray | None) -> RiskCoverage:
    """Of the likeliest class's probability and whether it is right, both (images,); ``group_of``: group ids."""
    order = np.argsort(-confidence, kind="stable")
    _, place, counts = np.unique(confidence[order], return_inverse=True, return_counts=True)
    hits = (np.bincount(place, right[order]) / counts)[place]  # equally certain ones are taken in no order
    images = np.arange(1, len(hits) + 1)
    risks, errors = 1 - np.cumsum(hits) / images, int((~right).sum())
    perfect = np.maximum(images - (len(hits) - errors), 0) / images
    kept = []
    for share in TO_A_PERSON:
        count = max(1, round((1 - share) * len(hits)))
        groups = None if group_of is None else group_of[order[:count]]
        ends = share_interval(hits[:count], groups)
        kept.append(Kept(share, count, float(hits[:count].mean()), ends))
    return RiskCoverage(max(0.0, float(risks.mean())), float(perfect.mean()), errors / len(hits), tuple(kept))
