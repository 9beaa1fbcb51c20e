"""The sentences of a plan: few, short, the deciding one first; the rest are details."""

import re

import numpy as np
import pytest
from plans import CUTS, plan_for, similarity, size_for

from regraft.planning.plan import Plan
from regraft.similarity.measure import Confidence
from regraft.similarity.score import Evidence, Score

MOST_WORDS = 24


def sentences_of(texts: tuple[str, ...]) -> list[str]:
    return [sentence for text in texts for sentence in re.split(r"(?<=\.)\s", text)]


def many_plans() -> list[Plan]:
    """All cases, with and without each thing that may be said."""
    plans = [plan_for(score, images) for score in (0.05, 0.45, 0.55, 0.95) for images in (100, 15_000, 25_000, 90_000)]
    plans.append(plan_for(0.1, size_for(60_000, distinct=19_000)))
    plans.append(plan_for(similarity(0.9, best_hits=np.arange(100) < 11)))
    plans += [plan_for(0.9, strategy=name) for name in ("early-layers", "fine-tune", "from-scratch")]
    plans += [plan_for(0.9, cut="early"), plan_for(0.1, cuts=CUTS), plan_for(0.1, sides=(28, 224))]
    return plans


@pytest.mark.parametrize("plan", many_plans())
def test_reasons_are_short_and_the_score_comes_first(plan: Plan) -> None:
    assert 2 <= len(plan.reasons) <= 8
    assert plan.headline not in plan.reasons
    for sentence in sentences_of((plan.headline, *plan.reasons)):
        assert len(sentence.split()) <= MOST_WORDS
        assert sentence.endswith(".")
    score = plan.similarity.score
    assert plan.reasons[0].startswith(
        f"Similarity {score.value:.2f} (95% interval {score.low:.2f} to {score.high:.2f})"
    )
    assert plan.reasons[0].endswith("; from 0.50 it counts as similar.")


@pytest.mark.parametrize("plan", many_plans())
def test_details_are_apart_from_the_reasons_and_short_too(plan: Plan) -> None:
    assert plan.details
    assert not set(plan.details) & set(plan.reasons)
    assert len(set(plan.details)) == len(plan.details)
    assert all(len(sentence.split()) <= MOST_WORDS for sentence in sentences_of(plan.details))
    domain = f"{plan.similarity.evidence.domain:+.2f} on 100 images"
    assert sum(domain in detail for detail in plan.details) == 1
    assert not any(domain in reason for reason in plan.reasons)
    printed = plan.as_dict()
    assert (printed["reasons"], printed["details"]) == (list(plan.reasons), list(plan.details))


def test_what_is_near_a_line_is_said() -> None:
    assert any("reaches across 0.50" in reason for reason in plan_for(0.55).reasons)
    assert not any("reaches across" in reason for reason in plan_for(0.9).reasons)
    assert any("near 20,000" in reason for reason in plan_for(0.9, 15_000).reasons)
    assert not any("near 20,000" in reason for reason in plan_for(0.9, 100).reasons)


def test_what_was_asked_for_is_no_rule() -> None:
    assert plan_for(0.9).headline == (
        "Few images, much like the network's own: keep the pre-trained network frozen, and train a new head."
    )
    assert plan_for(0.9, strategy="fine-tune").headline == (
        "The settings ask to put on a new head, and train every layer from the pre-trained weights."
        " Few images, much like the network's own: the rule is head, where a simple classifier gets 70.0%."
    )
    said = "The cut is after the textures (middle), where a simple classifier gets 60.0%."
    assert said in plan_for(0.1).reasons


def test_last_layers_are_weighed_with_their_error() -> None:
    said = " ".join(plan_for(0.9).details)
    assert "A simple classifier on the last layer (last) gets 70.0%, on the best earlier one, textures (middle)" in said
    assert "The last layers are worth 10.0 points, more than chance explains." in said


def test_copies_are_counted() -> None:
    plan = plan_for(0.9, size_for(100, distinct=60))
    assert "60 different training images; from 20,000 on they count as many." in plan.reasons
    assert "40 training images are copies of others." in plan.details


def test_images_that_are_blown_up_are_said_to_be() -> None:
    for sides, proposed in {(28, 224): "--image-size 32", (70, 224): "--image-size 64", (130, 224): None}.items():
        said = [detail for detail in plan_for(0.5, sides=sides).details if "blown up" in detail]
        assert len(said) == (1 if proposed else 0)
        assert proposed is None or proposed in said[0]


def test_what_decided_is_said_where_no_judge_was_asked() -> None:
    gain = similarity(0.6, evidence=Evidence(0.3), score=Score(0.6, 0.5, 0.7, {"gain": 0.4}), judged=0)
    details = plan_for(gain).details
    assert any("gain from depth decides" in detail for detail in details)
    assert any("early cuts' least error to the last cut's is 0.30" in detail for detail in details)
    moved = {"gain": 0.4, "log_shift": -0.9}
    shift = similarity(0.4, evidence=Evidence(0.3, -1.25), score=Score(0.4, 0.3, 0.5, moved), judged=0)
    details = plan_for(shift).details
    assert "What moved the score most is the shift." in details
    assert any("is -1.25." in detail for detail in details)
    for plan in (plan_for(gain), plan_for(shift)):
        assert all(len(sentence.split()) <= MOST_WORDS for sentence in sentences_of(plan.details))
        assert not any("classifier of domains" in detail for detail in plan.details)


def test_the_sources_classifier_is_told_for_information() -> None:
    known = Confidence(2.0, 6.9, -9.0, {"a": ("tabby, tabby cat", "lynx", "fox"), "b": ("yurt",)})
    details = plan_for(similarity(0.9, confidence=known)).details
    assert "To the source's classifier `a` looks like tabby or lynx." in details
    assert "To the source's classifier `b` looks like yurt." in details
    assert "The network's old classifier is fairly sure about your images." in details
