"""How far single images lie from the source's, whatever the set that they are in."""

import numpy as np
import pytest
import torch

from regraft.network import source
from regraft.similarity.distance import DIRECTIONS, KEY, POINTS, among, tensors
from regraft.similarity.rooted import known, moments, standardised
from regraft.similarity.shift import between_gaussians, middle


def pictures(count: int, seed: int, spread: float = 1.0, centre: float = 0.0) -> np.ndarray:
    """Features of 60 channels in which six things vary."""
    things = np.random.default_rng(seed).normal(centre, spread, (count, 6))
    mixing = np.random.default_rng(0).normal(size=(6, 60))
    return np.asarray(things @ mixing + np.random.default_rng(seed + 1).normal(0, 0.1, (count, 60)))


def distance(target: np.ndarray, at_home: np.ndarray) -> float:
    statistics = moments("cut", at_home, None)
    found = tensors(["cut"], {None: [at_home]}, statistics)
    places = standardised([target], ["cut"], statistics, None) @ found[f"{KEY}.directions"].numpy()
    return among(places, found[f"{KEY}.points"].double().numpy()).value


def test_images_of_the_source_lie_as_far_as_usual() -> None:
    assert distance(pictures(300, 5), pictures(1_000, 1)) == pytest.approx(1, abs=0.1)


def test_a_narrow_set_within_the_source_is_near_though_its_shift_is_large() -> None:
    known = pictures(1_000, 1)
    narrow = pictures(300, 5, spread=0.2, centre=0.3)
    half = pictures(300, 5)
    moments = known.mean(0), known.std(0)
    assert between_gaussians(narrow.mean(0), narrow.var(0), *moments) > 10 * between_gaussians(
        half.mean(0), half.var(0), *moments
    )
    assert distance(narrow, known) < 1


def test_images_from_elsewhere_are_far() -> None:
    known = pictures(1_000, 1)
    assert distance(pictures(300, 5, centre=4), known) > 1.5
    assert distance(np.random.default_rng(7).normal(0, 3, (300, 60)), known) > 1.5


def test_left_out_groups_move_the_median() -> None:
    places = np.concatenate([np.zeros((10, 2)), np.full((11, 2), 9.0)])
    found = among(places, np.random.default_rng(0).normal(size=(200, 2)))
    assert found.left_out.min() < found.value
    one = among(places[:1], np.random.default_rng(0).normal(size=(200, 2)))
    assert np.allclose(one.left_out, one.value)


def test_the_file_keeps_every_level_in_the_space_of_the_images_as_they_are() -> None:
    whole = [pictures(1_500, 1)[:, :20], pictures(1_500, 1)[:, 20:]]
    cuts, statistics = ["one", "two"], moments("one", whole[0], None) | moments("two", whole[1], None)
    found = tensors(cuts, {None: whole, 8: [part * 2 for part in whole]}, statistics)
    points, shrunk = found[source.name_of(KEY, "points")], found[source.name_of(KEY, "points", 8)]
    assert points.shape == shrunk.shape == (POINTS, DIRECTIONS)
    assert points.dtype == torch.half
    again = standardised(whole, cuts, statistics, None)[[0, -1]] @ found[source.name_of(KEY, "directions")].numpy()
    assert np.allclose(again, points[[0, -1]].numpy(), atol=1e-2)
    assert float((points - shrunk).abs().max()) > 0.1


def test_channels_that_the_source_never_moves_do_not_make_a_distance() -> None:
    known, target = pictures(500, 1), pictures(200, 5)
    known[:, 3], target[:, 3] = 0, 5
    assert distance(target, known) == pytest.approx(1, abs=0.15)


def test_the_middle_is_a_third_or_a_little_more() -> None:
    assert [list(middle(range(count))) for count in (1, 2, 3, 5, 9)] == [[0], [0, 1], [1], [1, 2, 3], [3, 4, 5]]


def test_every_cut_weighs_as_much_and_each_level_has_its_own_standard() -> None:
    narrow, wide = pictures(400, 1)[:, :5], pictures(400, 2)[:, :50] * 3
    statistics = moments("narrow", narrow, None) | moments("wide", wide, None)
    joined = standardised([narrow, wide], ["narrow", "wide"], statistics, None)
    assert joined.mean(0) == pytest.approx(np.zeros(55), abs=1e-5)
    assert np.square(joined[:, :5]).sum(1).mean() == pytest.approx(1, rel=1e-4)
    assert np.square(joined[:, 5:]).sum(1).mean() == pytest.approx(1, rel=1e-4)
    assert known(statistics, ["narrow", "wide"], None)
    assert not known(statistics, ["narrow", "wide"], 8)
    assert not known({}, ["narrow"], None)
    shrunk = moments("narrow", narrow + 4, 8)
    assert standardised([narrow + 4], ["narrow"], shrunk, 8).mean() == pytest.approx(0, abs=1e-5)
