"""The probes at every cut, and which cut is early and good."""

import numpy as np
import pytest

from regraft.network.cuts import Cut
from regraft.similarity.depth_profile import earliest_good, probe, profile_of


def hits(accuracy: float, count: int = 400) -> np.ndarray:
    return np.arange(count) < accuracy * count


def test_the_earliest_cut_within_one_error_of_the_best() -> None:
    assert earliest_good([hits(0.5), hits(0.9), hits(0.9)]) == 1
    assert earliest_good([hits(0.5), hits(0.8), hits(0.95)]) == 2
