"""The depth profile: the cross-validated accuracy of a linear probe at each cut.

All cuts are judged on the same images and folds, so that differences between them have paired standard errors.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from regraft.features.features import Features
from regraft.features.probe import held_out
from regraft.features.threads import one_thread
from regraft.metrics import paired
from regraft.progress import Progress, silent


@dataclass(frozen=True)
class ProfilePoint:
    """One cut's probe: its accuracy and, against the last cut, the paired difference and its standard error."""

    cut: str
    stride: int  # input pixels between neighbouring positions; 0 where no space is left
    accuracy: float
    behind_last: float  # the last cut's accuracy minus this one's
    standard_error: float  # of that difference


def probe_every_cut(
    features: Features, rows: np.ndarray, folds: np.ndarray, progress: Progress = silent
) -> list[np.ndarray]:
    """Which of the images ``rows`` (bool) the cross-validated probe at each cut gets right."""
    labels, classes, hits = features.labels[rows], len(features.images.classes), []
    for done, cut in enumerate(features.cuts, 1):
        with one_thread():
            logits = held_out(features.pooled([cut], rows), labels, classes, folds)
        hits.append(logits.argmax(axis=1) == labels)
        progress("Probing every cut", done, len(features.cuts), "cuts")
    return hits


def profile_of(features: Features, hits: Sequence[np.ndarray]) -> tuple[ProfilePoint, ...]:
    """The points of the profile from the hits at each cut."""
    return tuple(
        ProfilePoint(cut.name, cut.stride, float(own.mean()), *paired(hits[-1], own))
        for cut, own in zip(features.cuts, hits, strict=True)
    )


def earliest_good(hits: Sequence[np.ndarray]) -> int:
    """The first cut whose accuracy lies within one paired standard error of the best cut's."""
    best = max(hits, key=lambda own: own.mean())
    for index, own in enumerate(hits):
        difference, error = paired(best, own)
        if difference <= error:
            return index
    raise AssertionError("the best cut lies within its own error")
