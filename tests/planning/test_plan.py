"""The four cases, told from size and similarity alone."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from regraft.errors import RecipeError
from regraft.features.logme import logme
from regraft.network.cuts import Cut
from regraft.planning.costs import without_last_layers
from regraft.planning.pieces import FROZEN, NEW, REMOVED, TRAINED, surgery
from regraft.planning.plan import make_plan, size_of
from regraft.recipe import Recipe
from regraft.similarity.domain_classifier import TENTHS
from regraft.similarity.measure import ProfilePoint, Similarity, earliest_good, subsample
from regraft.similarity.score import (
    SPOKESMEN,
    Score,
    Witnesses,
    Z,
    calibration,
    gain_of,
    jackknife,
    log_odds,
    logistic,
    robust_jackknife,
    score,
)
from regraft.similarity.shift import Measured, over_middle, relative_shift, unit_of

CUTS = ["early", "middle", "last"]


def similarity(value: float, shrunk_to: int | None = None) -> Similarity:
    points = tuple(ProfilePoint(name, 4, 0.5 + i / 10, 0.2 - i / 10, 0.01, None) for i, name in enumerate(CUTS))
    given = Score(value, max(0, value - 0.1), min(1, value + 0.1), {"gain": 1.0})
    return Similarity(
        points, "middle", None, None, None, None, None, shrunk_to, given, np.arange(100), np.arange(100) < 70, 0.1
    )


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
    assert make_plan(size, similarity(0.9), Recipe(cut="early"), CUTS).strategy == "early-layers"
    assert make_plan(size, similarity(0.9), Recipe(cut="early"), CUTS).cut == "early"
    assert make_plan(size, similarity(0.9), Recipe(cut="last"), CUTS).strategy == "head"
    assert make_plan(size, similarity(0.9), Recipe(strategy="early-layers"), CUTS).cut == "middle"
    with pytest.raises(RecipeError, match="early-layers"):
        make_plan(size, similarity(0.9), Recipe(strategy="head", cut="early"), CUTS)


def test_leaving_out_the_last_layers_is_judged_by_the_probes() -> None:
    found = similarity(0.9)
    assert "by which a probe gains 10.0%" in without_last_layers(found, different=False)
    assert "though a probe gains 10.0%" in without_last_layers(found, different=True)
    level = replace(found, profile=tuple(replace(point, behind_last=-0.01) for point in found.profile))
    assert "at middle does no worse" in without_last_layers(level, different=False)
    assert without_last_layers(level, different=True) == "leaves out the layers that do not fit"


def hits(accuracy: float, count: int = 400) -> np.ndarray:
    return np.arange(count) < accuracy * count


def test_more_gain_from_depth_less_shift_and_nearer_neighbours_are_more_similar() -> None:
    def at(gain: float, shift: float | None, distance: float | None = None, likeness: float | None = None) -> float:
        found = Witnesses(gain, shift, distance, likeness)
        return score(found, [found] * 20, [found] * 10, 400).value

    assert at(1.0, -2.0) > at(0.0, -2.0) > at(0.0, 0.5)
    assert at(0.5, -2.0) > 0.5 > at(0.0, 0.5)
    assert at(1.5, None) > 0.5 > at(-0.5, None)
    assert at(0.5, -2.0, 0.0) > 0.5 > at(0.5, -2.0, 0.6)
    assert at(0.5, -2.0, 0.1) > at(0.5, -1.0, 0.1)
    assert at(0.5, None, 0.6) == at(0.5, None)  # both come from the same file
    assert at(0.5, -1.5, 0.2, 0.8) > 0.5 > at(0.5, -1.5, 0.2, -0.8)
    assert at(0.5, None, None, 0.8) > 0.5 > at(0.5, None, None, -0.8)


def test_the_witness_that_moved_most_is_named() -> None:
    for fitted in calibration()["models"]:
        middle = dict(zip(fitted["of"], fitted["middle"], strict=True))
        for name in fitted["of"]:
            found = Witnesses(**{"gain": 0.0, "log_shift": None, **middle, name: middle[name] + 5})
            assert score(found, [found] * 20, [found] * 10, 400).decided_by == SPOKESMEN[name]


def test_without_a_likeness_the_models_own_jackknife_counts() -> None:
    found = Witnesses(0.3, -1.0)
    model = next(fitted for fitted in calibration()["models"] if fitted["of"] == ["gain", "log_shift"])
    reach = Z * jackknife([log_odds([0.3, -1.0], other) for other in model["left_out"]])
    many = score(found, [found] * 20, [found] * 10, 10**12)
    assert many.high == pytest.approx(logistic(log_odds([0.3, -1.0], model["model"]) + reach), abs=1e-4)
    assert many.reaches_across(many.value)
    assert not many.reaches_across(many.low)


def test_the_robust_jackknife_is_the_jackknife_of_what_is_normal() -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    assert robust_jackknife(values.tolist()) == pytest.approx(jackknife(values.tolist()), rel=0.03)
    assert robust_jackknife([1.0, 1.0, 1.0, 9.0]) == 0


def test_the_middle_shift_is_the_geometric_mean_of_the_middle_third() -> None:
    def known(value: float) -> Measured:
        return Measured(value, np.full(20, 2 * value))

    cuts = [known(9.0), None, known(9.0), known(0.1), known(0.4), known(9.0), known(9.0)]
    found = over_middle(cuts)
    assert found is not None
    assert found.value == pytest.approx(0.2)
    assert found.left_out == pytest.approx(np.full(20, 0.4))
    few = over_middle([known(0.1), known(0.4)])
    assert few is not None
    assert few.value == pytest.approx(0.2)
    assert over_middle([None, None]) is None


def test_the_shift_is_a_multiple_of_what_shrinking_does_to_the_source() -> None:
    cuts = [Cut(name, (), name, 2, (2, 3), 4, 0.0) for name in ("one", "two", "three")]
    zero, one = torch.zeros(2), torch.ones(2)
    as_they_are = {f"{cut.name}.{part}": value for cut in cuts for part, value in (("mean", zero), ("std", one))}
    shrunk = {f"8/{cut.name}.{part}": value for cut in cuts for part, value in (("mean", 2 * one), ("std", one))}
    shifts = [Measured(0.5, np.full(20, 0.5))] * 3  # the shrunk source lies (2 - 0)^2 / 2 nats from itself
    unit = unit_of(cuts, as_they_are | shrunk)
    assert unit == pytest.approx(2, rel=1e-3)
    found = relative_shift(shifts, unit)
    assert found is not None
    assert found.value == pytest.approx(0.25, rel=1e-3)
    assert unit_of(cuts, as_they_are) is None
    assert unit_of(cuts, None) is None
    assert relative_shift(shifts, None) is None


def test_the_interval_widens_with_what_is_not_known() -> None:
    found = Witnesses(0.3, -1.0)
    steady = score(found, [found] * 20, [found] * 10, 400)
    shaken = score(found, [Witnesses(0.3 + 0.1 * (-1) ** i, -1.0) for i in range(20)], [found] * 10, 400)
    few = score(found, [found] * 20, [found] * 10, 40)
    known, other = Witnesses(0.3, -1.0, None, 0.5), Witnesses(0.3, -1.0, None, 0.0)
    of_all = score(known, [known] * 20, [known] * 10, 400)
    of_few = score(known, [known] * 20, [known, other] * 5, 400)
    assert of_few.low < of_all.low < of_all.value == of_few.value < of_all.high < of_few.high
    but_one = score(known, [known] * 20, [other, *[known] * 9], 400)
    assert of_few.low < but_one.low == pytest.approx(of_all.low, abs=0.05)
    assert few.low < steady.low < steady.high < few.high
    assert shaken.low < steady.low <= steady.value <= steady.high < shaken.high
    assert all(0 <= end <= 1 for end in (shaken.low, shaken.high))


def test_the_gain_is_the_log_ratio_of_errors() -> None:
    assert gain_of([hits(0.5), hits(0.6), hits(0.8)]) == pytest.approx(np.log(0.43 / 0.23), abs=0.02)
    assert gain_of([hits(1.0), hits(1.0)]) == 0


def test_the_calibration_says_what_it_was_fitted_on() -> None:
    known = calibration()
    assert len({row["set"] for row in known["sets"]}) >= 10
    wrong = [row for row in known["sets"] if (row["score"] >= 0.5) != row["similar"]]
    assert len(wrong) / len(known["sets"]) < 0.2
    assert known["models"][-1]["of"] == ["gain"]
    for fitted in known["models"]:
        assert len(fitted["model"]) == 1 + len(fitted["of"]) == 1 + len(fitted["middle"])
        assert len({tuple(other) for other in fitted["left_out"]}) == TENTHS
    for row in known["sets"]:
        found = Witnesses(row["gain"], row["log_shift"], row["log_distance"], row["likeness"])
        assert score(found, [found] * 20, [found] * 10, 400).value == pytest.approx(row["score"], abs=1e-9)


def test_the_earliest_cut_within_one_error_of_the_best() -> None:
    assert earliest_good([hits(0.5), hits(0.9), hits(0.9)]) == 1
    assert earliest_good([hits(0.5), hits(0.8), hits(0.95)]) == 2


def test_subsample_keeps_proportions() -> None:
    labels = np.array([0] * 9000 + [1] * 1000)
    chosen = subsample(labels, 1000)
    assert len(chosen) == 1000
    assert abs((labels[chosen] == 1).sum() - 100) <= 1


def test_labels_that_say_nothing_are_said() -> None:
    size = size_of(np.arange(100) % 2, 2, 20_000)
    lost = replace(similarity(0.9), best_hits=np.arange(100) < 11)
    assert any("unrelated" in reason for reason in make_plan(size, lost, Recipe(), CUTS).reasons)
    assert not any("unrelated" in reason for reason in make_plan(size, similarity(0.9), Recipe(), CUTS).reasons)


def test_joined_cuts_are_a_head_in_the_networks_order() -> None:
    size = size_of(np.arange(100) % 2, 2, 20_000)
    plan = make_plan(size, similarity(0.1), Recipe(cuts=("last", "early")), CUTS)
    assert (plan.strategy, plan.cuts, plan.cut) == ("head", ("early", "last"), "last")
    for wrong in ({"cuts": ("last",)}, {"cuts": ("a", "b"), "cut": "a"}, {"cuts": ("a", "b"), "strategy": "fine-tune"}):
        with pytest.raises(RecipeError):
            Recipe(**wrong)  # type: ignore[arg-type]


def test_copies_do_not_make_data_large() -> None:
    assert size_of(np.arange(100) % 2, 2, 60, distinct=50).verdict == "small"
    assert size_of(np.arange(100) % 2, 2, 60).verdict == "large"


def test_the_surgery_of_each_strategy() -> None:
    strides = [("a", 4), ("b", 8), ("c", 16)]
    states = lambda *args: [piece.state for piece in surgery(strides, *args)]  # noqa: E731
    assert states("head") == [FROZEN, FROZEN, FROZEN, REMOVED, NEW]
    assert states("early-layers", ["b"]) == [FROZEN, FROZEN, REMOVED, REMOVED, NEW]
    assert states("fine-tune") == [TRAINED, TRAINED, TRAINED, REMOVED, NEW]
    assert states("fine-tune", (), "a") == [FROZEN, TRAINED, TRAINED, REMOVED, NEW]
    assert states("from-scratch") == [NEW, NEW, NEW, REMOVED, NEW]


def test_logme_prefers_features_that_tell_the_classes_apart() -> None:
    draw = np.random.default_rng(0)
    labels = np.arange(300) % 3
    noise = draw.normal(size=(300, 20))
    told = noise + 3 * np.eye(20)[labels]
    assert logme(told, labels) > logme(noise + 0.5 * np.eye(20)[labels], labels) > logme(noise, labels)


def test_images_that_are_blown_up_are_said_to_be() -> None:
    size = size_of(np.repeat([0, 1], 50), 2, 20_000)
    for sides, proposed in {(28, 224): "--image-size 32", (70, 224): "--image-size 64", (130, 224): None}.items():
        reasons = make_plan(size, similarity(0.5), Recipe(), CUTS, sides).reasons
        said = [reason for reason in reasons if "blown up" in reason]
        assert len(said) == (1 if proposed else 0)
        assert proposed is None or proposed in said[0]
    matched = make_plan(size, similarity(0.5, shrunk_to=32), Recipe(), CUTS, (28, 224)).reasons
    assert any("source images shrunk to 32" in reason for reason in matched)
