"""Wrong labels that were planted are found."""

from types import SimpleNamespace

import numpy as np
import pytest

from regraft.features.label_issues import doubted_labels, held_out_probabilities, narrow_and_late


def test_planted_labels_are_doubted_first() -> None:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 4, 400)
    x = (draw.normal(0, 1, (4, 30))[labels] + draw.normal(0, 1, (400, 30))).astype(np.float32)
    wrong = draw.choice(400, 20, replace=False)
    given = labels.copy()
    given[wrong] = (labels[wrong] + draw.integers(1, 4, 20)) % 4
    probabilities = held_out_probabilities(x, given, 4, np.arange(400) % 10)
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
