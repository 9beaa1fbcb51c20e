import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from regraft.data.decoding import Undecodable, decode, decode_for
from regraft.network.preprocessing import Preprocessing


def encoded(image: Image.Image, format_: str, **options: object) -> bytes:
    data = io.BytesIO()
    image.save(data, format_, **options)
    return data.getvalue()


def test_transparency_lies_over_white() -> None:
    image = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert decode(encoded(image, "PNG")).getpixel((0, 0)) == (255, 255, 255)


def test_palette_with_transparency() -> None:
    image = Image.new("P", (4, 4), 0)
    image.putpalette([10, 20, 30] + [0] * 765)
    assert decode(encoded(image, "PNG")).getpixel((0, 0)) == (10, 20, 30)
    assert decode(encoded(image, "PNG", transparency=0)).getpixel((0, 0)) == (255, 255, 255)


def test_deep_grey_is_scaled_and_not_clipped() -> None:
    ramp = Image.fromarray(np.array([[0, 257 * 100, 65535]], dtype=np.uint16))
    assert [decode(encoded(ramp, "PNG")).getpixel((x, 0))[0] for x in range(3)] == [0, 100, 255]


def test_orientation_is_applied() -> None:
    image = Image.new("RGB", (8, 4), "black")
    exif = Image.Exif()
    exif[0x0112] = 6
    assert decode(encoded(image, "JPEG", exif=exif)).size == (4, 8)


def test_cmyk_becomes_rgb() -> None:
    assert decode(encoded(Image.new("CMYK", (4, 4), (0, 0, 0, 0)), "JPEG")).getpixel((0, 0)) == (255, 255, 255)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"", "empty"),
        (b"this is text", "not an image"),
        (encoded(Image.effect_noise((64, 64), 80).convert("RGB"), "JPEG")[:400], "truncated"),
        (encoded(Image.effect_noise((64, 64), 80), "PNG")[:300], "truncated"),
    ],
)
def test_broken_bytes_have_a_kind(data: bytes, kind: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decode(data)
    assert caught.value.kind == kind
    assert str(caught.value)


def smooth(width: int, height: int, seed: int = 0) -> Image.Image:
    """Like a photograph in that its waves are the weaker the shorter they are."""
    draw = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(width, height)
    pixels = np.full((height, width, 3), 128.0)
    for _ in range(30):
        across, down = draw.uniform(-20, 20, 2)
        wave = np.sin(2 * np.pi * (across * x + down * y + draw.random()))
        pixels += wave[..., None] * draw.uniform(-60, 60, 3) / (1 + np.hypot(across, down))
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:0"])
def test_a_jpeg_that_is_shrunk_while_it_is_decoded_looks_the_same(subsampling: str) -> None:
    for seed, (width, height) in enumerate([(640, 480), (517, 389), (300, 1001), (1024, 263)]):
        data = encoded(smooth(width, height, seed), "JPEG", quality=92, subsampling=subsampling)
        for size, share in ((128, 1.0), (224, 0.875), (64, 0.95)):
            preprocessing = Preprocessing(size, share)
            decoded, whole = decode_for(data, preprocessing.side), decode(data)
            assert decoded.original == whole.size == (width, height)
            found = preprocessing.pixels(decoded.image, decoded.original).astype(int)
            assert np.abs(found - preprocessing.pixels(whole)).mean() < 1.5


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(1, 200), st.sampled_from([1, 3, 6]))
def test_no_side_is_shrunk_below_what_is_needed(width: int, height: int, side: int, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    decoded = decode_for(encoded(Image.new("RGB", (width, height)), "JPEG", exif=exif), side)
    assert decoded.orientation == orientation
    assert decoded.original == ((height, width) if orientation == 6 else (width, height))
    for now, before in zip(decoded.image.size, decoded.original, strict=True):
        assert min(side, before) <= now <= before


def test_an_image_in_memory_stays_its_owners() -> None:
    data = encoded(smooth(400, 300), "JPEG")
    lazy = Image.open(io.BytesIO(data))
    decoded = decode_for(lazy, 64)
    assert decoded.image.size == lazy.size == (400, 300)
    assert np.array_equal(np.asarray(lazy), np.asarray(decode(data)))


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
def test_a_tiff_is_turned_once(orientation: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "TIFF", exif=exif)
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data.getvalue())))
    decoded = decode_for(data.getvalue(), 4)
    assert decoded.original == decoded.image.size == expected.size
    np.testing.assert_array_equal(np.asarray(decoded.image), np.asarray(expected))
