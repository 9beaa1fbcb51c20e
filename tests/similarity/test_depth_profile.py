"""The probes at every cut, and which cut is early and good."""

from types import SimpleNamespace

import numpy as np
import pytest

from regraft.network.cuts import Cut
from regraft.similarity.depth_profile import earliest_good, probe_every_cut, profile_of


def hits(accuracy: float, count: int = 400) -> np.ndarray:
    return np.arange(count) < accuracy * count


def test_the_earliest_cut_within_one_error_of_the_best() -> None:
    assert earliest_good([hits(0.5), hits(0.9), hits(0.9)]) == 1
    assert earliest_good([hits(0.5), hits(0.8), hits(0.95)]) == 2


def test_probes_miss_the_images_that_bear_a_wrong_label() -> None:
    labels = np.arange(300) % 3
    values = (np.eye(3)[labels] + np.random.default_rng(0).normal(0, 0.05, (300, 3))).astype(np.float32)
    wrong = [7, 20, 44]
    labels[wrong] = (labels[wrong] + 1) % 3
    features = SimpleNamespace(
        labels=labels,
        images=SimpleNamespace(classes="abc"),
        cuts=["noise", "clear"],
        pooled=lambda cuts, rows: (values if cuts == ["clear"] else values[::-1])[rows],
    )
    rows = np.arange(300)
    _, right = probe_every_cut(features, rows, rows // 3 % 5)  # type: ignore[arg-type]
    assert np.flatnonzero(~right).tolist() == wrong


def test_the_profile_compares_each_cut_with_the_last() -> None:
    cuts = tuple(Cut(name, (), name, 2, (2, 3), stride, 0.0) for name, stride in (("early", 4), ("late", 8)))
    early, late = profile_of(SimpleNamespace(cuts=cuts), [hits(0.5), hits(0.8)])  # type: ignore[arg-type]
    assert (early.cut, early.stride, early.accuracy, late.cut, late.accuracy) == ("early", 4, 0.5, "late", 0.8)
    assert early.behind_last == pytest.approx(0.3)
    assert early.standard_error == pytest.approx(np.sqrt(0.3 * 0.7 / 400))
    assert (late.behind_last, late.standard_error) == (0, 0)
