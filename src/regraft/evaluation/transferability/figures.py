"""Accuracies by variant, and the differences that answer a question each."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from regraft.evaluation.transferability.crossed import Estimate, difference, share
from regraft.evaluation.transferability.variants import (
    ANB,
    ANB_PLUS,
    BNB,
    BNB_PLUS,
    MEAN_VAR,
    RNB,
    SCRATCH,
    Variant,
)

Table = Mapping[Variant, np.ndarray]  # which test images are right: (seeds, images) bool
CO_ADAPTATION, SPECIFICITY, LEARNED = "co-adaptation", "specificity", "learned"
BOOST, AGAIN, TRANSFER = "boost", "again", "transfer"
SCALE, FEATURES = "scale", "features"
AT_EACH_CUT = {  # the first kind's accuracy minus the second's
    CO_ADAPTATION: (SCRATCH, BNB),
    SPECIFICITY: (BNB, ANB),
    LEARNED: (ANB, RNB),
    BOOST: (ANB_PLUS, SCRATCH),
    AGAIN: (BNB_PLUS, SCRATCH),
    TRANSFER: (ANB_PLUS, BNB_PLUS),
}


@dataclass(frozen=True)
class Point:
    """What one variant reaches on the test images."""

    variant: Variant
    accuracy: Estimate
    by_seed: tuple[float, ...]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return {**asdict(self.variant), **asdict(self.accuracy), "by_seed": list(self.by_seed)}


@dataclass(frozen=True)
class Contrast:
    """How much one variant is better than another on the same images."""

    question: str
    better: Variant
    other: Variant
    gain: Estimate

    @property
    def layers(self) -> int:
        """At which n."""
        return max(self.better.layers, self.other.layers)

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        sides = {"better": asdict(self.better), "other": asdict(self.other)}
        return {"question": self.question, "layers": self.layers, **sides, **asdict(self.gain)}


def points_of(table: Table, strata: np.ndarray | None) -> tuple[Point, ...]:
    """What every variant reaches; ``strata``: the images' classes where each class is to count the same."""
    return tuple(
        Point(variant, share(hits, strata), tuple(share(one[None], strata).value for one in hits))
        for variant, hits in table.items()
    )


def contrasts_of(table: Table, strata: np.ndarray | None) -> tuple[Contrast, ...]:
    """All differences between variants that are there."""
    last = max(variant.layers for variant in table)
    pairs = [
        (question, Variant(better, 0 if better == SCRATCH else n), Variant(other, 0 if other == SCRATCH else n))
        for question, (better, other) in AT_EACH_CUT.items()
        for n in sorted({variant.layers for variant in table} - {0})
    ]
    pairs.append((SCALE, Variant(MEAN_VAR), Variant(SCRATCH)))
    pairs.append((FEATURES, Variant(ANB_PLUS, last), Variant(MEAN_VAR)))
    for part in sorted({variant.share for variant in table} - {1.0}, reverse=True):
        pairs.append((BOOST, Variant(ANB_PLUS, last, part), Variant(SCRATCH, 0, part)))
    return tuple(
        Contrast(question, better, other, difference(table[better], table[other], strata))
        for question, better, other in pairs
        if better in table and other in table
    )
