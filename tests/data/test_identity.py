"""What makes two files the same image: a JPEG's compressed pixels, any other's decoded ones."""

import io

import numpy as np
from conftest import picture
from odd import saved
from PIL import Image

from regraft.data.decoding import decode_for
from regraft.data.identity import IDENTITY, identity_of

PICTURE = picture(0, 0, 64)


def identity(data: bytes | Image.Image, side: int | None = None) -> str:
    return identity_of(data, decode_for(data, side))


def exif(**tags: object) -> Image.Exif:
    made = Image.Exif()
    for name, value in tags.items():
        made[{"orientation": 0x0112, "description": 0x010E}[name]] = value
    return made


def test_what_a_jpeg_says_beside_its_pixels_does_not_count() -> None:
    plain = saved(PICTURE, "JPEG")
    described = [
        saved(PICTURE, "JPEG", exif=exif(description="a holiday")),
        saved(PICTURE, "JPEG", comment=b"of last summer"),
        saved(PICTURE, "JPEG", icc_profile=b"some profile"),
    ]
    assert len({plain, *described}) == 4
    assert {identity(data) for data in described} == {identity(plain)}


def test_a_jpeg_on_its_side_is_another_image() -> None:
    upright, turned = (saved(PICTURE, "JPEG", exif=exif(orientation=way)) for way in (1, 6))
    assert identity(upright) == identity(saved(PICTURE, "JPEG"))
    assert identity(turned) != identity(upright)


def test_a_jpeg_that_was_encoded_anew_is_another_image() -> None:
    first = saved(PICTURE, "JPEG", quality=90)
    again = saved(Image.open(io.BytesIO(first)), "JPEG", quality=80)
    other = saved(PICTURE, "JPEG", quality=90, progressive=True)
    assert len({identity(data) for data in (first, again, other, saved(picture(0, 1, 64), "JPEG", quality=90))}) == 4


def test_a_jpeg_that_is_shrunk_while_it_is_decoded_is_the_same_image() -> None:
    data = saved(PICTURE, "JPEG")
    assert decode_for(data, 16).image.size < PICTURE.size
    assert identity(data, 16) == identity(data)


def test_files_of_the_same_pixels_are_the_same_image() -> None:
    forms = [saved(PICTURE, "PNG"), saved(PICTURE, "PNG", compress_level=0), saved(PICTURE, "BMP"), PICTURE]
    assert len({identity(data) for data in forms}) == 1
    changed = np.asarray(PICTURE).copy()
    changed[0, 0, 0] ^= 1
    assert identity(saved(Image.fromarray(changed), "PNG")) != identity(forms[0])


def test_a_jpeg_that_is_cut_short_has_an_identity_too() -> None:
    data = saved(PICTURE, "JPEG")
    whole = decode_for(data, None)
    found = {identity_of(data[:end], whole) for end in (2, 3, 5, 30, 200, len(data))}
    assert len(found) == 6
    assert IDENTITY == 2  # a change of what is hashed needs another number
