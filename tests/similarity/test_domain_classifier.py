"""The classifier of domains on the embedded network: what it says of photographs, and of what is none."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from pictures import digits, photographs
from PIL import Image, ImageOps

from regraft.data.readers.memory import from_arrays
from regraft.features.extract import extract
from regraft.network.backbone import Backbone
from regraft.network.load import load
from regraft.similarity.domain_classifier import TENTHS, DomainClassifier, Opinion, judged, shipped, signed_root
from regraft.similarity.groups import over_groups

Change = Callable[[Image.Image], Image.Image]


@pytest.fixture(scope="module")
def embedded() -> Backbone:
    return load("embedded")


def opinion_of(pictures: list[Image.Image], backbone: Backbone, classifier: DomainClassifier | None = None) -> Opinion:
    features = extract(from_arrays(pictures, [index % 2 for index in range(len(pictures))]), backbone)
    return (classifier or shipped()).opinion_of(features, np.arange(len(pictures)), backbone.preprocessing.size)


@pytest.mark.parametrize("change", [lambda p: p, ImageOps.grayscale, lambda p: p.resize((48, 48))])
def test_photographs_are_like_photographs_in_grey_and_small_too(change: Change, embedded: Backbone) -> None:
    assert opinion_of([change(photo) for photo in photographs()], embedded).value > 0


def test_classifiers_that_have_not_seen_a_tenth_of_the_sets_say_much_the_same_of_photographs(
    embedded: Backbone,
) -> None:
    found = opinion_of(photographs(), embedded)
    assert all(0 < abs(word - found.value) < 0.5 for word in found.without_sets)


def test_digits_are_not(embedded: Backbone) -> None:
    found = opinion_of(digits(), embedded)
    assert found.value < -0.5
    assert found.left_out == pytest.approx(np.full(20, found.value), abs=0.2)


def test_the_weights_are_those_of_the_file(embedded: Backbone) -> None:
    known, pictures = shipped(), photographs(count=8)
    flat = replace(known, weights=known.weights * 0, offset=known.offset * 0 + 0.25)
    found = opinion_of(pictures, embedded, flat)
    assert found.value == pytest.approx(0.25)
    assert found.without_sets == pytest.approx(np.full(TENTHS, 0.25))
    twice = replace(known, weights=known.weights * 2, offset=known.offset * 2)
    usual, doubled = opinion_of(pictures, embedded), opinion_of(pictures, embedded, twice)
    assert doubled.value == pytest.approx(2 * usual.value)
    assert doubled.without_sets == pytest.approx(2 * usual.without_sets)


def test_every_cut_weighs_as_much_once_standardised() -> None:
    known, cut = shipped(), judged(load("embedded").cuts)[0]
    moments = known.roots.moments(cut.name)
    assert moments
    source = np.sign(moments.mean) * np.square(moments.mean)  # whose roots are the mean
    assert known.standardised(cut, source[None], None) == pytest.approx(np.zeros((1, cut.channels)), abs=1e-6)
    away = moments.mean + np.maximum(moments.std, 0.01 * moments.std.mean())  # one deviation in every channel
    seen = known.standardised(cut, (np.sign(away) * np.square(away))[None], None)
    assert np.linalg.norm(seen) == pytest.approx(1)
    assert signed_root(np.array([-4.0, 0, 9])).tolist() == [-2, 0, 3]


def test_the_mean_without_each_group() -> None:
    found = over_groups(np.arange(40.0), np.mean)
    assert found.value == pytest.approx(19.5)
    assert found.left_out[0] == pytest.approx((40 * 19.5 - 20) / 38)  # images 0 and 20
    assert over_groups(np.array([3.0]), np.mean).left_out == pytest.approx(np.full(20, 3.0))


def test_the_first_third_of_the_cuts_is_not_judged() -> None:
    assert [list(judged(range(count))) for count in (1, 2, 3, 5, 9)] == [
        [0], [0, 1], [1, 2], [1, 2, 3, 4], [3, 4, 5, 6, 7, 8]
    ]  # fmt: skip


def test_the_shipped_file_has_every_judged_cut_for_every_size_of_images(embedded: Backbone) -> None:
    known, cuts = shipped(), judged(embedded.cuts)
    levels = {level for _, level in known.roots.by_place}
    assert None in levels
    assert len(levels) > 3
    for level in levels:
        for cut in cuts:
            moments = known.roots.moments(cut.name, level)
            assert moments
            assert moments.mean.shape == moments.std.shape == (cut.channels,)
    assert known.roots.size == embedded.preprocessing.size
    assert known.weights.shape == (1 + TENTHS, sum(cut.channels for cut in cuts))
    assert known.offset.shape == (1 + TENTHS,)
