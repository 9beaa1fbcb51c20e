"""What is said of the calibration: that chance is taken off, and where there are too few images to judge."""

import numpy as np
import pytest

from regraft.cli.probabilities import probabilities_in_words, show_probabilities
from regraft.metrics import measure
from regraft.runs.further_figures import further_figures


def figures(images: int) -> dict[str, object]:
    draw = np.random.default_rng(1)
    said = draw.uniform(0.5, 1, images)
    labels = np.where(draw.random(images) < said, 0, 1)
    return measure(np.stack([said, 1 - said], axis=1), labels, "ab", "test", 0).as_dict()


@pytest.mark.parametrize(("images", "few"), [(6, True), (400, False)])
def test_the_calibration_is_said_as_it_is(images: int, few: bool, capsys: pytest.CaptureFixture[str]) -> None:
    metrics = figures(images)
    line = probabilities_in_words(metrics)
    assert ("too few images to judge the calibration (chance alone gives up to" in line) == few
    assert ("% beyond chance: as good as calibrated (chance" in line) == (not few)
    show_probabilities(metrics)
    shown = capsys.readouterr().out
    assert ("Too few images to judge the calibration error: chance alone gives up to" in shown) == few
    assert ("calibration error beyond chance" in shown) == (not few)
    card = "".join(one.table for one in further_figures({"probabilities": metrics["probabilities"]}))
    assert "| calibration, error beyond chance |" in card
    assert ("| too few images to judge |" in card) == few
