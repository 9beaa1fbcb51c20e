"""Accuracy where the least certain images go to a person."""

import numpy as np
import pytest

from regraft.metrics.risk_coverage import risk_and_coverage


def test_by_hand() -> None:
    found = risk_and_coverage(np.array([0.9, 0.8, 0.7, 0.6]), np.array([True, True, False, True]), None)
    assert found.area == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)
    assert found.area_if_perfect == pytest.approx(1 / 4 / 4)
    assert found.area_if_random == 0.25
    rows = {row.to_a_person: (row.images, row.accuracy) for row in found.kept}
    assert rows[0] == (4, 0.75)
    assert rows[0.5] == (2, 1.0)
    assert rows[0.9] == (1, 1.0)


def test_equally_certain_images_come_in_no_order() -> None:
    right = np.arange(100) < 60
    there, back = (risk_and_coverage(np.ones(100), hits, None) for hits in (right, right[::-1]))
    assert there == back
    assert {round(row.accuracy, 6) for row in there.kept} == {0.6}
    assert there.area == pytest.approx(there.area_if_random)


def test_a_perfect_order_has_the_least_area() -> None:
    certain = np.linspace(1, 0.1, 200)
    found = risk_and_coverage(certain, np.arange(200) < 150, None)
    assert found.area == pytest.approx(found.area_if_perfect)
    worst = risk_and_coverage(certain, np.arange(200) >= 50, None)
    assert worst.area > worst.area_if_random > found.area


@pytest.mark.parametrize("each", [1, 5])
def test_the_intervals_cover(each: int) -> None:
    """Right as often as is said, in groups that are right together."""
    draw, inside = np.random.default_rng(each), []
    said = draw.beta(6, 2, 400_000)
    truths = [said[said >= np.quantile(said, share)].mean() for share in (0, 0.2, 0.5)]
    for _ in range(400):
        certain = np.repeat(draw.beta(6, 2, 300 // each), each)
        right = np.repeat(draw.random(300 // each), each) < certain
        groups = None if each == 1 else np.repeat(np.arange(300 // each), each)
        rows = {row.to_a_person: row.interval for row in risk_and_coverage(certain, right, groups).kept}
        inside.append(
            [low <= truth <= high for (low, high), truth in zip((rows[0], rows[0.2], rows[0.5]), truths, strict=True)]
        )
    assert np.all(np.mean(inside, axis=0) > 0.92), np.mean(inside, axis=0)
    assert np.all(np.mean(inside, axis=0) < 0.985), np.mean(inside, axis=0)
