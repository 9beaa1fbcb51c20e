"""Odd and bad images, one line each: what comes in, and exactly what becomes of it."""

import io
import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import picture
from hypothesis import given, settings
from hypothesis import strategies as st
from odd import JPEG, PNG, pack_zip, rows_of, saved
from PIL import Image

from regraft.data.content import Given, as_image, hash_of
from regraft.data.decoding import Undecodable, decode
from regraft.data.find import find_images
from regraft.data.readers.memory import from_arrays
from regraft.data.scan import scan
from regraft.errors import DataError
from regraft.network.preprocessing import Preprocessing

Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]


def sideways(orientation: int) -> bytes:
    image = Image.new("RGB", (6, 4), "black")
    image.putpixel((0, 0), (255, 255, 255))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return saved(image, "PNG", exif=exif)


def with_palette(**options: object) -> bytes:
    image = Image.new("P", (4, 4), 1)
    image.putpalette([9, 9, 9, 10, 20, 30] + [0] * 762)
    return saved(image, "PNG", **options)


COLOUR = Image.new("RGB", (8, 8), (200, 100, 50))


GREY = np.full((8, 8), 100)


RED, WHITE = (255, 0, 0), (255, 255, 255)


CONVERTED: dict[str, tuple[bytes, tuple[int, int], tuple[int, int, int], int]] = {
    # bytes, size, first pixel, tolerance of a lossy format
    "plain png": (saved(COLOUR, "PNG"), (8, 8), (200, 100, 50), 0),
    "bmp": (saved(COLOUR, "BMP"), (8, 8), (200, 100, 50), 0),
    "tiff": (saved(COLOUR, "TIFF"), (8, 8), (200, 100, 50), 0),
    "tiff, lzw": (saved(COLOUR, "TIFF", compression="tiff_lzw"), (8, 8), (200, 100, 50), 0),
    "ppm": (saved(COLOUR, "PPM"), (8, 8), (200, 100, 50), 0),
    "tga": (saved(COLOUR, "TGA"), (8, 8), (200, 100, 50), 0),
    "webp": (saved(COLOUR, "WEBP", lossless=True), (8, 8), (200, 100, 50), 0),
    "avif": (saved(COLOUR.resize((16, 16)), "AVIF"), (16, 16), (200, 100, 50), 6),
    "jpeg 2000": (saved(COLOUR, "JPEG2000"), (8, 8), (200, 100, 50), 2),
    "jpeg": (saved(COLOUR, "JPEG", quality=95), (8, 8), (200, 100, 50), 3),
    "progressive jpeg": (saved(COLOUR, "JPEG", quality=95, progressive=True), (8, 8), (200, 100, 50), 3),
    "grey jpeg": (saved(Image.new("L", (8, 8), 77), "JPEG"), (8, 8), (77, 77, 77), 2),
    "cmyk jpeg": (saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "JPEG"), (8, 8), RED, 3),
    "cmyk tiff": (saved(Image.new("CMYK", (8, 8), (0, 255, 255, 0)), "TIFF"), (8, 8), RED, 3),
    "turned by a quarter": (sideways(6), (4, 6), (0, 0, 0), 0),
    "turned upside down": (sideways(3), (6, 4), (0, 0, 0), 0),
    "mirrored": (sideways(2), (6, 4), (0, 0, 0), 0),
    "black and white": (saved(Image.new("1", (8, 8), 1), "PNG"), (8, 8), WHITE, 0),
    "grey": (saved(Image.new("L", (8, 8), 7), "PNG"), (8, 8), (7, 7, 7), 0),
    "grey with alpha": (saved(Image.new("LA", (8, 8), (0, 0)), "PNG"), (8, 8), WHITE, 0),
    "transparent": (saved(Image.new("RGBA", (8, 8), (255, 0, 0, 0)), "PNG"), (8, 8), WHITE, 0),
    "half transparent": (saved(Image.new("RGBA", (8, 8), (255, 0, 0, 128)), "PNG"), (8, 8), (255, 127, 127), 1),
    "palette": (with_palette(), (4, 4), (10, 20, 30), 0),
    "palette, one colour transparent": (with_palette(transparency=1), (4, 4), WHITE, 0),
    "16-bit grey": (saved(Image.fromarray((GREY * 257).astype(np.uint16)), "PNG"), (8, 8), (100, 100, 100), 0),
    "16-bit grey tiff": (saved(Image.fromarray((GREY * 257).astype(np.uint16)), "TIFF"), (8, 8), (100, 100, 100), 0),
    "32-bit grey": (saved(Image.fromarray((GREY * 257).astype(np.int32)), "TIFF"), (8, 8), (100, 100, 100), 0),
    "floats in 0..1": (saved(Image.fromarray((GREY / 250).astype(np.float32)), "TIFF"), (8, 8), (102, 102, 102), 0),
    "floats in 0..255": (saved(Image.fromarray(GREY.astype(np.float32)), "TIFF"), (8, 8), (100, 100, 100), 0),
    "animated gif": (
        saved(Image.new("RGB", (8, 8), "red"), "GIF", save_all=True, append_images=[COLOUR.copy()]), (8, 8), RED, 0,
    ),
    "animated webp": (
        saved(Image.new("RGB", (8, 8), "red"), "WEBP", save_all=True, append_images=[COLOUR.copy()], lossless=True),
        (8, 8), RED, 0,
    ),
    "tiff of several pages": (
        saved(Image.new("RGB", (8, 8), "red"), "TIFF", save_all=True, append_images=[COLOUR.copy()]), (8, 8), RED, 0,
    ),
    "one pixel": (saved(COLOUR.resize((1, 1)), "PNG"), (1, 1), (200, 100, 50), 0),
    "one row": (saved(COLOUR.resize((300, 1)), "PNG"), (300, 1), (200, 100, 50), 0),
    "bytes after the end": (saved(COLOUR, "PNG") + b"trailing", (8, 8), (200, 100, 50), 0),
    "png named as jpeg": (saved(COLOUR, "PNG"), (8, 8), (200, 100, 50), 0),
}  # fmt: skip


REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "one byte": (b"x", "not an image"),
    "text": (b"hello", "not an image"),
    "zero bytes": (bytes(4000), "not an image"),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "not an image"),
    "web page": (b"<!doctype html><title>404</title>", "not an image"),
    "pdf": (b"%PDF-1.7\n", "not an image"),
    "half a jpeg": (JPEG[: len(JPEG) // 2], "truncated"),
    "half a png": (PNG[: len(PNG) // 2], "truncated"),
    "head of a jpeg": (JPEG[:20], "not an image"),
    "jpeg without its head": (JPEG[100:], "not an image"),
    "numbers that are none": (saved(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF"), "not a number"),
}


@pytest.mark.parametrize("kind", CONVERTED)
def test_converted(kind: str) -> None:
    data, size, pixel, tolerance = CONVERTED[kind]
    image = decode(data)
    assert (image.mode, image.size) == ("RGB", size)
    assert np.abs(np.array(image.getpixel((0, 0))) - pixel).max() <= tolerance


@pytest.mark.parametrize("kind", REFUSED)
def test_refused(kind: str) -> None:
    data, expected = REFUSED[kind]
    with pytest.raises(Undecodable) as caught:
        decode(data)
    assert caught.value.kind == expected
    assert str(caught.value)


def test_orientation_moves_the_corner() -> None:
    corners = {3: (5, 3), 6: (3, 0), 8: (0, 5), 2: (5, 0)}
    for orientation, corner in corners.items():
        assert decode(sideways(orientation)).getpixel(corner) == WHITE


def test_heic_without_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "pillow_heif", None)
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    with pytest.raises(Undecodable, match=r"regraft\[heif\]"):
        decode(b"\0\0\0\x18ftypheic\0\0\0\0heicmif1")


def test_an_image_of_too_many_pixels_is_refused_unless_allowed(regraft: Regraft, make_folder: Make) -> None:
    root = make_folder(each=6)
    picture(0, 50, 80).save(root / "class0" / "large.png")
    pillows_own = Image.MAX_IMAGE_PIXELS
    code, out, _ = regraft("scan", root, "--json", "--max-pixels", 5000)
    assert code == 0
    assert [(f["path"], f["kind"]) for f in json.loads(out)["faults"]] == [("class0/large.png", "too large")]
    assert json.loads(regraft("scan", root, "--json", "--max-pixels", 7000)[1])["left_out"] == 0
    looked = regraft("plan", root, "--json", "--quiet")  # and when its features are known already
    assert looked[0] == 0, looked[2]
    code, out, _ = regraft("plan", root, "--json", "--quiet", "--max-pixels", 5000)
    assert [f["path"] for f in json.loads(out)["faults"] if f["kind"] == "too large"] == ["class0/large.png"]
    assert pillows_own == Image.MAX_IMAGE_PIXELS  # other code in this process keeps its limit


MEMORY: dict[str, tuple[object, tuple[int, int, int] | None]] = {
    "grey": (np.full((4, 5), 9, np.uint8), (9, 9, 9)),
    "colour": (np.full((4, 5, 3), 9, np.uint8), (9, 9, 9)),
    "one channel": (np.full((4, 5, 1), 9, np.uint8), (9, 9, 9)),
    "bool": (np.ones((4, 5), bool), WHITE),
    "16 bits": (np.full((4, 5), 65535, np.uint16), WHITE),
    "floats": (np.full((4, 5, 3), 0.2), (51, 51, 51)),
    "floats beyond 1": (np.full((4, 5), 7.0), None),
    "no numbers": (np.full((4, 5), np.nan), None),
    "two channels": (np.zeros((4, 5, 2), np.uint8), None),
    "a vector": (np.zeros(5, np.uint8), None),
    "nothing": (np.zeros((0, 5), np.uint8), None),
    "large integers": (np.zeros((4, 5), np.int64), None),
}


@pytest.mark.parametrize("kind", MEMORY)
def test_pixels_in_memory(kind: str) -> None:
    value, pixel = MEMORY[kind]
    if pixel is None:
        with pytest.raises(Undecodable):
            as_image(value)
    else:
        image = decode(Given(lambda: value).read())
        assert image.size == (5, 4)
        assert image.getpixel((0, 0)) == pixel


def test_python_images_that_fail_are_left_out(make_folder: Make) -> None:
    half = Image.open(io.BytesIO(JPEG[:900]))
    odd = [
        half,
        torch.zeros(3, 8, 8, requires_grad=True),
        torch.zeros(3, 8, 8, dtype=torch.bfloat16),
        [[1], [1, 2]],
        None,
    ]
    good = [np.full((8, 8), i, np.uint8) for i in range(8)]
    images = scan(from_arrays([*good, *odd], [i % 2 for i in range(13)], groups=["p", *[None] * 12]))
    assert {(fault.path, fault.kind) for fault in images.faults if fault.action == "left out"} == {
        ("08", "truncated"), ("11", "unreadable"), ("12", "no image"),
    }  # fmt: skip
    assert [file.group for file in images.files].count("p") == 1
    assert None in {file.group for file in images.files}


@pytest.mark.parametrize("labels", [[0, None], [0, float("nan")], np.eye(2)])
def test_labels_that_are_none(labels: Any) -> None:
    with pytest.raises(DataError, match="label"):
        from_arrays(np.zeros((2, 8, 8), np.uint8), labels)


def test_images_in_memory_are_turned_upright_too() -> None:
    turned = Image.open(io.BytesIO(sideways(6)))
    assert hash_of(turned) == hash_of(decode(sideways(6)))


def mutate(data: bytes, draw: random.Random) -> bytes:
    """Cut, change, repeat or insert bytes."""
    out = bytearray(data)
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(len(out)) if out else 0
        match draw.randrange(4):
            case 0:
                del out[at:]
            case 1 if out:
                out[at] = draw.randrange(256)
            case 2:
                out[at:at] = draw.randbytes(draw.randint(1, 20))
            case _:
                out[at:at] = out[at : at + draw.randint(1, 50)]
    return bytes(out)


def test_two_thousand_mutated_files_crash_nothing(make_folder: Make, tmp_path: Path) -> None:
    draw = random.Random(0)
    root = make_folder(each=2)
    archive = pack_zip(root).read_bytes()
    table = "\n".join(["image,label", *rows_of(root, 2)]).encode()
    outcomes = {"image": 0, "fault": 0, "set": 0, "refused": 0}
    for number in range(2000):
        kind = number % 4
        data = mutate((JPEG, PNG, archive, table)[kind], draw)
        try:
            if kind < 2:
                decode(data)
                outcomes["image"] += 1
            else:
                path = root / ("m.zip" if kind == 2 else "m.csv")
                path.write_bytes(data)
                scan(path)
                outcomes["set"] += 1
        except Undecodable:
            outcomes["fault"] += 1
        except DataError:
            outcomes["refused"] += 1
    assert sum(outcomes.values()) == 2000
    assert min(outcomes.values()) > 20


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_a_table_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("t") / "t.csv"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    with pytest.raises(DataError):
        find_images(path)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.sampled_from(["L", "RGB", "RGBA", "1", "P", "LA", "CMYK"]))
def test_any_size_and_mode_is_decoded_upright(width: int, height: int, mode: str) -> None:
    image = Image.effect_noise((width, height), 60).convert("RGB").convert(mode)
    data = saved(image, "TIFF" if mode == "CMYK" else "PNG")
    found = decode(data)
    assert (found.mode, found.size) == ("RGB", (width, height))


def test_a_very_long_image_does_not_grow_out_of_bounds() -> None:
    preprocessing = Preprocessing(96)
    assert preprocessing.transform()(Image.new("RGB", (2, 30_000), WHITE)).shape == (3, 96, 96)
    assert max(preprocessing.resize(Image.new("RGB", (2, 30_000))).size) <= 109 * 16
    assert preprocessing.resize(Image.new("RGB", (40, 90))).size == (109, 245)


def test_both_sides_are_resized_where_the_network_was_trained_so() -> None:
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, :8] = pixels[:, -8:] = 255  # what a centre crop leaves out
    seen = {
        mode: Preprocessing(32, crop_share=1.0, crop_mode=mode).transform()(Image.fromarray(pixels))
        for mode in ("center", "squash")
    }
    assert all(image.shape == (3, 32, 32) for image in seen.values())
    assert seen["center"].max() < 0 < seen["squash"].max()
