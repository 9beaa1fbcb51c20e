import io

import numpy as np
import pytest
from PIL import Image

from regraft.data.decoding import Undecodable, decode


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
