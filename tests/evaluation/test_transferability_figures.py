"""Intervals over seeds and images, by simulation; and the sentences that are read off figures."""

import numpy as np
import pytest
from scipy.special import ndtri

from regraft.evaluation.transferability.crossed import difference, share
from regraft.evaluation.transferability.figures import Table, contrasts_of, points_of
from regraft.evaluation.transferability.reading import reading_of
from regraft.evaluation.transferability.variants import Variant

SETS = 400


def drawn(draw: np.random.Generator, truth: float, images: np.ndarray, seeds: int, of_seeds: float) -> np.ndarray:
    """Hits (seeds, images) whose share is ``truth`` over all images and seeds."""
    width = (1 + 1 + of_seeds**2) ** 0.5
    by_seed, rest = draw.normal(0, of_seeds, (seeds, 1)), draw.normal(size=(seeds, len(images)))
    return np.asarray(ndtri(truth) * width + images + by_seed + rest > 0)


@pytest.mark.parametrize("seeds", [1, 3, 5])
@pytest.mark.parametrize(("truth", "of_seeds"), [(0.08, 0.0), (0.6, 0.1), (0.95, 0.2)])
def test_intervals_cover_the_truth(seeds: int, truth: float, of_seeds: float) -> None:
    draw, count = np.random.default_rng(seeds), 300
    of_seeds *= seeds > 1  # one seed says nothing of others
    covered = np.zeros(3)
    for _ in range(SETS):
        images = draw.normal(size=count)
        hits, others = (drawn(draw, truth, images, seeds, of_seeds) for _ in range(2))
        classes = draw.integers(0, 3, count)
        shares, gain = [share(hits), share(hits, classes)], difference(hits, others)
        covered += [*(one.low <= truth <= one.high for one in shares), gain.low <= 0 <= gain.high]
    assert (covered / SETS >= 0.92).all()  # 95% less three standard errors of so many sets
    assert (covered / SETS <= 0.998).all()  # few seeds: rather too wide


def test_classes_count_the_same_where_they_are_to() -> None:
    hits, classes = np.array([[True] * 90 + [False] * 10]), np.array([0] * 90 + [1] * 10)
    assert share(hits).value == pytest.approx(0.9)
    assert share(hits, classes).value == pytest.approx(0.5)
    everything = share(np.ones((3, 50), dtype=bool))
    assert everything.value == everything.high == 1
    assert 0.9 < everything.low < 0.95


def table_of(shares: dict[Variant, float], images: int = 2000) -> Table:
    """Three seeds that all get the same first images right."""
    return {variant: np.tile(np.arange(images) < value * images, (3, 1)) for variant, value in shares.items()}


def read(table: Table, chance: float = 0.1, depth: int = 5) -> str:
    points, contrasts = points_of(table, None), contrasts_of(table, None)
    return "\n".join(reading_of(points, contrasts, chance, "accuracy", "guessing", 1000, depth))


OWN = {Variant("scratch"): 0.6, Variant("AnB+", 2): 0.65, Variant("RnB", 2): 0.3}


def test_a_fall_is_named_where_it_lies_beyond_its_interval() -> None:
    said = read(table_of(OWN | {Variant("BnB", 2): 0.55, Variant("AnB", 2): 0.45, Variant("BnB+", 2): 0.6}))
    assert "Co-adaptation: the own layers, frozen under new ones, lose at n = 2 by 5.0 points" in said
    assert (
        "Specificity: the transferred layers fall behind the own ones (AnB below BnB) at n = 2 by 10.0 points" in said
    )
    assert "AnB beats RnB, frozen random layers, at n = 2 by 15.0 points" in said
    assert "gain over the own network (AnB+) at n = 2 by 5.0 points" in said
    assert "Beyond that, transfer gains (AnB+ above BnB+) at n = 2" in said


def test_a_fall_within_its_interval_is_not_named() -> None:
    said = read(table_of(OWN | {Variant("BnB", 2): 0.6, Variant("AnB", 2): 0.6}))
    assert "at no n does BnB fall below" in said
    assert "at no n does AnB fall below BnB" in said


def test_where_the_head_alone_does_not_find_back_co_adaptation_is_not_named() -> None:
    shares = OWN | {Variant("BnB", 2): 0.5, Variant("AnB", 2): 0.4, Variant("BnB", 5): 0.5, Variant("AnB", 5): 0.4}
    said = read(table_of(shares))
    assert "only its head is trained there: too few steps" in said
    assert "which is not named" in said
    assert "Co-adaptation:" not in said


def test_near_chance_is_said_first() -> None:
    said = read(table_of({Variant("scratch"): 0.1, Variant("AnB", 2): 0.4, Variant("Mean-Var"): 0.1} | {
        Variant("RnB", 2): 0.1, Variant("AnB+", 2): 0.5,
    }))  # fmt: skip
    assert "near chance" in said
    assert "Co-adaptation:" not in said
    assert "no use of scale alone is shown" in said
    assert "reach 40.0 points" in said


def test_the_gain_of_transfer_by_the_number_of_images() -> None:
    part = {Variant("scratch", 0, 0.25): 0.3, Variant("AnB+", 2, 0.25): 0.6}
    said = read(table_of(OWN | part | {Variant("AnB", 2): 0.5}))
    assert "+5.0 (" in said
    assert "+30.0 (" in said
    assert "with 250" in said
    assert "The fewer images, the more transfer gives" in said
