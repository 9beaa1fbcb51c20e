"""Scales, ticks, text that fits, and labels out of the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from regraft.runs.axes import (
    SIZE,
    Box,
    Halves,
    Scale,
    between_powers,
    clearest,
    counts,
    names_below,
    percent,
    plain,
    powers_of_ten,
    spread,
    ticks,
)
from regraft.runs.svg import as_text, fitted, told_apart, width_of, wrapped


def test_scales_reach_from_end_to_end() -> None:
    assert Scale(0, 10, 100, 0)(2.5) == 75
    assert Scale(1, 100, 0, 50, logarithmic=True)(10) == pytest.approx(25)
    assert Scale(1, 100, 0, 50, logarithmic=True)(0) == 0  # beyond the end is at the end


@pytest.mark.parametrize("border", [0, 0.3, 1])
def test_halves_meet_at_the_border(border: float) -> None:
    scale = Halves.about(border, 0, 1, 100, 0)
    assert (scale.start, scale.middle, scale.stop) == (100, 50, 0)
    assert scale(border) == 50
    assert scale(0) == (100 if border else 50)
    assert scale(1) == (0 if border < 1 else 50)


@given(st.floats(-1e6, 1e6), st.floats(1e-6, 1e6), st.booleans())
def test_ticks_are_round_and_few(low: float, width: float, whole: bool) -> None:
    high = low + max(width, abs(low) * 1e-6)
    values = ticks(low, high, whole=whole)
    assert len(values) <= 7
    assert values == sorted(set(values))
    assert not whole or all(value == int(value) for value in values)
    slack = 1e-6 * (high - low)
    assert all(low - slack <= value <= high + slack for value in values)


def test_ticks_of_a_logarithmic_axis() -> None:
    assert powers_of_ten(50, 2e4) == [100, 1000, 10_000]
    assert len(powers_of_ten(1, 1e12)) <= 7
    assert between_powers(70, 300) == [70, 80, 90, 200, 300]


def test_numbers_beside_an_axis() -> None:
    assert percent([0, 0.5, 1]) == ["0%", "50%", "100%"]
    assert percent([0.5, 0.505]) == ["50.0%", "50.5%"]
    assert percent([0.825, 0.85, 0.875]) == ["82.5%", "85.0%", "87.5%"]
    assert plain([0, 0.25, 0.5]) == ["0.00", "0.25", "0.50"]
    assert plain([0, 2e7]) == ["0", "2e+07"]
    assert counts([0.1, 1, 10_000, 1e6]) == ["0.1", "1", "10,000", "1M"]
    assert [as_text(value) for value in (1, -0.001, 2.5, 10, 0.126)] == ["1", "0", "2.5", "10", "0.13"]


def test_a_range_is_never_empty() -> None:
    assert spread([], 0.1) == spread([float("nan")], 0.1) == (0, 1)
    low, high = spread([0.5, 0.5], 0.1)
    assert high - low == pytest.approx(0.1)


@given(st.text(max_size=60), st.floats(20, 200))
def test_fitted_text_fits(text: str, width: float) -> None:
    shown = fitted(text, width, 10)
    assert width_of(shown, 10) <= width
    assert "…" in shown or width_of(text, 10) <= width


def test_names_are_cut_in_the_middle_and_wrapped_between_words() -> None:
    assert fitted("features.0.convolution.7", 90, 10) == "features…lution.7"
    assert wrapped("new head, train everything", 80, 10) == ["new head, train", "everything"]


def test_what_long_names_share_gives_way_to_what_tells_them_apart() -> None:
    names = [f"a field of wheat, number {i} of the summer's series" for i in (1, 2, 30)]
    assert told_apart(names, 60, 10) == ["…er 1 of…", "…er 2 of…", "…er 30 of…"]
    assert len({fitted(name, 60, 10) for name in names}) == 1
    assert len({fitted(name, 60, 10) for name in told_apart(names, 60, 10)}) == 3
    for same in (
        [],
        ["one name that is alone"],
        ["cats", "cattle"],
        ["wheat in a long row", "wheat in a long row, cut"],
    ):
        assert told_apart(same, 20, 10) == same


@given(st.lists(st.text(max_size=30), min_size=1, max_size=5, unique=True), st.text(max_size=20), st.text(max_size=20))
def test_different_names_stay_different(names: list[str], start: str, end: str) -> None:
    assert len(set(told_apart([f"{start}{name}{end}" for name in names], 20, 10))) == len(names)


def test_names_below_stay_inside_the_picture() -> None:
    names, angle = names_below([10, 40, 70, 200], ["features.0.convolution.7"] * 4)
    assert angle < 0
    for place, name in zip((10, 40, 70, 200), names, strict=True):
        assert name == "…" or width_of(name, SIZE) * 0.707 <= place


def test_the_clearest_place_is_the_first_that_covers_nothing() -> None:
    places = [Box(0, 0, 10, 10), Box(20, 0, 30, 10), Box(40, 0, 50, 10)]
    assert clearest(places, []) == 0
    assert clearest(places, [Box(5, 5, 6, 6)]) == 1
    assert clearest(places, [Box(5, 5, 6, 6), Box(45, 5, 46, 6)], [Box(19, 0, 22, 10)]) == 1
