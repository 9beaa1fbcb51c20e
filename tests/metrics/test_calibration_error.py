"""Calibration error: without bias, and what a calibrated model shows by chance."""

import numpy as np
import pytest

from regraft.metrics.calibration import AN_BIN, bin_starts, calibration_error, layout_of, simulated

SETS = 400


def confidences(draw: np.random.Generator, images: int) -> np.ndarray:
    return np.sort(draw.beta(8, 2, images))


def plug_in(differences: np.ndarray, starts: np.ndarray) -> float:
    counts = np.diff([*starts, len(differences)])
    return float((np.square(np.add.reduceat(differences, starts)) / counts).sum() / len(differences))


@pytest.mark.parametrize("overconfident_by", [0.0, 0.1])
@pytest.mark.parametrize("images", [60, 300])
def test_the_debiased_error_is_right_on_average_and_the_plain_one_is_not(images: int, overconfident_by: float) -> None:
    draw, debiased, plain = np.random.default_rng(0), [], []
    for _ in range(4 * SETS):
        said = confidences(draw, images)
        differences = (draw.random(images) < said - overconfident_by) - said
        debiased.append(layout_of(said).squared_errors(differences))
        plain.append(plug_in(differences, bin_starts(said, images)))
    noise = 4 * np.std(debiased) / np.sqrt(4 * SETS)
    assert np.mean(debiased) == pytest.approx(overconfident_by**2, abs=noise)
    assert np.mean(plain) > overconfident_by**2 + 2 * noise


def test_groups_that_are_right_together_are_no_bias() -> None:
    draw, debiased, blind = np.random.default_rng(1), [], []
    for _ in range(SETS):
        said = np.repeat(draw.beta(8, 2, 60), 5)
        group_of, right = np.repeat(np.arange(60), 5), np.repeat(draw.random(60), 5) < said
        knowing, not_knowing = layout_of(said, group_of), layout_of(said)
        debiased.append(knowing.squared_errors((right - said)[knowing.order]))
        blind.append(not_knowing.squared_errors((right - said)[not_knowing.order]))
    assert np.mean(debiased) == pytest.approx(0, abs=4 * np.std(debiased) / np.sqrt(SETS))
    assert np.mean(blind) > 0.005


def test_a_calibrated_model_stays_in_its_range_in_19_of_20_sets() -> None:
    draw, under, in_range, over = np.random.default_rng(2), [], [], []
    for seed in range(150):
        said = confidences(draw, 300)
        found = calibration_error(said, draw.random(300) < said, None, seed)
        assert found
        under.append(found.error <= found.calibrated_most)
        in_range += [low <= one.accuracy <= high for one in found.bins for low, high in [one.calibrated]]
        wrong = calibration_error(said, draw.random(300) < said - 0.15, None, seed)
        assert wrong
        over.append(wrong.error > wrong.calibrated_most)
        assert wrong.overconfidence == pytest.approx(0.15, abs=0.1)
    assert 0.90 < np.mean(under) < 0.99
    assert 0.93 < np.mean(in_range) < 0.985
    assert np.mean(over) > 0.9


@pytest.mark.parametrize(("share_alike", "each"), [(0.3, 10), (1.0, 3)])
def test_the_range_knows_of_groups(share_alike: float, each: int) -> None:
    """A calibrated model, whose images of one group are alike, and as sure."""
    draw, under, blind = np.random.default_rng(4), [], []
    for seed in range(100):
        said = np.repeat(draw.beta(8, 2, 300 // each), each)
        group_of = np.repeat(np.arange(300 // each), each)
        numbers = np.where(draw.random(300) < share_alike**0.5, draw.random(300 // each)[group_of], draw.random(300))
        found = calibration_error(said, numbers < said, group_of, seed)
        without = calibration_error(said, numbers < said, None, seed)
        assert found
        assert without
        under.append(found.error <= found.calibrated_most)
        blind.append(without.error <= without.calibrated_most)
    assert 0.89 < np.mean(under) < 0.99
    assert share_alike * each < 2 or np.mean(blind) < 0.75


def test_what_is_simulated_is_what_labels_from_the_probabilities_give() -> None:
    draw = np.random.default_rng(3)
    said = confidences(draw, 100)
    layout = layout_of(said)
    squares, accuracies = simulated(said, layout, None, 0.0, 0)
    ours = [layout.squared_errors((draw.random(100) < said) - said) for _ in range(1000)]
    assert np.percentile(squares, 95) == pytest.approx(np.percentile(ours, 95), rel=0.25)
    assert squares.mean() == pytest.approx(0, abs=4 * squares.std() / np.sqrt(1000))
    np.testing.assert_allclose(accuracies.mean(0), np.add.reduceat(said, layout.bins) / layout.counts, atol=0.02)


def test_bins_have_equal_mass_and_equal_probabilities_share_one() -> None:
    said = np.linspace(0.3, 0.9, 300)
    counts = np.diff([*bin_starts(said, 300), 300])
    assert (len(counts), counts.min(), counts.max()) == (15, 20, 20)
    assert len(layout_of(said, np.arange(300) // 3).counts) == 5  # of as many groups
    assert list(bin_starts(said[: AN_BIN - 1], AN_BIN - 1)) == [0]
    half_sure = np.sort(np.where(np.arange(200) < 150, 1.0, np.linspace(0.4, 0.9, 200)))
    starts = bin_starts(half_sure, 200)
    assert (half_sure[starts] == 1).sum() == 1
    by_class = np.arange(200) < 100  # the order of the images says nothing
    found = calibration_error(np.full(200, 0.5), by_class, None, 0)
    assert found
    assert (len(found.bins), found.error) == (1, 0)


def test_a_single_image_has_none() -> None:
    assert calibration_error(np.array([0.7]), np.array([True]), None, 0) is None
    together = calibration_error(np.array([0.7, 0.8]), np.array([True, False]), np.array([0, 0]), 0)
    assert together
    assert together.error == 0  # one group says nothing
