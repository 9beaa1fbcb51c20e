"""The score: what the evidence does to it, and how sure it is."""

import numpy as np
import pytest

from regraft.similarity.domain_classifier import TENTHS
from regraft.similarity.score import (
    NAMES,
    Evidence,
    Score,
    Z,
    calibration,
    gain_of,
    jackknife,
    logistic,
    model_for,
    references,
    robust_jackknife,
    score,
)


def hits(accuracy: float, count: int = 400) -> np.ndarray:
    return np.arange(count) < accuracy * count


def steady(evidence: Evidence, images: int = 400) -> Score:
    """The score of evidence that is the same without any of the images or sets."""
    return score(evidence, [evidence] * 20, [evidence] * TENTHS, images)


def test_the_judge_alone_decides_where_it_was_asked_else_gain_and_shift() -> None:
    def at(gain: float, shift: float | None = None, domain: float | None = None) -> float:
        return steady(Evidence(gain, shift, domain)).value

    assert at(1.0, -2.0) > at(0.0, -2.0) > at(0.0, 0.5)
    assert at(0.5, -2.0) > 0.5 > at(0.0, 0.5)
    assert at(0.5, -2.0) > at(0.5, -1.0)
    assert at(1.5) > 0.5 > at(-0.5)
    assert at(0.5, None, 0.8) > at(0.5, None, 0.2) > 0.5 > at(0.5, None, -0.8)
    assert at(0.5, -1.5, 0.8) == at(-2.0, 3.0, 0.8) == at(0.5, None, 0.8)


def test_the_evidence_that_moved_most_is_named() -> None:
    for fitted in calibration()["models"]:
        middle = dict(zip(fitted["of"], fitted["middle"], strict=True))
        for name in fitted["of"]:
            found = steady(Evidence(**{"gain": 0.0, **middle, name: middle[name] + 5}))
            assert found.decided_by == NAMES[name]
            assert set(found.moved) == set(fitted["of"])


def test_without_the_judge_the_models_own_jackknife_counts() -> None:
    found = Evidence(0.3, -1.0)
    model = model_for(found)
    assert model.of == ("gain", "log_shift")
    reach = Z * jackknife([model.log_odds(found, weights) for weights in model.left_out])
    many = steady(found, 10**12)
    assert many.high == pytest.approx(logistic(model.log_odds(found) + reach), abs=1e-4)
    assert many.reaches_across(many.value)
    assert not many.reaches_across(many.low)


def test_the_robust_jackknife_is_the_jackknife_of_what_is_normal() -> None:
    values = np.random.default_rng(0).normal(size=10_000)
    assert robust_jackknife(values.tolist()) == pytest.approx(jackknife(values.tolist()), rel=0.03)
    assert robust_jackknife([1.0, 1.0, 1.0, 9.0]) == 0


def test_the_interval_widens_with_what_is_not_known() -> None:
    found = Evidence(0.3, -1.0)
    usual, few = steady(found), steady(found, 40)
    shaken = score(found, [Evidence(0.3 + 0.1 * (-1) ** i, -1.0) for i in range(20)], [found] * 10, 400)
    assert few.low < usual.low < usual.high < few.high
    assert shaken.low < usual.low <= usual.value <= usual.high < shaken.high
    assert all(0 <= end <= 1 for end in (shaken.low, shaken.high))
    known, other = Evidence(0.3, -1.0, 0.5), Evidence(0.3, -1.0, 0.0)
    of_all = steady(known)
    of_few = score(known, [known] * 20, [known, other] * 5, 400)
    assert of_few.low < of_all.low < of_all.value == of_few.value < of_all.high < of_few.high
    but_one = score(known, [known] * 20, [other, *[known] * 9], 400)
    assert of_few.low < but_one.low == pytest.approx(of_all.low, abs=0.05)


def test_the_gain_is_the_log_ratio_of_errors() -> None:
    assert gain_of([hits(0.5), hits(0.6), hits(0.8)]) == pytest.approx(np.log(0.43 / 0.23), abs=0.02)
    assert gain_of([hits(1.0), hits(1.0)]) == 0


def test_the_calibration_says_what_it_was_fitted_on() -> None:
    known = calibration()
    assert len({row["set"] for row in known["sets"]}) >= 10
    wrong = [row for row in references() if (row.score >= 0.5) != row.similar]
    assert len(wrong) / len(known["sets"]) < 0.2
    assert [model["of"] for model in known["models"]] == [["domain"], ["gain", "log_shift"], ["gain"]]
    for fitted in known["models"]:
        assert len(fitted["model"]) == 1 + len(fitted["of"]) == 1 + len(fitted["middle"])
        assert len({tuple(other) for other in fitted["left_out"]}) == TENTHS
    for row in known["sets"]:
        assert steady(Evidence(0.0, None, row["domain"])).value == pytest.approx(row["score"], abs=1e-9)
