"""The four cases, told from size and similarity alone."""

import numpy as np
import pytest
from plans import plan_for, similarity, size_for

from regraft.errors import RecipeError
from regraft.planning.pieces import FROZEN, NEW, RANDOM, REMOVED, TRAINED, surgery
from regraft.recipe import Recipe


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
    plan = plan_for(score, images)
    assert (plan.case, plan.strategy, plan.cut) == (case, strategy, cut)
    assert plan.size.smallest_class == images // 2
    like = "much like" if "similar" in case else "unlike"
    assert plan.headline.startswith(f"{'Few' if 'small' in case else 'Many'} images, {like} the network's own: ")
    assert {"case", "strategy", "cut", "size", "similarity", "headline", "reasons", "details"} <= set(plan.as_dict())


def test_the_lines_are_settings() -> None:
    assert plan_for(0.6, size_for(100, large_from=50), similar_from=0.7).case == "large-different"
    assert plan_for(0.6, size_for(100, large_from=50)).case == "large-similar"


def test_asking_for_a_strategy_or_a_cut() -> None:
    assert plan_for(0.9, cut="early").strategy == "early-layers"
    assert plan_for(0.9, cut="early").cut == "early"
    assert plan_for(0.9, cut="last").strategy == "head"
    assert plan_for(0.9, strategy="early-layers").cut == "middle"
    with pytest.raises(RecipeError, match="early-layers"):
        plan_for(0.9, strategy="head", cut="early")


def test_labels_that_say_nothing_are_said() -> None:
    lost = similarity(0.9, best_hits=np.arange(100) < 11)
    assert any("unrelated" in reason for reason in plan_for(lost).reasons)
    assert not any("unrelated" in reason for reason in plan_for(0.9).reasons)


def test_joined_cuts_are_a_head_in_the_networks_order() -> None:
    plan = plan_for(0.1, cuts=("last", "early"))
    assert (plan.strategy, plan.cuts, plan.cut) == ("head", ("early", "last"), "last")
    for wrong in (
        {"cuts": ("last",)},
        {"cuts": ("a", "b"), "cut": "a"},
        {"cuts": ("a", "b"), "strategy": "from-scratch"},
    ):
        with pytest.raises(RecipeError):
            Recipe(**wrong)
    assert plan_for(0.1, cuts=("middle", "early")).strategy == "early-layers"  # the last layers are left out
    assert plan_for(0.1, cuts=("middle", "early"), strategy="fine-tune").cuts == ("early", "middle")
    assert plan_for(0.1, cuts=("middle", "early"), strategy="head").strategy == "early-layers"  # the cuts say so


def test_copies_do_not_make_data_large() -> None:
    assert size_for(100, large_from=60, distinct=50).verdict == "small"
    assert size_for(100, large_from=60).verdict == "large"


def test_the_surgery_of_each_strategy() -> None:
    strides = [("a", 4), ("b", 8), ("c", 16)]
    states = lambda *args: [piece.state for piece in surgery(strides, *args)]  # noqa: E731
    assert states("head") == [FROZEN, FROZEN, FROZEN, REMOVED, NEW]
    assert states("early-layers", ["b"]) == [FROZEN, FROZEN, REMOVED, REMOVED, NEW]
    assert states("fine-tune") == [TRAINED, TRAINED, TRAINED, REMOVED, NEW]
    assert states("fine-tune", (), "a") == [FROZEN, TRAINED, TRAINED, REMOVED, NEW]
    assert states("fine-tune", ["a", "b"]) == [TRAINED, TRAINED, REMOVED, REMOVED, NEW]
    assert states("from-scratch") == [RANDOM, RANDOM, RANDOM, REMOVED, NEW]
