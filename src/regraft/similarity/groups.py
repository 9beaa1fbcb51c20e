"""Figures of a set of images, and the same with groups of images left out, which tell how sure they are."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

GROUPS = 20  # of images, left out in turn


@dataclass(frozen=True)
class Measured:
    """A figure of a set of images."""

    value: float
    left_out: np.ndarray  # (GROUPS,): the same with each group of images left out


def group_of(images: int) -> np.ndarray:
    """A group 0..GROUPS-1 for each image, in turn, so that every class is spread over them."""
    return np.arange(images) % GROUPS


def over_groups(values: np.ndarray, statistic: Callable[[np.ndarray], Any]) -> Measured:
    """A statistic of the images' ``values`` (images,), and with each group of them left out."""
    groups = group_of(len(values))
    rest = [values[groups != group] for group in range(GROUPS)]
    return Measured(float(statistic(values)), np.array([statistic(part if len(part) else values) for part in rest]))
