"""The classifier of domains that some networks have: what it says of photographs, and of what is none."""

from collections.abc import Callable
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageOps
from sklearn.datasets import load_digits, load_sample_images

from regraft.data.readers.memory import from_arrays
from regraft.features.features import Features, extract
from regraft.network import backbone as backbones
from regraft.network.backbone import Backbone
from regraft.network.cuts import trace
from regraft.network.source import floats, level_for
from regraft.similarity.domain_classifier import OFFSET, TENTHS, WEIGHTS, judged, likeness_of
from regraft.similarity.rooted import known
from regraft.similarity.shift import Measured, over_groups, short_side

Change = Callable[[Image.Image], Image.Image]


@pytest.fixture(scope="module")
def embedded() -> Backbone:
    return backbones.load("embedded")


def seen(pictures: list[Image.Image], backbone: Backbone) -> tuple[Features, np.ndarray, int | None]:
    images = from_arrays(pictures, [index % 2 for index in range(len(pictures))])
    features = extract(images, backbone, trace(backbone.model, backbone.preprocessing.size))
    rows = np.arange(len(pictures))
    return features, rows, level_for(backbone.statistics or {}, short_side(features, rows))


def word_of(pictures: list[Image.Image], backbone: Backbone) -> Measured:
    features, rows, level = seen(pictures, backbone)
    found = likeness_of(features, rows, backbone.statistics, level)
    assert found is not None
    return found


def photographs(side: int = 200, count: int = 24) -> list[Image.Image]:
    """Pieces of scikit-learn's two photographs."""
    draw, found = np.random.default_rng(0), []
    for photo in load_sample_images().images:
        for _ in range(count // 2):
            y, x = (draw.integers(0, edge - side) for edge in photo.shape[:2])
            found.append(Image.fromarray(photo[y : y + side, x : x + side]))
    return found


@pytest.mark.parametrize("change", [lambda p: p, ImageOps.grayscale, lambda p: p.resize((48, 48))])
def test_photographs_are_like_photographs_in_grey_and_small_too(change: Change, embedded: Backbone) -> None:
    assert word_of([change(photo) for photo in photographs()], embedded).value > 0


def test_classifiers_that_have_not_seen_a_tenth_of_the_sets_say_much_the_same_of_photographs(
    embedded: Backbone,
) -> None:
    features, rows, level = seen(photographs(), embedded)
    found = likeness_of(features, rows, embedded.statistics, level)
    assert found is not None
    assert all(0 < abs(word - found.value) < 0.5 for word in found.without_sets)


def test_digits_are_not(embedded: Backbone) -> None:
    pictures = [Image.fromarray((image * 15.9).astype(np.uint8)) for image in load_digits().images[:24]]
    found = word_of(pictures, embedded)
    assert found.value < -0.5
    assert found.left_out == pytest.approx(np.full(20, found.value), abs=0.2)


def test_the_weights_are_those_of_the_file(embedded: Backbone) -> None:
    features, rows, level = seen(photographs(count=8), embedded)
    statistics = dict(embedded.statistics or {})
    flat = statistics | {WEIGHTS: statistics[WEIGHTS] * 0, OFFSET: statistics[OFFSET] * 0 + 0.25}
    found = likeness_of(features, rows, flat, level)
    assert found is not None
    assert found.value == pytest.approx(0.25)
    assert found.without_sets == pytest.approx(np.full(TENTHS, 0.25))
    without = {name: value for name, value in statistics.items() if name != WEIGHTS}
    assert likeness_of(features, rows, without, level) is None
    assert likeness_of(features, rows, None, level) is None


def test_the_mean_without_each_group() -> None:
    found = over_groups(np.arange(40.0), np.mean)
    assert found.value == pytest.approx(19.5)
    assert found.left_out[0] == pytest.approx((40 * 19.5 - 20) / 38)  # images 0 and 20
    assert over_groups(np.array([3.0]), np.mean).left_out == pytest.approx(np.full(20, 3.0))


def test_the_first_third_of_the_cuts_is_not_judged() -> None:
    assert [list(judged(range(count))) for count in (1, 2, 3, 5, 9)] == [
        [0], [0, 1], [1, 2], [1, 2, 3, 4], [3, 4, 5, 6, 7, 8]
    ]  # fmt: skip


def test_every_shipped_file_has_a_classifier_for_every_size_of_images() -> None:
    shipped = [*Path(str(files("regraft"))).glob("statistics/*.safetensors")]
    shipped += [Path(str(files("regraft"))) / "embedded" / "statistics.safetensors"]
    assert len(shipped) == 2
    for path in shipped:
        statistics = floats(path)
        levels: set[int | None] = {None, *(int(name.split("/")[0]) for name in statistics if "/" in name)}
        assert len(levels) > 3
        named = [name for name in statistics if name.endswith(".root_mean") and "/" not in name]
        assert all(known(statistics, [name.removesuffix(".root_mean") for name in named], level) for level in levels)
        assert len(statistics[WEIGHTS]) == len(statistics[OFFSET]) == 1 + TENTHS
