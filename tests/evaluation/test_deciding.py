"""Thresholds give the recall or precision that was asked for on held-out images, or say that it cannot be had."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regraft import Recipe
from regraft.errors import RegraftError
from regraft.evaluation.deciding import UNSURE, Rule, Wanted, Wish, rule_of
from regraft.evaluation.prediction import Further, Prediction, Tally
from regraft.runs.held_out import HELD_OUT, Judged, read_held_out
from regraft.runs.job import train

Regraft = Callable[..., tuple[int, str, str]]
CLASSES = ("benign", "malignant", "other")


def judged(images: int = 600) -> Judged:
    draw = np.random.default_rng(0)
    probabilities = draw.dirichlet([1.0, 0.5, 0.7], images)
    labels = (probabilities.cumsum(axis=1) < draw.random((images, 1))).sum(axis=1)
    return Judged(probabilities, np.minimum(labels, 2))


@pytest.mark.parametrize("share", [0.5, 0.8, 0.95, 1.0])
def test_the_recall_is_what_was_asked_for_and_hardly_more(share: float) -> None:
    _, (expected,) = rule_of([Wish("malignant", "recall", share)], 0.0, CLASSES, judged())
    assert share <= expected.found / expected.of < share + 0.02
    assert "recall" in expected.in_words()


@pytest.mark.parametrize("share", [0.5, 0.8, 0.9])
def test_the_precision_is_what_was_asked_for(share: float) -> None:
    _, (expected,) = rule_of([Wish("malignant", "precision", share)], 0.0, CLASSES, judged())
    assert expected.found / expected.given >= share
    assert expected.found > 0


def test_a_class_with_a_threshold_is_given_from_there_on_and_only_there() -> None:
    rule = Rule(0.0, {1: 0.2})
    probabilities = np.array([[0.7, 0.25, 0.05], [0.7, 0.15, 0.15], [0.45, 0.15, 0.4], [0.1, 0.9, 0.0]])
    assert rule.decide(probabilities).tolist() == [1, 0, 0, 1]
    assert Rule(0.0, {0: 0.3, 1: 0.1}).decide(probabilities[:1]).tolist() == [1]
    assert Rule(0.5).decide(np.array([[0.5, 0.5], [0.49, 0.51]])).tolist() == [0, 1]


def test_a_least_probability_holds_beside_thresholds() -> None:
    probabilities = np.array([[0.7, 0.25, 0.05], [0.7, 0.15, 0.15], [0.45, 0.15, 0.4], [0.1, 0.9, 0.0]])
    assert Rule(0.6, {1: 0.2}).decide(probabilities).tolist() == [UNSURE, 0, UNSURE, 1]
    assert Rule(0.6, {0: 0.9, 1: 0.9, 2: 0.9}).decide(probabilities).tolist() == [UNSURE, UNSURE, UNSURE, 1]
    held_out = judged()
    rule, (expected,) = rule_of([Wish("malignant", "recall", 0.95)], 0.5, CLASSES, held_out)
    given = held_out.probabilities[rule.decide(held_out.probabilities) == 1, 1]
    assert given.min() >= 0.5
    assert expected.given == len(given)


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (Rule(0.6), ["sure", "unsure"]),
        (Rule(0.6, {1: 0.1}), ["unsure", "unsure"]),
        (Rule(0.0, {1: 0.1}), ["threshold", "threshold"]),
        (Rule(0.0, {1: 0.3}), ["likeliest", "threshold"]),
        (Rule(0.0, {0: 0.9, 1: 0.9, 2: 0.9}), ["none", "none"]),
    ],
)
def test_only_a_least_probability_makes_an_image_sure(rule: Rule, words: list[str]) -> None:
    rows = [
        Prediction("a", CLASSES, np.array(row)).as_dict(Further(rule=rule))
        for row in ([0.7, 0.2, 0.1], [0.45, 0.4, 0.15])
    ]
    assert [row["decision"] for row in rows] == words
    assert all((row["class"] is None) == (row["decision"] in {"unsure", "none"}) for row in rows)
    tally = Tally()
    assert list(tally.counting(rows)) == rows
    assert tally.unsure == sum(row["class"] is None for row in rows)


def test_a_wish_that_fails_beside_others_is_warned_of() -> None:
    wishes = [Wish("malignant", "recall", 0.95), Wish("benign", "recall", 0.9)]
    _, both = rule_of(wishes, 0.0, CLASSES, judged())
    for one, other in zip(both, reversed(wishes), strict=True):
        assert one.share < one.wish.share
        assert one.warning
        assert f"recall {one.wish.share:.1%} was asked for, {one.share:.1%} is to be expected" in one.warning
        assert f"the threshold of '{other.name}' takes {one.taken[other.name]}" in one.warning
        assert f"Give --at-recall {one.wish.name}={one.wish.share:g} alone" in one.warning
        _, (alone,) = rule_of([one.wish], 0.0, CLASSES, judged())
        assert alone.warning is None
        _, (unsure,) = rule_of([one.wish], 0.9, CLASSES, judged())
        assert unsure.warning
        assert f"--abstain-below leaves {unsure.unsure} without a class" in unsure.warning


def test_a_precision_that_fails_is_warned_of() -> None:
    probabilities = np.array([[0.6, 0.4]] * 4 + [[0.55, 0.45]] * 2 + [[0.9, 0.1]])
    held_out = Judged(probabilities, np.array([0, 0, 0, 0, 1, 1, 1]))
    wishes = [Wish("a", "precision", 0.6), Wish("b", "recall", 1.0)]
    _, (first, _) = rule_of(wishes, 0.0, ("a", "b"), held_out)
    assert first.warning
    assert "precision 60.0% was asked for, 0.0% is to be expected" in first.warning
    assert "the threshold of 'b' takes 4" in first.warning


def test_equal_probabilities_lie_on_one_side_of_a_threshold() -> None:
    held_out = Judged(np.array([[0.2, 0.8]] * 4 + [[0.6, 0.4]] * 2), np.array([1, 1, 1, 0, 1, 0]))
    rule, (expected,) = rule_of([Wish("b", "precision", 0.75)], 0.0, ("a", "b"), held_out)
    assert (rule.thresholds[1], expected.found, expected.given) == (0.8, 3, 4)
    with pytest.raises(RegraftError, match=r"reach 75\.0% at most"):
        rule_of([Wish("b", "precision", 0.9)], 0.0, ("a", "b"), held_out)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Wanted(at_recall=["malign=0.9"]), "does not know; it knows benign"),
        (Wanted(at_recall=["malignant"]), "write it as CLASS=0.95"),
        (Wanted(at_precision=["malignant=95"]), "write it as CLASS=0.95"),
        (Wanted(at_recall=["other=nan"]), "write it as CLASS=0.95"),
        (Wanted(at_recall=["other=0.9"], at_precision=["Other=0.9"]), "two thresholds"),
        (Wanted(abstain_below=1.5), "no probability"),
        (Wanted(at_recall=["other=0.9"]), "keeps no held-out probabilities"),
    ],
)
def test_what_cannot_be_had_is_said(wanted: Wanted, said: str, tmp_path: Path) -> None:
    with pytest.raises(RegraftError, match=said):
        wanted.rule(CLASSES, tmp_path)


def test_from_the_command_line(make_folder: Callable[..., Path], tmp_path: Path, regraft: Regraft) -> None:
    data = make_folder(each=20)
    run = train(data, Recipe(image_size=32, fast=True, backbone="demonstration"), tmp_path / "run").folder
    kept = read_held_out(run, 2)
    assert kept
    assert kept.probabilities.shape == (len(kept.labels), 2)
    out = tmp_path / "p.csv"
    code, shown, said = regraft("predict", run, data, "--out", out, "--at-recall", "class1=0.9", "--quiet")
    assert (code, "'class1' from a probability of" in said) == (0, True)
    code, _, said = regraft("predict", run, data, "--json", "--at-recall", "class1=0.9", "--abstain-below", "1")
    assert (code, said.index("warning: 'class1': recall 90.0%") < said.index("note:")) == (0, True)
    code, shown, _ = regraft("predict", run, data, "--json", "--abstain-below", "1")
    rows = json.loads(shown)["predictions"]
    assert (code, {(row["class"], row["decision"]) for row in rows}) == (0, {(None, "unsure")})
    assert {row["decision"] for row in csv.DictReader(out.read_text().splitlines())} <= {"threshold", "likeliest"}
    (run / HELD_OUT).write_bytes(b"no")
    code, _, said = regraft("predict", run, data, "--at-recall", "class1=0.9")
    assert (code, "is damaged" in said) == (2, True)
