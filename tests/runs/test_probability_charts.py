"""The pictures of what probabilities are worth: well formed, and inside their frames."""

import re
from xml.etree import ElementTree as Xml

import numpy as np
import pytest

from regraft.metrics import measure
from regraft.runs.probability_charts import HEIGHT, WIDTH, draw_reliability, draw_risk_coverage

SVG = "{http://www.w3.org/2000/svg}"


def checked(picture: str) -> Xml.Element:
    root = Xml.fromstring(picture)
    assert not re.search(r"\b(nan|inf|None)\b", re.sub(r">[^<]*<", "><", picture))
    assert " id=" not in picture
    for disc in root.iter(f"{SVG}circle"):
        assert 0 <= float(disc.get("cx", "")) <= WIDTH
        assert 0 <= float(disc.get("cy", "")) <= HEIGHT
    return root


@pytest.mark.parametrize("images", [2, 30, 500])
@pytest.mark.parametrize("sharper", [0.0, 1.0, 50.0])
def test_they_hold_what_was_measured(images: int, sharper: float) -> None:
    draw = np.random.default_rng(images)
    labels = draw.integers(0, 3, images)
    logits = sharper * (draw.normal(size=(images, 3)) + np.eye(3)[labels])
    probabilities = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    figures = measure(probabilities, labels, "abc", "test", 0).as_dict()["probabilities"]
    bins, kept = figures["calibration"]["bins"], figures["risk_coverage"]["kept"]
    root = checked(draw_reliability(bins))
    told = [title.text or "" for title in root.iter(f"{SVG}title")]
    assert sum("on average" in text for text in told) == len(bins)
    assert f"{bins[0]['confidence']:.1%} on average, {bins[0]['accuracy']:.1%} right" in told[1]
    root = checked(draw_risk_coverage(kept))
    told = [title.text or "" for title in root.iter(f"{SVG}title")]
    assert sum("to a person: " in text for text in told) == len(kept)
    assert f"20% to a person: {kept[3]['accuracy']:.1%}" in " ".join(told)
