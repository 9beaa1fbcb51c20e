"""Heads on frozen networks, through the command line: joined cuts, augmented views."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from regraft.network.cuts import Cut
from regraft.network.load import load
from regraft.planning.prepare import prepare
from regraft.progress import silent
from regraft.recipe import Recipe
from regraft.training.frozen import Solved, solved_head
from regraft.training.strategy import trainer_for

Regraft = Callable[..., tuple[int, str, str]]


@pytest.mark.slow
def test_a_joined_head(regraft: Regraft, digits: Path, tmp_path: Path) -> None:
    code, out, err = regraft(
        "train", digits, "--cut", "bn2", "--cut", "blocks.1", "--pooling", "both", "--out", tmp_path / "run", "--json",
        "--quiet",
    )  # fmt: skip
    assert code == 0, err
    printed = json.loads(out)
    assert (printed["strategy"], printed["cuts"], printed["cut"]) == ("head", ["blocks.1", "bn2"], "bn2")
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert (recipe["planning"]["cuts"], recipe["head"]["pooling"]) == (["blocks.1", "bn2"], "both")
    code, out, err = regraft("evaluate", tmp_path / "run", digits, "--json", "--quiet")
    assert code == 0, err
    assert json.loads(out)["metrics"]["accuracy"] > 0.9  # the saved network joins and pools as the cached features do
    again = regraft(
        "train", digits, "--recipe", tmp_path / "run" / "recipe.json", "--out", tmp_path / "again", "--json"
    )
    assert again[0] == 0, again[2]
    assert json.loads(again[1])["metrics"] == printed["metrics"]
    assert json.loads(again[1])["images_through_backbone"] == 0
    shallow = ("--cut", "blocks.0", "--cut", "blocks.1", "--out", tmp_path / "shallow", "--quiet")
    assert regraft("train", digits, *shallow)[0] == 0
    assert load(str(tmp_path / "shallow")).cuts[-1].name == "blocks.1"
    assert load(str(tmp_path / "run")).name == str(tmp_path / "run")


@pytest.mark.parametrize("pooling", ["average", "both"])
def test_averaged_heads_are_the_mean_of_a_head_on_each_cut(
    pooling: str, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    job = prepare(make_folder(classes=3, each=10), Recipe(image_size=32, pooling=pooling))
    examples = trainer_for(job, tmp_path).examples
    cuts, rows = job.backbone.cuts[-3:-1], job.split.train
    recipe = Recipe(pooling=pooling, solver="discriminant")

    def solved(chosen: Sequence[Cut], joining: str) -> Solved:
        return solved_head(job.backbone, examples, recipe.but(joining=joining), chosen, rows, None, silent)

    average = solved(cuts, "averaged")
    apart = [solved([cut], "concatenated") for cut in cuts]
    inputs = [job.features.pooled([cut], rows, pooling) for cut in cuts]
    expected = np.mean([one.head.logits(x) for one, x in zip(apart, inputs, strict=True)], axis=0)
    ours = average.head.logits(job.features.pooled(cuts, rows, pooling))
    factor = float(
        ours.ravel() @ expected.ravel() / (expected.ravel() @ expected.ravel())
    )  # made as sure as it is right
    np.testing.assert_allclose(ours, factor * expected, atol=1e-3 * np.abs(ours).max())
    np.testing.assert_allclose(average.logits, factor * np.mean([one.logits for one in apart], 0), rtol=1e-3, atol=1e-3)
    assert average.judged.accuracy == float((average.logits.argmax(1) == average.labels).mean())
    assert len(average.trials) == sum(len(one.trials) for one in apart)


@pytest.mark.slow
def test_views_train_the_head_too(
    regraft: Regraft, make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    data = make_folder(classes=2, each=20)
    options = ("--strategy", "head", "--views", 3, "--flip", "no", "--json", "--quiet")
    code, out, err = regraft("train", data, *options, "--out", tmp_path / "one")
    assert code == 0, err
    first = json.loads(out)
    assert first["images_through_backbone"] == 40 + 3 * 32
    assert "What the training images looked like" in (tmp_path / "one" / "report.html").read_text()
    code, out, err = regraft("train", data, *options, "--out", tmp_path / "two")
    assert code == 0, err
    assert json.loads(out)["images_through_backbone"] == 0
    assert json.loads(out)["metrics"] == first["metrics"]
    assert regraft("train", data, "--strategy", "fine-tune", "--views", 3)[0] == 2
