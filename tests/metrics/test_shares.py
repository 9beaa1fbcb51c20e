"""Shares and their differences, with intervals that mind groups."""

import numpy as np
import pytest

from regraft.metrics import interval_of_difference, interval_of_share, wilson
from regraft.metrics.shares import intervals_of_classes

SETS = 400
LEAST = 0.92  # of SETS at 95%: three standard errors below


def test_without_groups_it_is_wilsons() -> None:
    right = np.arange(50) < 40
    assert interval_of_share(right) == wilson(40, 50) == interval_of_share(right, [None] * 50)


@pytest.mark.parametrize(("images", "share", "groups"), [(200, 0.8, 40), (100, 0.5, 10), (400, 0.9, 80)])
def test_a_shares_interval_covers_where_images_come_in_groups(images: int, share: float, groups: int) -> None:
    draw = np.random.default_rng(0)
    covered = 0
    for _ in range(SETS):
        group_of = draw.integers(0, groups, images)
        right = draw.random(images) < draw.beta(3 * share, 3 - 3 * share, groups)[group_of]
        low, high = interval_of_share(right, [str(group) for group in group_of])
        covered += low <= share <= high
    assert covered >= LEAST * SETS


@pytest.mark.parametrize("right", [0, 1])
def test_groups_that_are_all_right_or_wrong_are_not_certain(right: int) -> None:
    ends = interval_of_share(np.full(100, bool(right)), [str(image // 20) for image in range(100)])
    assert ends[1] - ends[0] > np.diff(wilson(5 * right, 5)).item()  # five groups, no more than five images


@pytest.mark.parametrize(("images", "shares"), [(100, (0.9, 0.85)), (50, (0.5, 0.5)), (1000, (0.97, 0.97))])
def test_a_differences_interval_covers(images: int, shares: tuple[float, float]) -> None:
    draw = np.random.default_rng(1)
    covered = 0
    for _ in range(SETS):
        one = draw.random(images)
        other = np.where(draw.random(images) < 0.7, one, draw.random(images))
        low, high = interval_of_difference(one < shares[0], other < shares[1])
        covered += low <= shares[0] - shares[1] <= high
    assert covered >= LEAST * SETS


def test_a_differences_interval_covers_where_images_come_in_groups() -> None:
    draw = np.random.default_rng(2)
    covered = 0
    for _ in range(SETS):
        group_of = draw.integers(0, 50, 300)
        lost = draw.random(300) < draw.beta(1, 4, 50)[group_of]
        clean = draw.random(300) < 0.9
        low, high = interval_of_difference(clean & ~lost, clean, [str(group) for group in group_of])
        covered += low <= -0.9 * 0.2 <= high
    assert covered >= LEAST * SETS


def test_each_class_has_its_interval() -> None:
    labels, right = np.array([2, 0, 0, 2, 2, 0, 2]), np.array([1, 1, 1, 0, 1, 1, 1], dtype=bool)
    first, none, last = intervals_of_classes(labels, right, 3)
    assert (first, none, last) == (wilson(3, 3), None, wilson(3, 4))
    groups = ["a", "a", "a", "b", "b", "b", "c"]
    by_group = intervals_of_classes(labels, right, 3, groups)
    assert by_group[2] == interval_of_share(right[labels == 2], ["a", "b", "b", "c"])
