"""A finished run in place of a backbone: whole, or its early layers alone."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import regraft as package
from regraft import BackboneError, Recipe
from regraft.network.load import load

Regraft = Callable[..., tuple[int, str, str]]
EARLY = Recipe(image_size=32, strategy="early-layers", cut="blocks.1")


@pytest.fixture
def early(make_folder: Callable[..., Path], tmp_path: Path) -> Path:
    return package.train(make_folder(each=10), EARLY, tmp_path / "early").folder


def test_a_run_of_early_layers_ends_at_its_cut(early: Path) -> None:
    backbone, whole = load(str(early)), load("embedded", image_size=32)
    kept = [cut.name for cut in whole.cuts][: 1 + [cut.name for cut in whole.cuts].index("blocks.1")]
    assert [cut.name for cut in backbone.cuts] == kept
    assert backbone.cuts[-1].share == 1
    assert [note for note in backbone.notes if "the network ends at blocks.1" in note]
    assert backbone.resized_to(64).cuts[-1].name == "blocks.1"
    torch.manual_seed(5)  # the layers behind are drawn the same each time
    assert load(str(early)).fingerprint == backbone.fingerprint
    ours, theirs = (one.state_up_to(one.cut_of("blocks.1")) for one in (backbone, whole))
    assert all(np.array_equal(ours[name], theirs[name]) for name in ours)


@pytest.mark.slow
@pytest.mark.parametrize("strategy", ["head", "fine-tune"])
def test_it_trains_and_is_loaded_and_started_from_again(
    strategy: str, early: Path, make_folder: Callable[..., Path], regraft: Regraft, tmp_path: Path
) -> None:
    data = make_folder("more", classes=3, each=12)
    options = ("--strategy", strategy, "--epochs", 1, "--out", tmp_path / "again", "--json", "--quiet")
    code, out, err = regraft("train", data, "--backbone", early, *options)
    assert code == 0, err
    result = json.loads(out)
    assert result["cuts"] == ["blocks.1"]
    assert any("the network ends at blocks.1" in note for note in result["notes"])
    code, out, err = regraft("evaluate", tmp_path / "again", data, "--json", "--quiet")
    assert code == 0, err
    assert load(str(tmp_path / "again")).cuts[-1].name == "blocks.1"  # it is no whole network now


def test_weights_that_are_missing_are_told(early: Path) -> None:
    from safetensors.numpy import load_file, save_file

    path = early / "model" / "model.safetensors"
    state = load_file(path)
    del state[next(name for name in state if name.startswith("body.blocks.0"))]
    save_file(state, path)
    with pytest.raises(BackboneError, match="do not fit their network"):
        load(str(early))
