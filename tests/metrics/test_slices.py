"""Accuracy on slices: which there are, and when one is surely worse."""

import numpy as np
import pytest
from scipy.stats import fisher_exact

from regraft.metrics.slices import by_fisher, slices_of, worst_of

SETS = 400


def test_fishers_test_is_scipys() -> None:
    draw = np.random.default_rng(0)
    for images, some in ((60, 20), (500, 30), (41, 21)):
        inside = np.arange(images) < some
        right = draw.random(images) < np.where(inside, 0.7, 0.85)
        table = [[(right & part).sum(), (~right & part).sum()] for part in (inside, ~inside)]
        assert by_fisher(right, inside) == pytest.approx(fisher_exact(table).pvalue)
    assert by_fisher(np.ones(50, bool), np.arange(50) < 20) == 1


def test_a_worse_slice_is_found_and_small_ones_are_left_out() -> None:
    names = ["a"] * 100 + ["b"] * 100 + ["c"] * 10
    right = np.arange(210) % 10 > 0
    right[:40] = False
    slices = slices_of(right, {"folder": names, "short side": ["all"] * 210})
    assert [(one.name, one.images) for one in slices] == [("a", 100), ("b", 100)]
    worst = worst_of(slices)
    assert worst is not None
    assert (worst.name, worst.worse) == ("a", True)
    assert worst.difference == pytest.approx(right[:100].mean() - right[100:].mean())
    assert worst.interval[0] < worst.accuracy < worst.interval[1]
    assert worst_of(slices_of(np.arange(210) % 10 > 0, {"folder": names})) is None


@pytest.mark.parametrize("grouped", [False, True])
def test_where_nothing_differs_hardly_ever_a_slice_is_called_worse(grouped: bool) -> None:
    draw = np.random.default_rng(1)
    wrongly = 0
    for _ in range(SETS):
        groups = draw.integers(0, 40, 240)
        right = draw.random(240) < (draw.beta(8, 2, 40)[groups] if grouped else 0.8)
        names = {"folder": [str(group % 4) for group in groups], "size": [str(image % 3) for image in range(240)]}
        slices = slices_of(right, names, [str(group) for group in groups] if grouped else None)
        wrongly += any(one.worse for one in slices)
    assert wrongly <= 0.08 * SETS  # three standard errors above 5%


def test_a_difference_between_too_few_groups_is_not_told_from_chance() -> None:
    right = np.arange(200) >= 60
    names = {"folder": ["a" if image < 100 else "b" for image in range(200)]}
    groups = [f"patient {image // 50}" for image in range(200)]
    assert worst_of(slices_of(right, names)) is not None
    assert worst_of(slices_of(right, names, groups)) is None
    by_patient = slices_of(right, {"group": groups}, groups)  # each of them is what it is
    assert [one.worse for one in by_patient] == [True, False, False, False]


def test_slices_stand_in_the_order_of_the_numbers_in_their_names() -> None:
    names = ["over 1,000 px", "at most 90 px", "over 90 to 1,000 px"] * 30
    slices = slices_of(np.ones(90, bool), {"short side": names})
    assert [one.name for one in slices] == ["at most 90 px", "over 90 to 1,000 px", "over 1,000 px"]
