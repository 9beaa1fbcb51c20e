"""Pixels are those of torchvision's Resize and CenterCrop, though both are done at once."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from torchvision.transforms import v2

from regraft.network.preprocessing import RESAMPLING, SQUASH, Preprocessing, from_dict

SIDES = st.integers(10, 150)  # the middle is cut out of what is longer than LONGEST


def noise(width: int, height: int, seed: int = 0) -> Image.Image:
    """Far from black and white: where a filter overshoots, it matters which side Pillow resizes first."""
    pixels = np.random.default_rng(seed).integers(80, 176, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def theirs(preprocessing: Preprocessing, image: Image.Image) -> np.ndarray:
    side = [preprocessing.side] * (2 if preprocessing.crop_mode == SQUASH else 1)
    resize = v2.Resize(side, v2.InterpolationMode(preprocessing.interpolation), antialias=True)
    return np.asarray(v2.CenterCrop(preprocessing.size)(resize(image)))


@settings(max_examples=40, deadline=None)
@given(SIDES, SIDES, st.integers(9, 90), st.sampled_from([1.0, 0.95, 0.875]), st.sampled_from(["center", SQUASH]))
@pytest.mark.parametrize("interpolation", RESAMPLING)
def test_hardly_a_pixel_differs_by_more_than_a_level(
    interpolation: str, width: int, height: int, size: int, share: float, mode: str
) -> None:
    preprocessing = Preprocessing(size, share, interpolation, crop_mode=mode)
    image = noise(width, height)
    found = preprocessing.pixels(image)
    assert (found.shape, found.dtype) == ((size, size, 3), np.uint8)
    apart = np.abs(found.astype(int) - theirs(preprocessing, image))
    assert apart.max() <= 2
    assert (apart > 1).mean() < 0.02
    assert preprocessing.resize(image).size == preprocessing.resized(width, height)


def test_an_image_that_the_decoder_shrank_is_seen_as_the_whole_one() -> None:
    preprocessing, ramp = Preprocessing(32, 1.0), np.linspace(0, 255, 403)
    whole = Image.fromarray(np.broadcast_to(ramp[None, :, None], (201, 403, 3)).astype(np.uint8))
    shrunk = whole.resize((202, 101), Image.Resampling.BOX, (0, 0, 404 - 1, 202 - 1))
    found, expected = preprocessing.pixels(shrunk, whole.size), preprocessing.pixels(whole)
    assert np.abs(found.astype(int) - expected).max() <= 2


def test_tensors_are_normalised_pixels() -> None:
    preprocessing, image = Preprocessing(24, mean=(0.5, 0.4, 0.3), std=(0.2, 0.3, 0.4)), noise(40, 31)
    pixels = torch.from_numpy(preprocessing.pixels(image).copy())
    usual = v2.Compose([v2.ToDtype(torch.float32, scale=True), v2.Normalize([0.5, 0.4, 0.3], [0.2, 0.3, 0.4])])
    expected = usual(pixels.permute(2, 0, 1))
    torch.testing.assert_close(preprocessing.normalise(pixels[None])[0], expected)
    torch.testing.assert_close(preprocessing.transform()(image), expected)
    assert from_dict(preprocessing.as_dict()) == preprocessing
