"""The shift from the source, relative to that of the source images shrunk to nothing."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pytest

from regraft.features.features import Features
from regraft.network.cuts import Cut
from regraft.similarity.shift import over_middle, relative_shift, shift_at, shift_of_source, shift_of_sums
from regraft.similarity.statistics import Moments, Statistics


def cuts_of(*names: str) -> tuple[Cut, ...]:
    return tuple(Cut(name, (), name, 2, (2, 3), 4, 0.0) for name in names)


@dataclass(frozen=True)
class Seen:
    """Features (of 40 images 64 pixels wide) with one mean in all channels, and deviation 1 inside each image."""

    cuts: tuple[Cut, ...]
    mean: float = 1.0

    def pooled(self, cuts: Sequence[Cut], rows: np.ndarray) -> np.ndarray:
        return np.full((len(rows), 2), self.mean)

    def root_mean_squares(self, cut: Cut, rows: np.ndarray) -> np.ndarray:
        return np.full((len(rows), 2), np.hypot(self.mean, 1))

    def short_side(self, rows: np.ndarray) -> int:
        return 64


def both(mean: float) -> Moments:
    """Two channels with this mean and deviation 1."""
    return Moments(np.full(2, mean), np.ones(2))


def test_the_divergence_is_the_gaussian_one() -> None:
    draw = np.random.default_rng(0)
    values = draw.normal(2.0, 3.0, (200_000, 1))
    sums = values.sum(0), np.square(values).sum(0), len(values)
    found = shift_of_sums(*sums, Moments(np.array([0.0]), np.array([1.0])))
    assert found == pytest.approx(0.5 * (-np.log(9) + 9 + 4 - 1), rel=0.02)
    assert shift_of_sums(*sums, Moments(np.array([2.0]), np.array([3.0]))) == pytest.approx(0, abs=1e-3)


def test_the_shift_at_a_cut_and_without_each_group() -> None:
    seen: Features = Seen(cuts_of("one"))  # type: ignore[assignment]
    assert shift_at(seen, seen.cuts[0], np.arange(40), both(0)) == pytest.approx(np.full(21, 0.5), rel=1e-3)
    assert shift_at(seen, seen.cuts[0], np.arange(1), both(0)) == pytest.approx(np.full(21, 0.5), rel=1e-3)


def test_the_middle_shift_is_the_geometric_mean_of_the_middle_third() -> None:
    def known(value: float) -> np.ndarray:
        return np.array([value, *np.full(20, 2 * value)])

    cuts = [known(9.0), known(9.0), known(0.1), known(0.4), known(9.0), known(9.0)]
    assert over_middle(cuts) == pytest.approx(known(0.2))
    assert over_middle([known(0.1), known(0.4)]) == pytest.approx(known(0.2))
    assert over_middle([known(0.0)]) == pytest.approx(np.full(21, 1e-4))


def test_the_shift_is_a_multiple_of_what_shrinking_does_to_the_source() -> None:
    names = ("one", "two", "three")
    as_they_are: dict[tuple[str, int | None], Moments] = {(name, None): both(0) for name in names}
    shrunk: dict[tuple[str, int | None], Moments] = {(name, 8): both(2) for name in names}
    known = Statistics(as_they_are | shrunk, side=64, size=64)
    assert shift_of_source(names, known) == pytest.approx(2, rel=1e-3)  # they lie (2 - 0)^2 / 2 nats from themselves
    rows = np.arange(40)
    found = relative_shift(Seen(cuts_of("unknown", *names)), rows, known, 64)  # type: ignore[arg-type]
    assert found is not None
    assert found.value == pytest.approx(0.25, rel=1e-3)
    assert found.left_out == pytest.approx(np.full(20, 0.25), rel=1e-3)
    blown_up = relative_shift(Seen(cuts_of(*names), mean=2.0), rows, known, 512)  # type: ignore[arg-type]
    assert blown_up is not None
    assert blown_up.value == pytest.approx(1e-4 / 2, rel=1e-3)  # compared with source images of 8 pixels
    without = Statistics(as_they_are, side=64, size=64)
    assert shift_of_source(names, without) is None
    assert relative_shift(Seen(cuts_of(*names)), rows, without, 64) is None  # type: ignore[arg-type]
    assert relative_shift(Seen(cuts_of("unknown")), rows, known, 64) is None  # type: ignore[arg-type]
