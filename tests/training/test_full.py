"""Training whole networks through the command line."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from regraft.network.load import load
from regraft.training.loop import Loop

Regraft = Callable[..., tuple[int, str, str]]


@pytest.mark.slow
def test_fine_tuning_through_the_command_line(regraft: Regraft, digits: Path, tmp_path: Path) -> None:
    options = ("--strategy", "fine-tune", "--epochs", 2, "--image-size", 64, "--flip", "no", "--json", "--quiet")
    code, out, err = regraft("train", digits, *options, "--out", tmp_path / "run")
    assert code == 0, err
    result = json.loads(out)
    assert result["strategy"] == "fine-tune"
    assert result["cut"] is None
    assert result["frozen_parameters"] == 0
    assert result["metrics"]["accuracy"] > 0.8
    history = (tmp_path / "run" / "history.csv").read_text().splitlines()
    assert len(history) == 4
    assert (tmp_path / "run" / "checkpoints" / "fine-tune" / "last.pt").exists()
    assert "How it learned" in (tmp_path / "run" / "report.html").read_text()
    code, out, err = regraft("predict", tmp_path / "run", digits / "3", "--json", "--quiet")
    assert code == 0, err
    assert np.mean([row["class"] == "3" for row in json.loads(out)["predictions"]]) > 0.7
    code, out, err = regraft("train", digits, *options, "--out", tmp_path / "run", "--resume")
    assert code == 0, err
    assert json.loads(out)["metrics"] == result["metrics"]
    code, out, err = regraft("train", digits, *options, "--out", tmp_path / "run", "--resume", "--seed", 1)
    assert code == 2
    assert "seed 0 there, 1 here" in err
    code, out, err = regraft("train", digits, *options, "--out", tmp_path / "run", "--resume", "--split-seed", 1)
    assert code == 2
    assert "another split" in err
    assert (tmp_path / "run" / "metrics.json").exists()


@pytest.mark.slow
def test_ctrl_c_gives_the_best_so_far_and_the_command_to_go_on(
    regraft: Regraft, make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ("--strategy", "fine-tune", "--epochs", 3, "--image-size", 32, "--flip", "no", "--quiet")
    root = make_folder(classes=3, each=20)

    def interrupted(loop: Loop, train_epoch: Callable[[Loop], None] = Loop.train_epoch) -> None:
        if loop.state.epoch == 1:
            raise KeyboardInterrupt
        train_epoch(loop)

    with monkeypatch.context() as patched:
        patched.setattr(Loop, "train_epoch", interrupted)
        code, _, err = regraft("train", root, *options, "--out", tmp_path / "run")
    assert code == 130
    assert f"regraft train {root}" in err
    assert "--resume" in err
    assert (tmp_path / "run" / "model" / "model.safetensors").exists()
    code, out, err = regraft("train", root, *options, "--out", tmp_path / "run", "--resume", "--json")
    assert code == 0, err
    code, whole, err = regraft("train", root, *options, "--out", tmp_path / "whole", "--json")
    assert code == 0, err
    assert json.loads(out)["metrics"] == json.loads(whole)["metrics"]


@pytest.mark.slow
def test_from_scratch_through_the_command_line(regraft: Regraft, digits: Path, tmp_path: Path) -> None:
    code, out, err = regraft(
        "train", digits, "--strategy", "from-scratch", "--epochs", 1, "--image-size", 64, "--out", tmp_path / "run",
        "--json", "--quiet",
    )  # fmt: skip
    assert code == 0, err
    assert json.loads(out)["strategy"] == "from-scratch"


def test_nothing_to_resume(regraft: Regraft, digits: Path, tmp_path: Path) -> None:
    code, _, err = regraft("train", digits, "--resume", "--out", tmp_path / "run")
    assert code == 2
    assert "no checkpoints" in err
    assert regraft("train", digits, "--resume")[0] == 2
    others = tmp_path / "others" / "checkpoints" / "fine-tune"
    others.mkdir(parents=True)
    (others / "last.pt").write_bytes(b"")
    assert "no run folder" in regraft("train", digits, "--resume", "--out", tmp_path / "others")[2]
    (tmp_path / "others" / "recipe.json").write_text("{}")
    code, _, err = regraft("train", digits, "--resume", "--strategy", "head", "--out", tmp_path / "others")
    assert (code, "none of head" in err) == (2, True)
    assert (others / "last.pt").exists()


@pytest.mark.slow
def test_other_names_of_a_cut_and_large_seeds_do(
    regraft: Regraft, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    root = make_folder(classes=3, each=20)  # enough for the pass to be timed, and so for every strategy's costs
    cut = next(cut for cut in load("embedded").cuts if cut.aliases)
    options = ("--strategy", "fine-tune", "--epochs", 1, "--image-size", 32, "--seed", 20_240_101, "--json", "--quiet")
    code, _, err = regraft("train", root, *options, "--unfreeze-from", cut.aliases[0], "--out", tmp_path / "run")
    assert code == 0, err
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["optimisation"]["unfreeze_from"] == cut.name
    code, out, err = regraft("plan", root, "--cut", cut.aliases[0], "--image-size", 32, "--json", "--quiet")
    assert (code, json.loads(out)["cut"]) == (0, cut.name), err
    twice = ("--cut", cut.name, "--cut", cut.aliases[0])
    code, _, err = regraft("plan", root, *twice, "--image-size", 32)
    assert (code, "two or more different ones" in err) == (2, True)
