"""A filter of one's own, step by step."""

import numpy as np
import pytest
from looked_at import Flat, backbone
from scipy.signal import correlate2d

from regraft.errors import RecipeError
from regraft.inspection.chapters.own_filter import chapter_of
from regraft.inspection.filters import Filters
from regraft.inspection.own_filter import KERNELS, filtered, kernel_of, nearest
from regraft.inspection.subject import Subject

PIXELS = np.random.default_rng(0).integers(0, 256, (28, 28, 3), dtype=np.uint8)


def test_kernels_by_name_and_as_numbers() -> None:
    assert np.array_equal(kernel_of("sobel-x"), kernel_of(" -1, 0 1; -2 0 2; -1 0 1; "))
    assert np.array_equal(kernel_of("Sobel_Y"), kernel_of("sobel-x").T)
    assert kernel_of("blur").sum() == pytest.approx(1)
    assert kernel_of("1/9,\N{MINUS SIGN}1").tolist() == [[1 / 9, -1]]
    assert np.array_equal(
        filtered(kernel_of("identity"), PIXELS).convolved, filtered(kernel_of("identity"), PIXELS).grey
    )
    assert all(kernel_of(name).shape == (3, 3) for name in KERNELS)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sobelx", "did you mean sobel-x"),
        ("zzz", "there are identity"),
        ("", "0 numbers"),
        ("1,2;3", "2, 1 numbers"),
        ("1,2;;3,4", "2, 0, 2 numbers"),
        ("1,b;3,4", "'b' in the filter is no number"),
        ("1,1/0", "'1/0' in the filter is no number"),
        ("1,1e999", "is no number"),
        ("1,1/2/3", "is no number"),
        ("0,0;0,0", "all numbers of the filter are 0"),
    ],
)
def test_odd_filters_are_refused(text: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        kernel_of(text)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"stride": 0}, "stride must be 1 or more; it is 0"),
        ({"padding": -1}, "padding must be 0 or more"),
        ({"pooling": 0}, "pooling must be 1 or more"),
        ({"pool": "median"}, "there are max and average"),
        ({"padding": 3}, "at most 2"),
        ({"pooling": 29}, "do not fit into the 28 x 28 values"),
        ({"stride": 28, "pooling": 2}, "do not fit into the 1 x 1 values"),
    ],
)
def test_odd_settings_are_refused(settings: dict[str, int], said: str) -> None:
    with pytest.raises(RecipeError, match=said):
        filtered(kernel_of("blur"), PIXELS, **settings)  # type: ignore[arg-type]


def test_a_filter_larger_than_the_image_is_refused() -> None:
    with pytest.raises(RecipeError, match="filter of 40 x 1 does not fit into the image of 28 x 28"):
        filtered(kernel_of(",".join(["1"] * 40)), PIXELS, padding=0)


@pytest.mark.parametrize(("text", "stride", "padding"), [("sobel-x", 1, 1), ("1,2;3,4", 2, 0), ("1,2,3;4,5,6", 3, 2)])
def test_the_steps_are_those_of_a_network(text: str, stride: int, padding: int) -> None:
    kernel = kernel_of(text)
    shown = filtered(kernel, PIXELS, stride, padding, 2)
    grey = PIXELS @ np.array([0.299, 0.587, 0.114]) / 255
    expected = correlate2d(np.pad(grey, padding), kernel, "valid")[::stride, ::stride]
    assert np.allclose(shown.convolved, expected)
    assert np.array_equal(shown.rectified, shown.convolved.clip(0))
    height, width = (side // 2 for side in expected.shape)
    blocks = shown.rectified[: 2 * height, : 2 * width].reshape(height, 2, width, 2)
    assert np.array_equal(shown.pooled, blocks.max((1, 3)))
    assert (shown.steps[0].height, shown.steps[0].width) == shown.convolved.shape
    assert (shown.steps[1].height, shown.steps[1].width) == shown.pooled.shape


def test_the_sizes_are_written_out() -> None:
    first, second = filtered(kernel_of("blur"), PIXELS, 1, 1, 2).steps
    assert first.sum_of_width == "(28 + 2 x 1 - 3) / 1 + 1 = 28"
    assert second.sum_of_height == "(28 + 2 x 0 - 2) / 2 + 1 = 14"
    first, _ = filtered(kernel_of("blur"), PIXELS, 2, 0, 1).steps
    assert first.sum_of_width == "(28 + 2 x 0 - 3) / 2 + 1 = 13, with 25 / 2 rounded down to 12"


def test_one_place_is_worked_out_away_from_the_padding() -> None:
    white = np.full((8, 8), 255, np.uint8)
    white[:, 4:] = 0
    shown = filtered(kernel_of("sobel-x") * -1, white, 1, 1)
    assert shown.strongest == (1, 3)  # the edge in the image, not the one to the zeros around it
    assert shown.worked_out == ("1 x 1.00 + (-1) x 0.00 + 2 x 1.00 + (-2) x 0.00 + 1 x 1.00 + (-1) x 0.00 = 4.00")


def test_the_nearest_filters_are_those_of_the_same_shape() -> None:
    kernels = np.random.default_rng(0).normal(size=(6, 3, 3, 3)).astype(np.float32)
    kernels[4] = 5 + 0.1 * kernel_of("sobel-y")
    own = Filters("stem", kernels, None, 3)
    near = nearest(kernel_of("sobel-y"), own, 2)
    assert near[0].number == 4
    assert near[0].similarity == pytest.approx(1, abs=1e-4)
    assert near[0].similarity > near[1].similarity
    assert nearest(kernel_of("1,1;1,1"), own) == ()


def test_the_chapter_compares_with_the_network_where_it_can() -> None:
    chapter = chapter_of(Subject("made", backbone(), ()), "emboss", PIXELS)
    assert [figure.name for figure in chapter.figures] == [
        "own-filter-kernel", "own-filter-steps", "own-filter-nearest"
    ]  # fmt: skip
    chapter = chapter_of(Subject("flat", backbone(Flat), ()), "1,2;3,4", PIXELS)
    assert len(chapter.figures) == 2
    assert any("no convolution" in note for note in chapter.notes)
    assert any("even side" in note for note in chapter.notes)
