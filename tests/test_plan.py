"""The four cases, told from size and similarity alone."""

import numpy as np
import pytest

from regraft.errors import BackboneError, RecipeError
from regraft.plan import make_plan, size_of
from regraft.recipe import Recipe
from regraft.similarity import ProfilePoint, Similarity, earliest_good, score_of, subsample

CUTS = [("early", "early.1"), ("middle",), ("last",)]


def similarity(score: float, clear: bool = True) -> Similarity:
    points = tuple(ProfilePoint(name, 0.5 + i / 10, 0.2 - i / 10, 0.01, None) for i, (name, *_) in enumerate(CUTS))
    return Similarity(points, "middle", None, score, clear, 100, 0.1)


@pytest.mark.parametrize(
    ("images", "score", "case", "strategy", "cut"),
    [
        (2_000, 0.9, "small-similar", "head", "last"),
        (2_000, 0.1, "small-different", "early-layers", "middle"),
        (50_000, 0.9, "large-similar", "fine-tune", None),
        (50_000, 0.1, "large-different", "fine-tune", None),
    ],
)
def test_the_four_cases(images: int, score: float, case: str, strategy: str, cut: str | None) -> None:
    size = size_of(np.arange(images) % 2, 2, 20_000)
    plan = make_plan(size, similarity(score), Recipe(), CUTS)
    assert (plan.case, plan.strategy, plan.cut) == (case, strategy, cut)
    assert size.smallest_class == images // 2
    assert any(case in reason for reason in plan.reasons)
    assert {"case", "strategy", "cut", "size", "similarity", "reasons"} <= set(plan.as_dict())


def test_the_lines_are_settings() -> None:
    size = size_of(np.arange(100) % 2, 2, 50)
    plan = make_plan(size, similarity(0.6), Recipe(similar_from=0.7, large_from=50), CUTS)
    assert plan.case == "large-different"


def test_asking_for_a_strategy_or_a_cut() -> None:
    size = size_of(np.arange(100) % 2, 2, 20_000)
    assert make_plan(size, similarity(0.9), Recipe(cut="early.1"), CUTS).strategy == "early-layers"
    assert make_plan(size, similarity(0.9), Recipe(cut="early.1"), CUTS).cut == "early"
    assert make_plan(size, similarity(0.9), Recipe(cut="last"), CUTS).strategy == "head"
    assert make_plan(size, similarity(0.9), Recipe(strategy="early-layers"), CUTS).cut == "middle"
    with pytest.raises(RecipeError, match="early-layers"):
        make_plan(size, similarity(0.9), Recipe(strategy="head", cut="early"), CUTS)
    with pytest.raises(BackboneError, match="middle"):
        make_plan(size, similarity(0.9), Recipe(cut="nowhere"), CUTS)


def hits(accuracy: float, count: int = 400) -> np.ndarray:
    return np.arange(count) < accuracy * count


def test_the_profile_decides_where_it_is_clear() -> None:
    assert score_of([hits(0.5), hits(0.7), hits(0.9)], shift=5.0)[0] > 0.9
    assert score_of([hits(0.5), hits(0.9), hits(0.7)], shift=0.0)[0] < 0.1
    assert score_of([hits(0.5), hits(0.9), hits(0.7)], shift=None)[1]


def test_the_shift_decides_where_the_profile_is_flat() -> None:
    flat = [hits(0.5), hits(0.9), hits(0.9)]
    near, far = score_of(flat, shift=0.05), score_of(flat, shift=2.0)
    assert near[0] > 0.5 > far[0]
    assert not near[1]
    assert score_of(flat, shift=None)[0] >= 0.5


def test_the_earliest_cut_within_one_error_of_the_best() -> None:
    assert earliest_good([hits(0.5), hits(0.9), hits(0.9)]) == 1
    assert earliest_good([hits(0.5), hits(0.8), hits(0.95)]) == 2


def test_subsample_keeps_proportions() -> None:
    labels = np.array([0] * 9000 + [1] * 1000)
    chosen = subsample(labels, 1000)
    assert len(chosen) == 1000
    assert abs((labels[chosen] == 1).sum() - 100) <= 1
