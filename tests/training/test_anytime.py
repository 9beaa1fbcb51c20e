"""More than one thing tried: what is kept, what is turned down, and when random weights take over."""

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from regraft.errors import BackboneError, RunError
from regraft.features.features import silent
from regraft.network import backbone as backbones
from regraft.planning.prepare import prepare
from regraft.recipe import Recipe
from regraft.training.anytime import CERTAIN, certainty_of, climb, compared
from regraft.training.frozen import train_frozen
from regraft.training.result import Judged, Trained
from regraft.training import strategy as training

Regraft = Callable[..., tuple[int, str, str]]


def result(accuracy: float, images: int = 400, start: int = 0, strategy: str = "fine-tune", seed: int = 0) -> Trained:
    """A trained network that is right on so many of its images, drawn by seed."""
    hits = np.zeros(images, dtype=bool)
    hits[np.random.default_rng(seed).permutation(images)[: round(accuracy * images)]] = True
    history = tuple({"epoch": epoch, "val_accuracy": accuracy} for epoch in range(7))
    judged = Judged(np.arange(start, start + images), hits)
    return Trained(Recipe(strategy=strategy, epochs=4), SimpleNamespace(), judged, history, 0, 0.0)  # type: ignore[arg-type]


def test_the_bootstrap_agrees_with_the_sign_test() -> None:
    from scipy.stats import binom

    before = np.zeros(300, dtype=bool)
    hits = before.copy()
    before[:12], hits[12:32] = True, True  # 20 gained, 12 lost
    exact = binom.cdf(19, 32, 0.5) + 0.5 * binom.pmf(20, 32, 0.5)
    assert certainty_of(hits, before, 0) == pytest.approx(exact, abs=0.02)
    assert certainty_of(hits, hits, 0) == 0.5


def test_a_rung_is_kept_only_beyond_noise() -> None:
    best = result(0.80)
    assert compared("first", None, best).kept
    assert not compared("noise", best, result(0.81, seed=1)).kept
    better = compared("better", best, result(0.88, seed=1))
    assert better.kept
    assert better.certainty is not None
    assert better.certainty >= CERTAIN
    assert not compared("worse", best, result(0.70, seed=1)).kept


def test_two_networks_meet_on_the_images_that_judged_both() -> None:
    wide, narrow = result(0.80, images=400), result(0.80, images=80, start=100, seed=2)
    rung = compared("narrow", wide, narrow)
    assert rung.before == pytest.approx(wide.judged.hits[100:180].mean())
    assert rung.accuracy == pytest.approx(0.80)


@pytest.mark.parametrize(
    ("neighbour", "trial", "full", "strategy", "said", "trained"),
    [
        (0.50, 0.40, 0.0, "fine-tune", "the pre-trained start was kept", ["from-scratch-trial"]),
        (0.50, 0.90, 0.95, "from-scratch", "random weights validated", ["from-scratch-trial", "from-scratch"]),
        (0.85, 0.0, 0.90, "from-scratch", "no better than the nearest neighbour", ["from-scratch"]),
        (0.85, 0.0, 0.60, "fine-tune", "no better than the nearest neighbour", ["from-scratch"]),
    ],
)
def test_case_four_falls_back_to_random_weights(
    neighbour: float, trial: float, full: float, strategy: str, said: str, trained: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(training, "baselines_on_validation", lambda _: {"nearest_neighbour": neighbour})
    monkeypatch.setattr(training, "rows_for_tuning", lambda _: (np.arange(1000), np.arange(200)))
    carried = []

    def carry(recipe: Recipe, name: str, _deadline: float) -> Trained:
        carried.append(name)
        return replace(result(trial if name.endswith("trial") else full), recipe=recipe)

    prepared: Any = SimpleNamespace(split=None, recipe=Recipe())
    found = training.or_from_scratch(prepared, result(0.80), carry, 0.0)
    assert (found.strategy, carried) == (strategy, trained)
    assert said in found.notes[-1]


def test_a_trial_of_random_weights_that_fails_keeps_the_fine_tuning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "baselines_on_validation", lambda _: {"nearest_neighbour": 0.5})

    def carry(*_: Any) -> Trained:
        raise RunError("memory ran out")

    tuned, prepared = result(0.80), SimpleNamespace(split=None, recipe=Recipe())
    found = training.or_from_scratch(prepared, tuned, carry, 0.0)  # type: ignore[arg-type]
    assert found.model is tuned.model
    assert "memory ran out" in found.notes[-1]


def test_the_ladder_on_the_command_line(regraft: Regraft, make_folder: Callable[..., Path], tmp_path: Path) -> None:
    data = make_folder(classes=3, each=15)
    options = ("--time-limit", "1h", "--epochs", 1, "--image-size", 32, "--json", "--quiet")
    code, out, err = regraft("train", data, *options, "--out", tmp_path / "run")
    assert code == 0, err
    printed = json.loads(out)
    names = [rung["name"] for rung in printed["tried"]]
    assert names[:3] == ["majority class", "nearest neighbour", "head at the last cut"]
    assert names[-2:] == ["fine-tune", "fine-tune under stronger augmentation"]
    assert any(rung["kept"] for rung in printed["tried"])
    assert "What was tried" in (tmp_path / "run" / "report.html").read_text()
    assert json.loads((tmp_path / "run" / "recipe.json").read_text())["strategy"] == printed["strategy"]
    code, out, err = regraft("train", data, *options[2:], "--time-limit", "5x")
    assert code == 2
    assert "write 90s, 10m or 1.5h" in err


@pytest.mark.parametrize("error", [RunError("memory ran out"), KeyboardInterrupt()])
def test_a_rung_that_fails_loses_nothing(error: BaseException, make_folder: Callable[..., Path]) -> None:
    prepared = prepare(make_folder(classes=3, each=10), Recipe(image_size=32, time_limit=1000.0))

    def carry(recipe: Recipe, name: str, _deadline: float) -> Trained:
        if name == "fine-tune":
            raise error
        return train_frozen(prepared, recipe, silent)

    found = climb(prepared, carry, time.monotonic() + 1000)
    failed = next(rung for rung in found.tried if rung.name == "fine-tune")
    assert found.frozen
    assert not failed.kept
    assert failed.note == (str(error) or "interrupted")
    assert found.interrupted == isinstance(error, KeyboardInterrupt)


def test_a_joined_head(regraft: Regraft, digits: Path, tmp_path: Path) -> None:
    code, out, err = regraft(
        "train", digits, "--cut", "bn2", "--cut", "blocks.1", "--pooling", "both", "--out", tmp_path / "run", "--json",
        "--quiet",
    )  # fmt: skip
    assert code == 0, err
    printed = json.loads(out)
    assert (printed["strategy"], printed["cuts"], printed["cut"]) == ("head", ["blocks.1", "bn2"], "bn2")
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert (recipe["cuts"], recipe["pooling"]) == (["blocks.1", "bn2"], "both")
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
        backbones.load(str(tmp_path / "shallow"))
    assert backbones.load(str(tmp_path / "run")).name == str(tmp_path / "run")


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


@pytest.mark.parametrize("pooling", ["average", "max", "both"])
def test_a_tuned_network_pools_as_it_is_saved(pooling: str) -> None:
    from regraft.network.backbone import Architecture
    from regraft.network.cuts import trace
    from regraft.network.surgery import POOLINGS, Tunable, graft

    architecture = Architecture("timm", "resnet18")
    model = architecture.build()
    traced = trace(model, 32)
    last = traced.cuts[-1]
    head = nn.Sequential(nn.Linear(last.channels * len(POOLINGS[pooling]), 3))
    network = Tunable(model, traced, last, head, pooling).eval()
    images = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(network(images), graft(model, architecture, traced, [last], head, pooling)(images))
