"""Heads on frozen networks, through the command line: joined cuts, augmented views."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from regraft.errors import BackboneError
from regraft.network.load import load

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
    with pytest.raises(BackboneError, match="early layers only"):
        shallow = ("--cut", "blocks.0", "--cut", "blocks.1", "--out", tmp_path / "shallow", "--quiet")
        assert regraft("train", digits, *shallow)[0] == 0
        load(str(tmp_path / "shallow"))
    assert load(str(tmp_path / "run")).name == str(tmp_path / "run")


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
