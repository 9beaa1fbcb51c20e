"""More than one thing tried: what is kept and what is turned down."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from results import result

from regraft.errors import RunError
from regraft.metrics import certainty_of
from regraft.planning.prepare import prepare
from regraft.recipe import Recipe
from regraft.training.anytime import CERTAIN, candidates, compared, cuts_to_join, train_in_turn
from regraft.training.result import Trained
from regraft.training.strategy import Trainer, trainer_for

Regraft = Callable[..., tuple[int, str, str]]


def test_the_bootstrap_agrees_with_the_sign_test() -> None:
    from scipy.stats import binom

    before = np.zeros(300, dtype=bool)
    hits = before.copy()
    before[:12], hits[12:32] = True, True  # 20 gained, 12 lost
    exact = binom.cdf(19, 32, 0.5) + 0.5 * binom.pmf(20, 32, 0.5)
    assert certainty_of(hits, before, 0) == pytest.approx(exact, abs=0.02)
    assert certainty_of(hits, hits, 0) == 0.5


def test_an_attempt_is_kept_only_beyond_noise() -> None:
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
    attempt = compared("narrow", wide, narrow)
    assert attempt.before == pytest.approx(wide.judged.hits[100:180].mean())
    assert attempt.accuracy == pytest.approx(0.80)


@pytest.mark.slow
def test_a_time_limit_on_the_command_line(regraft: Regraft, make_folder: Callable[..., Path], tmp_path: Path) -> None:
    data = make_folder(classes=3, each=15)
    options = ("--time-limit", "1h", "--epochs", 1, "--image-size", 32, "--json", "--quiet")
    code, out, err = regraft("train", data, *options, "--out", tmp_path / "run")
    assert code == 0, err
    printed = json.loads(out)
    names = [attempt["name"] for attempt in printed["tried"]]
    assert names[:3] == ["majority class", "nearest neighbour", "head at the last cut"]
    assert names[-2:] == ["fine-tune", "fine-tune under stronger augmentation"]
    assert any(attempt["kept"] for attempt in printed["tried"])
    assert "What was tried" in (tmp_path / "run" / "report.html").read_text()
    assert json.loads((tmp_path / "run" / "tried.json").read_text()) == printed["tried"]
    recipe = json.loads((tmp_path / "run" / "recipe.json").read_text())
    assert recipe["planning"]["strategy"] == printed["strategy"]
    code, out, err = regraft("train", data, *options[2:], "--time-limit", "5x")
    assert code == 2
    assert "write 90s, 10m or 1.5h" in err


@pytest.mark.parametrize("error", [RunError("memory ran out"), KeyboardInterrupt()])
def test_an_attempt_that_fails_loses_nothing(
    error: BaseException, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    class Failing(Trainer):
        def train(self, recipe: Recipe, name: str, deadline: float = 0.0) -> Trained:
            if not recipe.frozen:
                raise error
            return super().train(recipe, name, deadline)

    job = prepare(make_folder(classes=3, each=10), Recipe(image_size=32, time_limit=1000.0))
    trainer = trainer_for(job, tmp_path / "checkpoints")
    failing = Failing(trainer.backbone, trainer.examples, trainer.folder)
    found = train_in_turn(job, failing, time.monotonic() + 1000)
    failed = next(attempt for attempt in found.tried if attempt.name == "fine-tune")
    assert found.frozen
    assert not failed.kept
    assert failed.note == (str(error) or "interrupted")
    assert found.interrupted == isinstance(error, KeyboardInterrupt)
    assert found.tried[-1].name.endswith("stronger augmentation") != found.interrupted  # it ends the attempts


def test_what_is_tried_in_turn(make_folder: Callable[..., Path]) -> None:
    job = prepare(make_folder(classes=3, each=10), Recipe(image_size=32))
    cuts, plan = job.backbone.cuts, job.plan
    tried = {one.name: one for one in candidates(Recipe(views=2, flip="no"), plan, cuts)}
    assert list(tried) == [
        "head at the last cut", "head at an earlier cut", "head on joined cuts", "fine-tune",
        "fine-tune under stronger augmentation",
    ]  # fmt: skip
    shapes = [(one.recipe.planning.strategy, one.recipe.planning.cut) for one in tried.values()]
    early = plan.similarity.best_early_cut
    assert shapes[:3] == [("head", cuts[-1].name), ("early-layers", early), ("head", None)]
    assert shapes[3:] == [("fine-tune", None)] * 2
    assert [one.recipe.head.views for one in tried.values()] == [2, 2, 2, 0, 0]
    assert {one.recipe.augmentation.flip for one in tried.values()} == {"no"}
    assert tried["head on joined cuts"].recipe.planning.cuts == cuts_to_join(plan, cuts)
    stronger = tried["fine-tune under stronger augmentation"].recipe
    assert (stronger.augmentation.preset, tried["fine-tune"].recipe.augmentation.preset) == ("strong", "medium")
    strongest = candidates(Recipe(augmentation="strong"), plan, cuts)
    assert [one.name for one in strongest][-1] == "fine-tune"  # there is nothing stronger


def test_joined_cuts_are_the_last_and_others_at_other_strides(make_folder: Callable[..., Path]) -> None:
    job = prepare(make_folder(classes=3, each=10), Recipe(image_size=32))
    cuts = job.backbone.cuts
    joined = cuts_to_join(job.plan, cuts)
    strides = [cut.stride for cut in cuts if cut.name in joined]
    assert joined[-1] == cuts[-1].name
    assert len(strides) == len(set(strides)) == len(joined) == 3
