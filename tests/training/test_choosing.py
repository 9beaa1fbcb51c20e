"""Which candidate is kept: by the gain to be expected, in repeated draws."""

import numpy as np
import pytest
from made_results import result

from regraft.training.choosing import PRACTICALLY_EQUAL, PRIOR, Gain, best_of, counts_for, gain_of
from regraft.training.result import Judged


def test_the_expected_gain_is_the_mean_of_what_is_true() -> None:
    draw = np.random.default_rng(0)
    true = draw.normal(0, PRIOR, 200_000)
    error = 0.02
    measured = true + draw.normal(0, error, len(true))
    near = np.abs(measured - 0.04) < 0.002
    assert Gain(0.84, 0.80, error).expected == pytest.approx(float(true[near].mean()), abs=0.001)


def test_few_images_promise_little_and_many_what_they_show() -> None:
    few = gain_of(result(0.85, images=80).judged, result(0.80, images=80, seed=1).judged)
    many = gain_of(result(0.85, images=20_000).judged, result(0.80, images=20_000, seed=1).judged)
    assert few.accuracy - few.before == pytest.approx(0.05)
    assert 0 < few.expected < 0.02
    assert many.expected == pytest.approx(0.05, abs=0.002)
    assert gain_of(few_right(), few_right()).expected == 0


def few_right() -> Judged:
    return Judged(np.arange(10), np.arange(10) < 4)


def test_two_networks_meet_on_the_images_that_judged_both() -> None:
    wide, narrow = result(0.80, images=400).judged, result(0.80, images=80, start=100, seed=2).judged
    gain = gain_of(narrow, wide)
    assert gain.before == pytest.approx(wide.hits[100:180].mean())
    assert gain.accuracy == pytest.approx(0.80)


def test_among_practically_equal_ones_the_smallest_loss_decides() -> None:
    rows, hits = np.arange(1000), np.arange(1000) < 800
    judged = [Judged(rows, hits, loss) for loss in (0.5, 0.4, 0.3)]
    near, far = PRACTICALLY_EQUAL / 2, 3 * PRACTICALLY_EQUAL
    assert best_of(judged, [Gain(0.8, 0.8, 0.0), Gain(0.8 + near, 0.8, 0.0), Gain(0.8, 0.8, 0.0)]) == 2
    assert best_of(judged, [Gain(0.8, 0.8, 0.0), Gain(0.8 + far, 0.8, 0.0), Gain(0.8, 0.8, 0.0)]) == 1


def test_balanced_figures_weigh_rare_classes_more() -> None:
    labels = np.array([0] * 90 + [1] * 10)
    assert counts_for("val_accuracy", labels) is None
    counts = counts_for("val_balanced_accuracy", labels)
    assert counts is not None
    rows = np.arange(100)
    always_first, better_at_rare = labels == 0, (labels == 1) | (rows < 80)
    gain = gain_of(Judged(rows, better_at_rare), Judged(rows, always_first), counts)
    assert (gain.before, gain.accuracy) == (pytest.approx(0.5), pytest.approx((80 / 90 + 1) / 2))
    assert gain_of(Judged(rows, better_at_rare), Judged(rows, always_first)).expected == pytest.approx(0)
