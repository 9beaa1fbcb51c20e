"""Comparisons of classifiers: how often their tests err, and how often their intervals hold."""

import numpy as np
import pytest
from scipy import stats

from regraft.metrics.comparisons import EQUAL, holm, in_units, on_images, over_repeats

REPEATS, IMAGES, TEST = 10, 60, 12


def repeated_splits(rng: np.random.Generator, gap: float = 0.0) -> np.ndarray:
    """Differences in accuracy of two learners over repeated splits of one set, equal on average where ``gap`` is 0.

    Each takes the class whose mean is nearer on a feature of its own; ``gap`` makes the second feature less useful.
    """
    labels = np.repeat([0, 1], IMAGES // 2)
    x = rng.normal(size=(IMAGES, 2)) + labels[:, None] * np.array([1.0, 1.0 - gap])
    found = []
    for _ in range(REPEATS):
        order = rng.permutation(IMAGES)
        test, train = order[:TEST], order[TEST:]
        means = np.stack([x[train][labels[train] == label].mean(axis=0) for label in (0, 1)])
        guess = np.abs(x[test] - means[1]) < np.abs(x[test] - means[0])
        right = guess == labels[test][:, None].astype(bool)
        found.append(right[:, 0].mean() - right[:, 1].mean())
    return np.array(found)


def test_corrected_test_errs_at_most_as_often_as_it_says_where_the_plain_one_errs_often() -> None:
    rng = np.random.default_rng(0)
    sets = [repeated_splits(rng) for _ in range(600)]
    corrected = np.mean([over_repeats(d, TEST / (IMAGES - TEST)).p < 0.05 for d in sets])
    plain = np.mean([stats.ttest_1samp(d, 0).pvalue < 0.05 for d in sets if d.std()])
    assert corrected <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 600)
    assert plain > 0.2


def test_interval_over_repeats_holds_the_true_difference() -> None:
    rng = np.random.default_rng(1)
    truth = np.mean([repeated_splits(rng, 0.5).mean() for _ in range(1500)])
    found = [over_repeats(repeated_splits(rng, 0.5), TEST / (IMAGES - TEST)) for _ in range(400)]
    coverage = np.mean([one.low <= truth <= one.high for one in found])
    assert coverage >= 0.95 - 2.5 * np.sqrt(0.05 * 0.95 / 400)


def test_corrected_test_finds_a_large_difference() -> None:
    rng = np.random.default_rng(2)
    found = [over_repeats(repeated_splits(rng, 1.0), TEST / (IMAGES - TEST)) for _ in range(100)]
    assert np.mean([one.p < 0.05 for one in found]) > 0.3
    assert np.mean([one.better for one in found]) > 0.8


def test_over_repeats_is_the_formula() -> None:
    values = np.array([0.02, 0.05, -0.01, 0.03])
    found = over_repeats(values, 0.25)
    scale = values.std(ddof=1) * np.sqrt(1 / 4 + 0.25)
    assert found.p == pytest.approx(2 * stats.t.sf(values.mean() / scale, 3))
    assert found.better == pytest.approx(stats.t.sf((EQUAL - values.mean()) / scale, 3))
    assert found.better + found.equal + found.worse == pytest.approx(1)


def test_one_repeat_says_nothing_of_chance_and_no_spread_is_no_error() -> None:
    assert np.isnan(over_repeats([0.1], 0.25).p)
    same = over_repeats([0.0, 0.0, 0.0], 0.25)
    assert (same.low, same.high, same.equal, same.p) == (0, 0, 1, 1)
    assert over_repeats([0.1, 0.1], 0.25).better == 1


@pytest.mark.slow
@pytest.mark.parametrize(("images", "clusters"), [(60, 0), (300, 0), (300, 60)])
def test_paired_interval_holds_the_true_difference(images: int, clusters: int) -> None:
    rng = np.random.default_rng(images + clusters)
    hold, sets, spread = 0, 200, np.sqrt(3 if clusters else 2)
    truth = stats.norm.cdf(1 / spread) - stats.norm.cdf(0.7 / np.sqrt(2))
    for turn in range(sets):
        shared, own, others = rng.normal(size=(3, images))
        of = rng.integers(0, clusters, images) if clusters else np.arange(images)
        if clusters:  # images of one cluster are alike in how hard they are for the first
            own = own + rng.normal(size=clusters)[of]
        groups = [str(one) for one in of] if clusters else None
        found = on_images(shared + own > -1, shared + others > -0.7, turn, groups)
        hold += found.low <= truth <= found.high
    assert 0.95 - 3 * np.sqrt(0.05 * 0.95 / sets) - 0.01 <= hold / sets <= 0.99


def test_mcnemar_errs_at_most_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    errs = 0
    for _ in range(1000):
        right, other = rng.random((2, 80)) < 0.8
        only, others = int((right & ~other).sum()), int((other & ~right).sum())
        errs += stats.binomtest(only, only + others).pvalue < 0.05
    assert errs / 1000 <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 1000)


def test_on_images_is_repeatable_and_antisymmetric_in_its_mean() -> None:
    rng = np.random.default_rng(4)
    right, other = rng.random((2, 200)) < 0.7
    one, again, turned = on_images(right, other, 5), on_images(right, other, 5), on_images(other, right, 5)
    assert one == again
    assert one.mean == -turned.mean
    assert (
        one.p
        == turned.p
        == pytest.approx(stats.binomtest(int((right & ~other).sum()), int((right ^ other).sum())).pvalue)
    )


def test_classifiers_that_agree_everywhere_are_not_said_to_be_surely_equal() -> None:
    right = np.arange(50) % 3 > 0
    found = on_images(right, right, 0)
    assert (found.mean, found.p) == (0, 1)
    assert found.high == -found.low == pytest.approx(1 - 0.025 ** (1 / 50))


def test_many_images_are_drawn_several_together() -> None:
    sums, counts = in_units(np.ones(12_000), None, 0)
    assert len(sums) == 5_000
    assert sums.sum() == counts.sum() == 12_000


def test_holm_adjusts_by_rank_and_never_falls() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == pytest.approx([1.0, 1.0])
    assert np.isnan(holm([float("nan"), 0.02])[0])
    assert holm([float("nan"), 0.02])[1] == 0.02


def test_holm_errs_in_any_of_three_at_most_as_often_as_it_says() -> None:
    rng = np.random.default_rng(6)
    errs = np.mean([min(holm(rng.random(3))) < 0.05 for _ in range(4000)])
    assert errs <= 0.05 + 2 * np.sqrt(0.05 * 0.95 / 4000)
