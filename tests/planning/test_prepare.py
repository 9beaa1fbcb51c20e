"""What `regraft plan` finds out, from images to the files of a plan."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Regraft = Callable[..., tuple[int, str, str]]


@pytest.mark.slow
def test_shuffled_labels_are_noticed(regraft: Regraft, digits: Path, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for path in sorted(digits.rglob("*.png")):
        folder = tmp_path / "shuffled" / str(draw.integers(0, 4))
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{path.parent.name}-{path.name}").write_bytes(path.read_bytes())
    code, out, err = regraft("plan", tmp_path / "shuffled", "--json", "--quiet")
    assert code == 0, err
    assert any("unrelated to the images" in reason for reason in json.loads(out)["reasons"])


@pytest.mark.slow
def test_a_plan_on_disk(regraft: Regraft, digits: Path, tmp_path: Path) -> None:
    code, out, err = regraft("plan", digits, "--out", tmp_path / "plan", "--json", "--quiet")
    assert code == 0, err
    assert {path.name for path in (tmp_path / "plan").iterdir()} == {
        "plan.json", "recipe.json", "quadrant.svg", "surgery.svg", "profile.svg",
    }  # fmt: skip
    printed = json.loads(out)
    assert {row["strategy"] for row in printed["strategies"]} == {"head", "early-layers", "fine-tune", "from-scratch"}
    similarity = printed["similarity"]
    low, high = similarity["interval"]
    assert low <= similarity["score"] <= high
    assert similarity["margin"] == pytest.approx(max(similarity["score"] - low, high - similarity["score"]))
    assert (tmp_path / "plan" / "surgery.svg").read_text().count("<svg") == 1
