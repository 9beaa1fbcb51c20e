"""Small pictures laid over each other."""

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageOps
from scenes import scene

from regraft.features.alignment import SIDE, Alignment, Outline, align


def outline(image: Image.Image) -> Outline:
    return Outline(np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BILINEAR)))


def aligned(one: Image.Image, other: Image.Image) -> Alignment:
    return align(outline(one), outline(other))


@pytest.mark.parametrize(
    "copy",
    [
        lambda image: image.resize((120, 90)),
        lambda image: image.crop((10, 5, 230, 170)),
        lambda image: image.crop((0, 0, 204, 153)),
        ImageOps.mirror,
        lambda image: ImageOps.mirror(image.crop((10, 10, 230, 175))),
        lambda image: ImageEnhance.Brightness(image).enhance(0.6),
        lambda image: ImageEnhance.Contrast(image).enhance(0.6),
    ],
)
def test_the_same_picture(copy) -> None:  # type: ignore[no-untyped-def]
    image = scene(1)
    found = aligned(image, copy(image))
    assert found.correlation > 0.8
    assert found.within


@pytest.mark.parametrize("by", [(12, 0), (0, 12), (30, 20)])
def test_shifted_frames_are_not_within_each_other(by: tuple[int, int]) -> None:
    wide = scene(2)
    x, y = by
    found = aligned(wide.crop((0, 0, 200, 150)), wide.crop((x, y, 200 + x, 150 + y)))
    assert found.correlation > 0.75
    assert not found.within


def test_others_and_flat_pictures_do_not_agree() -> None:
    pictures = [outline(scene(seed)) for seed in range(10)]
    assert max(align(a, b).correlation for a in pictures for b in pictures if a is not b) < 0.5
    flat = Outline(np.full((SIDE, SIDE), 128, np.uint8))
    assert align(flat, flat).correlation < 0.01
    assert align(flat, pictures[0]).correlation < 0.1


def test_the_order_of_two_does_not_matter() -> None:
    one, other = outline(scene(3)), outline(scene(3).crop((10, 10, 220, 170)))
    assert align(one, other) == align(other, one)
