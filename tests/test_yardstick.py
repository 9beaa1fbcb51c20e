"""What far means to a network: noise stands in for source images that nobody has."""

from pathlib import Path

import numpy as np
import pytest

from regraft.network import backbone as backbones
from regraft.network.cuts import trace
from regraft.recipe import Recipe
from regraft.similarity.shift import unit_of
from regraft.similarity.yardstick import noise, unit_of_noise


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path))


def units(name: str, weights: str | None = None) -> tuple[float | None, float | None]:
    """The unit by source images, and by noise."""
    backbone = backbones.load(name, weights)
    traced = trace(backbone.model, backbone.preprocessing.size)
    return unit_of(traced.cuts, backbone.statistics), unit_of_noise(backbone, traced, Recipe(backbone=name))


def test_noise_is_as_far_away_as_shrunk_source_images() -> None:
    of_source, of_noise = units("embedded")
    assert of_source is not None
    assert of_noise == pytest.approx(of_source, rel=0.3)


def test_noise_is_as_far_away_for_squeezenet(imagenet_weights: Path) -> None:
    of_source, of_noise = units("torchvision/squeezenet1_1", str(imagenet_weights))
    assert of_source is not None
    assert of_noise == pytest.approx(of_source, rel=0.3)


def test_the_noise_is_always_the_same_and_blurred() -> None:
    pictures = noise(20, 8)
    assert pictures.shape == (20, 8, 8, 3)
    assert np.array_equal(pictures, noise(20, 8))
    values = pictures.astype(float)
    assert 40 < values.std() < 70
    neighbours = np.corrcoef(values[:, :, 1:].ravel(), values[:, :, :-1].ravel())[0, 1]
    colours = np.corrcoef(values[..., 0].ravel(), values[..., 2].ravel())[0, 1]
    assert neighbours > 0.3
    assert colours > 0.7
