"""TIFFs of several bands, and deep ones: read to the bit, shown as asked, refused in words."""

import itertools
import struct
import zlib

import numpy as np
import pytest
from PIL import Image
from tiffs import DEFLATE, DIFFERENCES, FLOAT_DIFFERENCES, NONE, encoded, tiff

from regraft.data.decoding import Undecodable, decode, decode_for, kinds_in, sides_of
from regraft.data.many_bands import layout_of, numbers_of
from regraft.data.rendering import PLAIN, Range, Rendering

THREE = Rendering(three_of_four=True)


def random(dtype: str, bands: int, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "u":
        return draw.integers(0, np.iinfo(dtype).max, (37, 41, bands)).astype(dtype)
    return (draw.normal(0, 50, (37, 41, bands))).astype(dtype)


@pytest.mark.parametrize("dtype", ["u1", "u2", "i2", "u4", "f2", "f4", "f8"])
@pytest.mark.parametrize(("compression", "predictor"), [(NONE, 1), (DEFLATE, 1), (DEFLATE, 2)])
def test_every_layout_is_read_to_the_bit(dtype: str, compression: int, predictor: int) -> None:
    if predictor == DIFFERENCES and dtype.startswith("f"):
        predictor = FLOAT_DIFFERENCES
    for order, planar, tile, bands in itertools.product("<>", (1, 2), (0, 16), (2, 13)):
        values = random(dtype, bands)
        data = tiff(values, order, compression, predictor, planar, tile, photometric=1)
        layout = layout_of(data)
        assert layout is not None
        np.testing.assert_array_equal(numbers_of(data, layout, None).values, values)


@pytest.mark.parametrize(("mode", "predictor"), [("F", 3), ("I;16", 2), ("RGB", 2)])
@pytest.mark.parametrize("compression", ["tiff_lzw", "tiff_adobe_deflate", "zstd"])
def test_what_libtiff_wrote_is_read_alike(mode: str, predictor: int, compression: str) -> None:
    kinds = {"F": random("f4", 1)[:, :, 0], "I;16": random("u2", 1)[:, :, 0], "RGB": random("u1", 3)}
    data = encoded(kinds[mode], "TIFF", compression=compression, tiffinfo={317: predictor})
    layout = layout_of(data)
    assert layout is not None
    np.testing.assert_array_equal(np.squeeze(numbers_of(data, layout, None).values), kinds[mode])


def test_a_fourth_band_is_transparency_only_where_the_file_says_so() -> None:
    values = random("u1", 4)
    said, unsaid = tiff(values, extra=(2,)), tiff(values)
    shown = np.asarray(decode(unsaid, rendering=THREE))
    np.testing.assert_array_equal(shown, values[:, :, :3])
    over_white = np.asarray(decode(said, rendering=THREE)).astype(float)
    alpha = values[:, :, 3:] / 255
    np.testing.assert_allclose(over_white, values[:, :, :3] * alpha + 255 * (1 - alpha), atol=2)
    np.testing.assert_array_equal(np.asarray(decode(unsaid)), over_white)  # as runs of before took it
    assert (known := decode_for(unsaid, None).depth) is not None
    assert not known.known


def test_bands_are_named() -> None:
    values = random("u1", 13)
    data = tiff(values, extra=(0,) * 10)
    with pytest.raises(Undecodable, match="13 bands; name one or three to show, as --bands 3,2,1"):
        decode(data)
    for bands in ((4, 3, 2), (13, 1, 1)):
        shown = np.asarray(decode(data, rendering=Rendering(bands=bands)))
        np.testing.assert_array_equal(shown, values[:, :, [band - 1 for band in bands]])
    grey = np.asarray(decode(data, rendering=Rendering(bands=(8,))))
    np.testing.assert_array_equal(grey, np.repeat(values[:, :, 7:8], 3, axis=2))
    with pytest.raises(Undecodable, match="it has 13 bands; --bands asks for number 14"):
        decode(data, rendering=Rendering(bands=(1, 2, 14)))
    assert sides_of(data) == (41, 37)


def test_bands_are_named_of_other_formats_too() -> None:
    values = random("u1", 3)
    for form in ("PNG", "TIFF", "BMP"):
        shown = np.asarray(decode(encoded(values, form), rendering=Rendering(bands=(3, 2, 1))))
        np.testing.assert_array_equal(shown, values[:, :, ::-1])
    with pytest.raises(Undecodable, match="it has 1 band; --bands asks for number 3"):
        decode(encoded(values[:, :, 0], "PNG"), rendering=Rendering(bands=(3, 2, 1)))


def test_deep_colour_takes_the_range_of_its_set() -> None:
    values = np.random.default_rng(1).integers(0, 4096, (20, 30, 3)).astype(np.uint16)
    scale = Rendering((Range("16-bit colour", 0, 4095),))
    shown = np.asarray(decode(tiff(values), rendering=scale)).astype(float)
    np.testing.assert_allclose(shown, values * (255 / 4095), atol=0.51)
    assert np.asarray(decode(tiff(values))).max() == 15  # the upper byte, as before
    usual = Rendering((Range("16-bit colour", 0, 65535),))
    assert decode(tiff(values), rendering=usual).tobytes() == decode(tiff(values)).tobytes()


def test_a_deep_tiff_is_turned_once() -> None:
    values = np.random.default_rng(1).integers(0, 4096, (20, 30, 3)).astype(np.uint16)
    scale = Rendering((Range("16-bit colour", 0, 4095),))
    upright = np.asarray(decode(tiff(values), rendering=scale))
    turned = decode_for(tiff(values, orientation=6), None, rendering=scale)
    assert turned.original == (20, 30)
    np.testing.assert_array_equal(np.asarray(turned.image), np.rot90(upright, -1))


def test_kinds_of_numbers_that_pillow_has_not_are_named() -> None:
    for dtype, kind in (("f2", "float grey"), ("u8", "64-bit grey")):
        values = np.random.default_rng(1).integers(0, 2000, (20, 30, 1)).astype(dtype)
        data = tiff(values, photometric=1)
        assert kinds_in(data, PLAIN) == (kind,)
        shown = np.asarray(decode(data, rendering=Rendering((Range(kind, 0, 2000),))))[:, :, :1]
        np.testing.assert_allclose(shown, values.astype(float) * (255 / 2000), atol=0.51)


def test_sizes_are_checked_before_anything_is_unpacked() -> None:
    with pytest.raises(Undecodable, match="more than 100 pixels"):
        decode(tiff(random("u2", 13)), max_pixels=100, rendering=Rendering(bands=(1, 2, 3)))


def test_damaged_ones_have_a_reason_in_words() -> None:
    whole = tiff(random("u2", 7), compression=DEFLATE)
    draw = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(whole)
        for place in draw.integers(8, len(whole), 40):
            damaged[place] = draw.integers(256)
        try:
            decode(bytes(damaged), 10**6, Rendering(bands=(1, 2, 3)))
        except Undecodable as error:
            assert "error -" not in str(error)
            assert any(letter.isalpha() for letter in str(error))


def test_ordinary_tiffs_are_read_as_ever() -> None:
    for mode in ("1", "L", "P", "RGB", "RGBA", "LA", "CMYK"):
        image = Image.effect_noise((24, 18), 80).convert(mode)
        data = encoded(image, "TIFF")
        for rendering in (PLAIN, THREE):
            assert decode(data, rendering=rendering).tobytes() == decode(image).tobytes()


@pytest.mark.parametrize("bands", [3, 4])
def test_deep_colour_pngs_take_the_range_of_their_set(bands: int) -> None:
    values = np.random.default_rng(1).integers(0, 4096, (20, 30, bands)).astype(np.uint16)
    values[:, :, 3:] = 65535
    data = png(values)
    assert kinds_in(data, PLAIN) == ("16-bit colour",)
    shown = np.asarray(decode(data, rendering=Rendering((Range("16-bit colour", 0, 4095),)))).astype(float)
    np.testing.assert_allclose(shown, values[:, :, :3] * (255 / 4095), atol=0.51)
    assert np.asarray(decode(data)).max() == 15  # the upper byte, as before


def png(values: np.ndarray) -> bytes:
    """A colour PNG of 16 bits, which Pillow does not write."""
    height, width, bands = values.shape
    rows = values.astype(">u2").reshape(height, -1).view(np.uint8)
    packed = zlib.compress(np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes())
    head = struct.pack(">LLBBBBB", width, height, 16, {3: 2, 4: 6}[bands], 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", packed), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">L", len(body)) + name + body + struct.pack(">L", zlib.crc32(name + body)) for name, body in chunks
    )
