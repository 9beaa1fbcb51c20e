"""What test images that are like those that trained or chose do to the accuracy."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from regraft.data.images import ImageSet
from regraft.data.split import Split
from regraft.features.near_duplicates import SAME_SCENE, NearDuplicate


@dataclass(frozen=True)
class Overlap:
    """How many test images are like those that trained or chose, and the accuracy with them and without."""

    images: int
    of: int
    accuracy_with: float
    accuracy_without: float | None  # None where all are
    same_scene: int = 0  # of ``images``, those that share a scene rather than the picture


def overlap_of(duplicates: Sequence[NearDuplicate], test: np.ndarray, right: np.ndarray) -> Overlap:
    """What the near-duplicates among the rows ``test`` do to the accuracy; ``right``: (test,) bool."""
    scenes = sum(duplicate.kind == SAME_SCENE for duplicate in duplicates)
    return replace(
        with_and_without(np.isin(test, [duplicate.row for duplicate in duplicates]), right), same_scene=scenes
    )


def with_and_without(affected: np.ndarray, right: np.ndarray) -> Overlap:
    """The accuracy with some of the test images and without; both: (test,) bool."""
    without = float(right[~affected].mean()) if (~affected).any() else None
    return Overlap(int(affected.sum()), len(right), float(right.mean()), without)


def shared_groups(images: ImageSet, split: Split, right: np.ndarray) -> Overlap:
    """What test images of a group that trained or chose too (a patient) do to the accuracy; ``right``: (test,)."""
    groups = images.files.groups
    known = set(groups.take(np.concatenate([split.train, split.val])).present()) - {None, ""}
    return with_and_without(np.array([group in known for group in groups.take(split.test)], dtype=bool), right)


def groups_as_dict(overlap: Overlap) -> dict[str, Any]:
    """An overlap of groups as plain data; scenes are no part of it."""
    return {name: value for name, value in asdict(overlap).items() if name != "same_scene"}
