"""More than one thing tried: what is kept and what is turned down."""

import json
import math
import re
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from regraft.cli.results import show_tried
from regraft.errors import RunError
from regraft.planning.joins import one_a_stride, promising_runs, runs_of
from regraft.planning.plan import Plan
from regraft.planning.prepare import prepare
from regraft.progress import Progress, silent
from regraft.recipe import Recipe
from regraft.training.anytime import LEAST_SECONDS, NO_TIME, train_in_turn
from regraft.training.candidates import frozen_candidates, tuned_candidates
from regraft.training.curve import prospect_of
from regraft.training.examples import rows_for_tuning
from regraft.training.result import Attempt, Trained
from regraft.training.state import OUT_OF_TIME
from regraft.training.strategy import Trainer, trainer_for
from regraft.training.verdict import UNCHANGED, is_unchanged

Regraft = Callable[..., tuple[int, str, str]]


@pytest.mark.slow
def test_a_time_limit_on_the_command_line(regraft: Regraft, make_folder: Callable[..., Path], tmp_path: Path) -> None:
    data = make_folder(classes=3, each=15)
    options = ("--time-limit", "1h", "--epochs", 1, "--image-size", 32, "--json", "--quiet")
    code, out, err = regraft("train", data, *options, "--out", tmp_path / "run")
    assert code == 0, err
    printed = json.loads(out)
    names = [attempt["name"] for attempt in printed["tried"]]
    assert names[:2] == ["majority class", "nearest neighbour"]
    assert names[2].startswith("head at ")
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


def test_heads_that_are_tried(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    job = prepare(make_folder(classes=3, each=10), Recipe(image_size=32))
    cuts, plan = job.backbone.cuts, job.plan
    examples = trainer_for(job, tmp_path).examples
    tried = {one.name: one.recipe for one in frozen_candidates(Recipe(flip="no"), plan, examples, cuts, silent)}
    early, last = plan.similarity.best_early_cut, cuts[-1].name
    first, second, third, *joined = tried
    assert {first, second} == {f"head at {last}", f"head at {early}"}
    assert first == f"head at {plan.cut}"  # the rule's comes first
    assert (third, tried[third].head.solver) == (f"discriminant at {last}", "discriminant")
    assert [name.split(" on ")[0] for name in joined] == ["discriminant", "head", "averaged heads"] * 2
    for name in joined:
        recipe = tried[name]
        places = [index for index, cut in enumerate(cuts) if cut.name in recipe.planning.cuts]
        assert places == list(range(places[0], places[-1] + 1))  # neighbours
        assert recipe.planning.strategy == ("head" if last in recipe.planning.cuts else "early-layers")
    assert {recipe.augmentation.flip for recipe in tried.values()} == {"no"}
    with_views = [one.name for one in frozen_candidates(Recipe(views=2), plan, examples, cuts, silent)]
    two_layers = [one.name for one in frozen_candidates(Recipe(head_layers=2), plan, examples, cuts, silent)]
    assert len(with_views) == 4
    assert not any("discriminant" in name or "averaged" in name for name in two_layers)


def test_when_the_whole_network_is_trained_too(make_folder: Callable[..., Path]) -> None:
    plan = prepare(make_folder(classes=3, each=10), Recipe(image_size=32)).plan
    head = Recipe(strategy="early-layers", cuts=("blocks.3", "blocks.4"), solver="discriminant", views=2)

    def names(plan: Plan, **settings: Any) -> list[str]:
        return [one.name for one in tuned_candidates(head, Recipe(**settings), plan)]

    assert names(replace(plan, competing_epochs=None)) == []
    (tune,) = tuned_candidates(head, Recipe(), replace(plan, competing_epochs=4))
    assert (tune.recipe.planning.strategy, tune.recipe.optimisation.epochs) == ("fine-tune", 4)
    assert (tune.recipe.planning.cuts, tune.recipe.head.views) == (("blocks.3", "blocks.4"), 0)  # from the best head
    assert names(replace(plan, strategy="fine-tune")) == ["fine-tune"]
    assert names(plan, time_limit=60.0) == ["fine-tune", "fine-tune under stronger augmentation"]
    assert names(plan, time_limit=60.0, augmentation="strong") == ["fine-tune"]  # there is nothing stronger


def test_runs_of_cuts_end_near_the_last_one() -> None:
    runs = [tuple(run) for run in runs_of(range(9))]  # type: ignore[arg-type]
    assert {run[-1] for run in runs} == {7, 8}
    assert {len(run) for run in runs} == {2, 3, 4, 5}
    assert list(runs_of(range(1))) == []  # type: ignore[arg-type]


def test_wide_networks_have_one_cut_a_stride_joined(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    job = prepare(make_folder(classes=3, each=10), Recipe(backbone="demonstration"))
    examples, cuts = trainer_for(job, tmp_path).examples, job.backbone.cuts
    wide = [replace(cut, channels=cut.channels * 1000) for cut in cuts]
    assert {cut.stride for cut in one_a_stride(wide)} == {cut.stride for cut in cuts}
    assert len(one_a_stride(wide)) == len({cut.stride for cut in cuts}) < len(cuts)
    assert promising_runs(examples.features, examples.split, wide, silent) == []  # even they are too wide
    assert promising_runs(examples.features, examples.split, cuts, silent)


def test_balanced_figures_let_weighed_classes_compete(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    job = prepare(make_folder(classes=3, each=10), Recipe(image_size=32))
    examples, cuts = trainer_for(job, tmp_path).examples, job.backbone.cuts

    def weights(**settings: Any) -> list[str]:
        recipe = Recipe(**settings)
        return [one.recipe.head.class_weights for one in frozen_candidates(recipe, job.plan, examples, cuts, silent)]

    plain = weights()
    assert set(plain) == {"none"}
    assert weights(monitor="val_balanced_accuracy") == plain + ["auto"] * len(plain)
    assert weights(monitor="val_macro_f1", class_weights="effective-number") == ["effective-number"] * len(plain)


def test_plain_fine_tuning_gets_all_the_time_that_is_left(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    job = prepare(make_folder(classes=3, each=10), Recipe(image_size=32, time_limit=1000.0))
    trainer = trainer_for(job, tmp_path / "checkpoints")
    deadlines: list[float] = []

    class Noting(Trainer):
        def train(self, recipe: Recipe, name: str, deadline: float = math.inf) -> Trained:
            if recipe.frozen:
                return super().train(recipe, name, deadline)
            deadlines.append(deadline)
            raise RunError("noted")

    deadline = time.monotonic() + 1000
    found = train_in_turn(job, Noting(trainer.backbone, trainer.examples, trainer.folder), deadline)
    assert deadlines == [deadline, deadline]
    assert [attempt.note for attempt in found.tried[-2:]] == ["noted", "noted"]


def test_fine_tuning_that_competes_ends_where_the_machine_turns_out_slow(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = prepare(make_folder(classes=3, each=10), Recipe(image_size=32))
    job = replace(job, plan=replace(job.plan, competing_epochs=5))
    monkeypatch.setattr("regraft.training.candidates.SLOWER", 0.0)
    monkeypatch.setattr("regraft.training.anytime.LEAST_SECONDS", -1.0)
    monkeypatch.setattr("regraft.training.anytime.LEAST_ERROR", -1.0)
    found = train_in_turn(job, trainer_for(job, tmp_path / "checkpoints"))
    tuned = found.tried[-1]
    assert (tuned.name, tuned.epochs) == ("fine-tune", 1)
    assert "stopped by time in epoch 1 of 5" in tuned.why


def test_a_training_that_never_beat_its_start_is_not_kept(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = prepare(make_folder(classes=3, each=10), Recipe(image_size=32, time_limit=1000.0, epochs=1))
    monkeypatch.setattr("regraft.training.anytime.PRACTICALLY_EQUAL", -1.0)  # any gain would do
    monkeypatch.setattr("regraft.training.anytime.is_unchanged", lambda _: True)
    found = train_in_turn(job, trainer_for(job, tmp_path / "checkpoints"), time.monotonic() + 1000)
    tuned = next(attempt for attempt in found.tried if attempt.name == "fine-tune")
    assert found.frozen
    assert not tuned.kept
    assert tuned.why.startswith(UNCHANGED)
    first, last = ([{"epoch": 0, "best": best}, {"epoch": 1, "best": not best}] for best in (True, False))
    assert is_unchanged(first)
    assert not is_unchanged(last)


@pytest.mark.slow
def test_each_attempt_says_on_how_many_images_and_why(
    make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = prepare(make_folder(classes=3, each=10), Recipe(image_size=32, time_limit=1000.0, epochs=5, patience=5))
    trainer = trainer_for(job, tmp_path / "checkpoints")
    lines: list[str] = []
    monkeypatch.setattr(Progress, "say", lambda _, line: lines.append(line))
    monkeypatch.setattr("regraft.training.anytime.PRACTICALLY_EQUAL", -1.0)  # what costs more is kept
    monkeypatch.setattr("regraft.training.anytime.is_unchanged", lambda _: False)
    monkeypatch.setattr("regraft.training.early_stopping.DIVERGED", math.inf)
    found = train_in_turn(job, trainer, time.monotonic() + 1000)
    by_name = {attempt.name: attempt for attempt in found.tried}
    train, val = rows_for_tuning(job.split)
    assert by_name["nearest neighbour"].images == len(val)
    heads = [attempt for attempt in found.tried if " at " in attempt.name or " on " in attempt.name]
    assert {attempt.images for attempt in heads} == {len(train) + len(val)}
    tuned, stronger = by_name["fine-tune"], by_name["fine-tune under stronger augmentation"]
    assert [attempt.name for attempt in found.tried if attempt.kept] == [stronger.name]
    assert sum(attempt.why.startswith("the best head; fine-tune: ") for attempt in heads) == 1
    assert tuned.why.startswith("fine-tune under stronger augmentation: ")
    assert all(attempt.why for attempt in heads)
    assert (tuned.images, tuned.epochs, tuned.planned_epochs) == (len(val), 5, 5)
    assert f"fine-tune ({stronger.before:.1%} on these)" in stronger.why
    assert "epoch" in stronger.prospect
    assert stronger.outcome == f"kept; {stronger.why}; {stronger.prospect}"
    assert [re.sub(r"\d+ min", "N min", line) for line in lines if line.startswith("Trying ")] == [
        "Trying fine-tune, with N min left",
        "Trying fine-tune under stronger augmentation, with N min left",
    ]
    short = train_in_turn(job, trainer_for(job, tmp_path / "again"), time.monotonic() + LEAST_SECONDS / 2)
    assert not [attempt for attempt in short.tried if attempt.epochs]
    assert short.tried[-1].note == NO_TIME


def test_what_was_tried_fits_eighty_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    why = "4.1 points better than the best head (81.6% on these), may be chance; stopped by time in epoch 18 of 30"
    name = "fine-tune under stronger augmentation"
    attempts = [
        Attempt("majority class", 0.51, note="baseline", images=4_000),
        Attempt("averaged heads on stages.2.blocks.13 to stages.3.blocks.2", 0.8775, 0.8694, 0.0062, images=16_345),
        Attempt(name, 1.0, 0.816, -0.102, True, images=4_000, why=why, prospect=prospect_of([], OUT_OF_TIME)),
        Attempt("fine-tune", note=NO_TIME, prospect="about 70 s more would let it run"),
    ]
    show_tried([asdict(attempt) for attempt in attempts])
    *lines, gain = capsys.readouterr().out.splitlines()
    assert gain.startswith("Gain: points over the rule's head")
    assert max(map(len, lines)) <= 80
    shown = " ".join(" ".join(lines).split())
    for text in ("100.0%", "4,000", "16,345", "-10.2", "kept; 4.1 points better", "of 30;", "would let it run"):
        assert text in shown
    columns = [(line[:24].strip(), line[44:].strip()) for line in lines]
    assert " ".join(column[0] for column in columns).count("averaged heads on") == 1
    assert attempts[2].outcome in " ".join(" ".join(column[1] for column in columns).split())
