"""One range for a set: measured, written with the run, used for what comes later; 8 bits are left alone."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from PIL import Image
from tiffs import encoded, tiff

from regraft.data.decoding import decode
from regraft.data.find import find_images
from regraft.data.images import Fault, ImageSet
from regraft.data.pixel_range import measured, rounded, whole_bits
from regraft.data.readers.memory import from_arrays
from regraft.data.rendering import PLAIN, Range, Rendering, from_dict
from regraft.data.scan import scan
from regraft.errors import RecipeError
from regraft.recipe import Reading

Make = Callable[..., Path]
Numbers = Callable[[np.ndarray, int], np.ndarray]  # grey pixels in 0..1 and the image's number -> what is written


def write(root: Path, numbers: Numbers, suffix: str = "png", each: int = 10) -> Path:
    """Two classes of noisy stripes, as numbers of any depth."""
    for kind in range(2):
        (root / f"class{kind}").mkdir(parents=True)
        for i in range(each):
            grey = stripes(kind, i)
            Image.fromarray(numbers(grey, i)).save(root / f"class{kind}" / f"{i:03d}.{suffix}")
    return root


def stripes(kind: int, number: int) -> np.ndarray:
    grey = np.asarray(picture(kind, number).convert("L")).astype(float)
    return (grey - grey.min()) / (grey.max() - grey.min())


def twelve_bits(grey: np.ndarray, number: int) -> np.ndarray:
    return (grey * 4095).astype(np.uint16)


def tomography(grey: np.ndarray, number: int) -> np.ndarray:
    return (32768 - 150 + 500 * grey).astype(np.uint16)


def reflectance(grey: np.ndarray, number: int) -> np.ndarray:
    values = (0.9 * grey).astype(np.float32)
    if number % 2:
        values[3, 3] = 1.3
    return values


def counts(grey: np.ndarray, number: int) -> np.ndarray:
    return (2_000_000 * grey + 1_000_000).astype(np.int32)


@pytest.mark.parametrize(
    ("numbers", "suffix", "kind", "low", "high"),
    [
        (twelve_bits, "png", "16-bit grey", 0, 4095),
        (twelve_bits, "tif", "16-bit grey", 0, 4095),
        (tomography, "png", "16-bit grey", 32618, 33118),
        (reflectance, "tif", "float grey", 0, 1),
        (counts, "tif", "32-bit grey", 1_000_000, 3_000_000),
    ],
)
def test_the_range_is_the_sets_own(
    numbers: Numbers, suffix: str, kind: str, low: float, high: float, tmp_path: Path
) -> None:
    images = scan(write(tmp_path / "data", numbers, suffix))
    assert images.faults == ()
    (scale,) = images.rendering.ranges
    assert scale.kind == kind
    assert abs(scale.low - low) <= 0.2 * (high - low)
    assert abs(scale.high - high) <= 0.2 * (high - low)
    levels = [len(np.unique(np.asarray(shown(images, row)))) for row in range(len(images.files))]
    assert min(levels) > 60


def shown(images: ImageSet, row: int) -> Image.Image:
    return decode(images.files[row].content.read(), None, images.rendering)


def test_what_tells_images_apart_is_kept(tmp_path: Path) -> None:
    """Class 1 is class 0 at half the brightness, which a range of its own for each image would undo."""
    images = scan(write(tmp_path / "data", lambda grey, i: ((1 + i % 2) * 1000 * grey).astype(np.int32), "tif"))
    means = np.array([np.asarray(shown(images, row)).mean() for row in range(20)])
    np.testing.assert_allclose(means[1::2] / means[::2], 2, rtol=0.2)


def test_eight_bits_and_full_16_are_left_alone(make_folder: Make, tmp_path: Path) -> None:
    assert scan(make_folder()).rendering == PLAIN
    images = scan(write(tmp_path / "full", lambda grey, i: (grey * 65535).astype(np.uint16)))
    assert images.rendering.ranges == (Range("16-bit grey", 0, 65535),)
    assert images.rendering.key == ()  # features of before stay valid
    for row in range(3):
        assert shown(images, row).tobytes() == decode(images.files[row].content.read()).tobytes()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("100,4000", (100, 4000)),
        ("-1 1.5", (-1, 1.5)),
        ("bits", (0, 65535)),
        ("percentile", (32618, 33118)),
        ("auto", (32618, 33118)),
    ],
)
def test_the_range_is_asked_for(text: str, expected: tuple[float, float], tmp_path: Path) -> None:
    images = scan(write(tmp_path / "data", tomography), Reading(pixel_range=text))
    (scale,) = images.rendering.ranges
    assert (scale.low, scale.high) == pytest.approx(expected, abs=80)


@pytest.mark.parametrize(
    "settings",
    [{"pixel_range": "wide"}, {"pixel_range": "5,1"}, {"pixel_range": "0,nan"}, {"pixel_range": "1,2,3"}]
    + [{"bands": text} for text in ("", "0", "1,2", "1,2,3,4", "a,b,c", "-1")]
    + [{"background": "pink"}],
)
def test_ranges_and_bands_that_are_none_are_refused(settings: dict[str, str]) -> None:
    with pytest.raises(RecipeError, match=r"--(range|bands|background) is"):
        Reading(**settings)


def test_whole_bits_and_round_numbers() -> None:
    assert whole_bits(0, 255, floats=False) == (0, 255)
    assert whole_bits(3, 4000, floats=False) == (0, 4095)
    assert whole_bits(-900, 2000, floats=False) == (-4095, 4095)
    assert whole_bits(0.1, 0.9, floats=True) == (0, 1)
    assert whole_bits(-0.1, 0.9, floats=True) == (-1, 1)
    for low, high in ((0.013, 0.2), (32_618, 33_118), (5, 5), (-1024, 3071), (0, 0)):
        wide_low, wide_high = rounded(low, high)
        assert wide_low <= low
        assert wide_high >= high
        assert wide_high > wide_low


def kinds(images: ImageSet) -> dict[str, list[Fault]]:
    found: dict[str, list[Fault]] = {}
    for fault in images.faults:
        found.setdefault(fault.kind, []).append(fault)
    return found


def test_images_of_another_range_are_faults(tmp_path: Path) -> None:
    def numbers(grey: np.ndarray, number: int) -> np.ndarray:
        return (grey * (65535 if number < 6 else 255)).astype(np.uint16)

    faults = kinds(scan(write(tmp_path / "data", numbers)))
    assert {fault.path[-7:-4] for fault in faults["other range"]} == {"006", "007", "008", "009"}
    assert "leave 1 of 256 grey levels in the set's range 0 to 65,535" in faults["other range"][0].reason


def test_images_with_few_grey_levels_are_faults(tmp_path: Path) -> None:
    faults = kinds(scan(write(tmp_path / "data", lambda grey, i: (grey * (9 if i == 4 else 4095)).astype(np.uint16))))
    assert {fault.path for fault in faults["few grey levels"]} == {"class0/004.png", "class1/004.png"}


def test_mixed_depths_are_a_fault(tmp_path: Path) -> None:
    root = write(tmp_path / "data", twelve_bits)
    for i in range(3):
        picture(0, i).save(root / "class0" / f"{i:03d}.png")
    (fault,) = kinds(scan(root))["mixed depths"]
    assert "3 of 20 images looked at are 8-bit, 17 are 16-bit grey" in fault.reason


def test_a_few_deep_images_among_many_are_measured(make_folder: Make) -> None:
    root = make_folder(each=60)
    for i in (3, 41):
        grey = stripes(0, i)
        (root / "class0" / f"{i:03d}.png").write_bytes(encoded(twelve_bits(grey, i), "PNG"))
    images = scan(root)
    assert images.rendering.ranges == (Range("16-bit grey", 0, 4095),)
    assert [fault.kind for fault in images.faults] == ["mixed depths"]


def test_a_fourth_band_of_unknown_meaning_is_dropped(tmp_path: Path) -> None:
    for kind in range(2):
        (tmp_path / f"class{kind}").mkdir()
        for i in range(5):
            pixels = np.asarray(picture(kind, i))
            data = tiff(np.dstack([pixels, pixels[:, :, :1]]))
            (tmp_path / f"class{kind}" / f"{i}.tif").write_bytes(data)
    images = scan(tmp_path)
    assert images.rendering == Rendering(three_of_four=True)
    np.testing.assert_array_equal(np.asarray(shown(images, 0)), np.asarray(picture(0, 0)))


def test_white_ink_on_transparency_is_a_fault(tmp_path: Path) -> None:
    for kind in range(2):
        (tmp_path / f"class{kind}").mkdir()
        for i in range(5):
            alpha = np.asarray(picture(kind, i).convert("L"))
            white = np.full((*alpha.shape, 3), 255, np.uint8)
            Image.fromarray(np.dstack([white, alpha])).save(tmp_path / f"class{kind}" / f"{i}.png")
    assert len(kinds(scan(tmp_path))["nothing left"]) == 10
    assert "nothing left" not in kinds(scan(tmp_path, Reading(background="black")))


def test_deep_arrays_in_memory_take_their_sets_range() -> None:
    draw = np.random.default_rng(0)
    deep = draw.integers(32_600, 33_100, (20, 16, 16)).astype(np.uint16)
    images = measured(from_arrays(deep, [0, 1] * 10), Reading())
    (scale,) = images.rendering.ranges
    assert scale.low > 32_000
    assert len(np.unique(np.asarray(shown(images, 0)))) > 100


def test_a_rendering_is_plain_data() -> None:
    rendering = Rendering((Range("float grey", -1.5, 2),), (3, 2, 1), True, "black")
    assert from_dict(rendering.as_dict()) == rendering
    assert from_dict(None) == PLAIN
    assert PLAIN.key == ()
    assert len({Rendering().key, rendering.key, Rendering(bands=(1,)).key, Rendering(three_of_four=True).key}) == 4


def test_names_change_nothing(tmp_path: Path) -> None:
    root = write(tmp_path / "data", tomography)
    before = measured(find_images(root), Reading()).rendering
    for path in sorted(root.rglob("*.png")):
        path.rename(path.with_name(f"z{100 - int(path.stem)}.png"))
    assert measured(find_images(root), Reading()).rendering == before
