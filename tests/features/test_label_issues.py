"""Wrong labels that were planted are found."""

from types import SimpleNamespace

import numpy as np
import pytest

from regraft.features import label_issues
from regraft.features.label_issues import doubted_labels, held_out_probabilities, narrow_and_late


def test_planted_labels_are_doubted_first() -> None:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 4, 400)
    x = (draw.normal(0, 1, (4, 30))[labels] + draw.normal(0, 1, (400, 30))).astype(np.float32)
    wrong = draw.choice(400, 20, replace=False)
    given = labels.copy()
    given[wrong] = (labels[wrong] + draw.integers(1, 4, 20)) % 4
    probabilities = held_out_probabilities(x.__getitem__, given, 4, np.arange(400) % 10)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    first = doubted_labels(probabilities, given)[:20]
    assert len({issue.row for issue in first} & set(wrong.tolist())) >= 19
    assert all(issue.label == labels[issue.row] for issue in first if issue.row in wrong)


@pytest.mark.parametrize(
    ("channels", "chosen"),
    [
        ([16, 32, 112, 192, 320, 1280], [112, 192, 320]),
        ([64, 128, 256, 512, 1024], [128, 256, 512]),
        ([512, 1024, 2048], [512]),
        ([2048, 2048], [2048]),
        ([8, 8, 8, 8, 8], [8, 8, 8, 8]),
    ],
)
def test_late_cuts_with_few_channels(channels: list[int], chosen: list[int]) -> None:
    cuts = [SimpleNamespace(name=place, channels=number) for place, number in enumerate(channels)]
    narrow = narrow_and_late(cuts)  # type: ignore[arg-type]
    assert [cut.channels for cut in narrow] == chosen
    assert narrow[-1] is cuts[-1] or chosen[-1] < channels[-1]


def test_a_rare_class_that_is_never_named_is_left_alone() -> None:
    draw = np.random.default_rng(0)
    labels = np.repeat([0, 1], [6, 594])
    x = draw.normal(0, 1, (600, 30)).astype(np.float32)
    assert doubted_labels(held_out_probabilities(x.__getitem__, labels, 2, np.arange(600) % 10), labels) == []


def test_of_a_rare_class_half_must_be_recognised() -> None:
    labels = np.repeat([0, 1, 2], [6, 100, 100])
    sure = np.full((206, 3), 0.05)
    sure[np.arange(206), labels] = 0.9
    sure[100] = 0.05, 0.05, 0.9  # a label that is wrong
    taken = sure.copy()
    taken[1:6] = 0.3, 0.6, 0.1
    assert {issue.row for issue in doubted_labels(taken, labels)} == {100}
    taken[1:4] = 0.9, 0.05, 0.05  # four of six are recognised
    assert {issue.row for issue in doubted_labels(taken, labels)} == {4, 5, 100}


def test_a_class_that_is_not_known_is_no_likelier_label() -> None:
    labels = np.repeat([0, 1], [1, 30])
    probabilities = np.tile([0.2, 0.8], (31, 1))
    probabilities[5] = 0.7, 0.3  # the one image of class 0 is not recognised
    assert doubted_labels(probabilities, labels) == []


def test_many_images_are_judged_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(1)
    labels = draw.integers(0, 3, 900)
    x = (draw.normal(0, 1, (3, 20))[labels] + draw.normal(0, 0.7, (900, 20))).astype(np.float32)
    wrong, folds, asked = draw.choice(900, 20, replace=False), draw.integers(0, 10, 900), []
    given = labels.copy()
    given[wrong] = (labels[wrong] + 1) % 3

    def features(rows: np.ndarray) -> np.ndarray:
        asked.append(len(rows))
        return x[rows]

    monkeypatch.setattr(label_issues, "LEARNED", 300)
    at_once = held_out_probabilities(features, given, 3, folds)
    monkeypatch.setattr(label_issues, "AT_ONCE", 200)
    in_blocks = held_out_probabilities(features, given, 3, folds)
    assert asked[0] == 900
    assert len(asked) == 6
    assert max(asked[1:]) <= 500
    assert (in_blocks.argmax(axis=1) == at_once.argmax(axis=1)).mean() > 0.98
    assert np.abs(in_blocks - at_once).mean() < 0.03  # each block's images choose the penalty
    first = {issue.row for issue in doubted_labels(in_blocks, given)[:20]}
    assert len(first & {issue.row for issue in doubted_labels(at_once, given)[:20]}) >= 17
