"""What is said beside the figures of a test."""

from collections.abc import Sequence

import numpy as np
import pytest

from regraft.metrics import Metrics, measure
from regraft.runs.remarks import remarks_on


def measured(truth: Sequence[int], predicted: Sequence[int], classes: str = "ab", split: str = "test") -> Metrics:
    return measure(np.eye(len(classes))[list(predicted)], np.array(truth), list(classes), split, 0)


def test_one_percent_that_is_never_found_comes_first() -> None:
    metrics = measured([0] + [1] * 119, [1] * 120)
    remarks = remarks_on(metrics, 119 / 120, weighed=False)
    assert [remark.kind for remark in remarks] == ["never found", "no better than the largest class", "few images"]
    assert [remark.first for remark in remarks] == [True, True, False]
    assert remarks[0].text.startswith("'a' is never found: every image is taken for 'b'.")
    assert "--class-weights" in remarks[0].text
    assert "--class-weights" not in remarks_on(metrics, weighed=True)[0].text
    assert "no better than by chance" in remarks[1].text
    assert not any("99" in remark.text for remark in remarks)
    assert "'a' (1)" in remarks[2].text
    assert metrics.uneven
    assert metrics.summary()["uneven"] is True


def test_a_good_test_has_no_remark() -> None:
    truth = [0, 1] * 20
    assert remarks_on(measured(truth, truth), 0.5) == ()
    assert not measured(truth, truth).uneven


def test_a_class_that_is_only_predicted_wrongly_is_never_found() -> None:
    found = remarks_on(measured([0] * 6 + [1] * 94, [1] * 6 + [0] + [1] * 93))
    assert found[0].kind == "never found"
    assert "taken for others" in found[0].text
    few = remarks_on(measured([0] * 2 + [1] * 98, [1] * 2 + [0] + [1] * 97))
    assert "never found" not in [remark.kind for remark in few]  # two images are too few to say never


def test_an_accuracy_below_the_largest_class_tells_another_story() -> None:
    (remark,) = remarks_on(measured([0] * 6 + [1] * 114, [0] * 5 + [1] * 104 + [0] * 11))
    assert not remark.first  # the balanced accuracy, 86.8%, is said before
    assert remark.text.startswith("Accuracy tells another story: it is no better")


def test_even_classes_told_apart_no_better_than_the_largest() -> None:
    (remark,) = remarks_on(measured([0, 1] * 20, [0] * 40))[1:]
    assert remark.first
    assert "Accuracy 50.0% is no better than always naming the largest class (50.0%)" in remark.text
    assert "balanced accuracy is 50.0%, by chance 50.0%" in remark.text


def test_an_accuracy_that_flatters() -> None:
    kinds = [remark.kind for remark in remarks_on(measured([0] * 40 + [1] * 1960, [0] * 28 + [1] * 1972))]
    assert kinds == ["accuracy flatters"]


def test_an_accuracy_that_is_hardly_above_it() -> None:
    (remark,) = remarks_on(measured([0] * 30 + [1] * 10, [0] * 38 + [1] * 2))
    assert (remark.kind, remark.first) == ("hardly better than the largest class", False)


@pytest.mark.parametrize(("split", "word"), [("test", "test image"), ("all", "No image of")])
def test_classes_without_a_test_image(split: str, word: str) -> None:
    remarks = remarks_on(measured([1] * 8, [1] * 7 + [0], split=split))
    assert [remark.kind for remark in remarks] == ["not tested"]  # one class alone is compared with nothing
    assert remarks[0].first
    assert word in remarks[0].text
    assert "'a'" in remarks[0].text
    assert "of 'b' alone" in remarks[0].text


def test_many_classes_are_counted() -> None:
    remarks = remarks_on(measured(list(range(10)) * 3, [0] * 30, "abcdefghijk"))
    assert "9 of 11 classes ('b', 'c', 'd' and 6 more) are never found: every image" in remarks[0].text
    texts = " ".join(remark.text for remark in remarks)
    assert "No test image of 'k'" in texts
    assert "'a' (3), 'b' (3), 'c' (3) and 7 more" in texts
