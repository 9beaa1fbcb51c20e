"""A search over settings: what it tries, and what it keeps."""

import json
import re
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from forks import Forked
from tuned import OPTIONS, SMALL, rows, study_in, timeless

import regraft as package
from regraft.errors import RunError
from regraft.evaluation.tuning.result import Tuned
from regraft.progress import Progress
from regraft.recipe import Recipe
from regraft.training.strategy import Trainer


def test_it_begins_with_what_train_tries_and_is_never_worse(quick: Callable[..., Tuned], tmp_path: Path) -> None:
    tuned = quick()
    trained = package.train(tmp_path / "data", out=tmp_path / "trained", progress=False, **SMALL)
    assert tuned.run
    assert tuned.search
    kept = rows(tuned.folder)
    assert kept[0]["from"] == "the plan"
    assert kept[0]["strategy"] == trained.plan.strategy
    of_train = [row for row in kept if row["from"] in {"the plan", "train's own"}]
    heads = [one for one in trained.tried if one.epochs is None and one.images == 24 and one.note != "baseline"]
    assert [row["name"] for row in of_train if row["kind"] == "head"] == [one.name for one in heads]
    assert tuned.search.winner.accuracy >= (tuned.search.of_train or 0)
    best = max(float(row["validation"]) for row in kept if row["validation"])
    assert tuned.search.winner.accuracy >= best - 0.2
    for name in ("report.html", "model/config.json", "predictions.csv", "recipe.json", "tuning.json", "README.md"):
        assert (tuned.folder / name).exists()
    assert "How it was tuned" in (tuned.folder / "report.html").read_text()
    assert "<!-- how it was tuned -->" not in (tuned.folder / "report.html").read_text()
    assert package.load(tuned.folder).classes == ("class0", "class1")
    assert "regraft.tune(" in (tuned.folder / "report.html").read_text()
    assert "sampler=&#39;grid&#39;" in (tuned.folder / "report.html").read_text()
    assert not list(tmp_path.glob(".*"))


def test_the_grid_is_whole_and_every_trial_is_in_the_journal(quick: Callable[..., Tuned]) -> None:
    tuned = quick()
    grid = [row for row in rows(tuned.folder) if row["from"] == "the grid"]
    assert len(grid) == 4
    assert {(row["learning_rate"], row["epochs"]) for row in grid} == {
        ("0.0001", "1"), ("0.0001", "2"), ("0.001", "1"), ("0.001", "2"),
    }  # fmt: skip
    assert {row["trained_epochs"] for row in grid} <= {"1", "2"}
    study = study_in(tuned.folder)
    assert len(study.trials) == len(rows(tuned.folder))
    assert {trial.state.name for trial in study.trials} <= {"COMPLETE", "PRUNED"}
    assert study.user_attrs["winner"] == tuned.search.winner.number if tuned.search else False
    assert [trial.params for trial in study.trials if "epochs" in trial.params][-1] == {
        "learning_rate": 1e-3,
        "epochs": 2,
    }


@pytest.mark.slow
def test_with_the_same_seed_the_sampler_proposes_the_same(quick: Callable[..., Tuned]) -> None:
    space = {"learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}, "epochs": [1, 2], "mix": ["none", "mixup"]}
    one, other = (quick(name, space=space, sampler="tpe", trials=4) for name in ("one", "other"))
    assert timeless(one.folder) == timeless(other.folder)
    sampled = [row for row in rows(one.folder) if row["from"] == "the sampler"]
    assert len({row["learning_rate"] for row in sampled}) == len(sampled) > 1
    assert one.search
    assert "about as good as random" in " ".join(one.search.sentences(None, 0, "test"))


def test_the_sampler_learns_from_the_plans_own_training(quick: Callable[..., Tuned]) -> None:
    space = {"learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}, "epochs": [1, 2]}
    tuned = quick(space=space, sampler="tpe", trials=2, strategy="fine-tune", epochs=2, learning_rate=1e-3)
    first = study_in(tuned.folder).trials[0]
    assert first.user_attrs["origin"] == "the plan"
    assert first.params == {"learning_rate": 1e-3, "epochs": 2}


def test_what_is_left_open_and_what_is_said_are_one_recipe(quick: Callable[..., Tuned]) -> None:
    tuned = quick(space={"learning_rate": [5e-4, 1e-3], "epochs": [2]}, strategy="fine-tune", epochs=2)
    names = [(row["name"], row["learning_rate"]) for row in rows(tuned.folder)]
    assert names == [("the plan's fine-tune", ""), ("learning rate 0.001", "0.001")], "0.0005 is the default"


@pytest.mark.slow
def test_gone_on_with_it_trains_only_what_is_new(quick: Callable[..., Tuned], monkeypatch: pytest.MonkeyPatch) -> None:
    train, trained = Trainer.train, list[str]()

    def counted(self: Trainer, recipe: Recipe, name: str, *more: Any) -> Any:
        if len(trained) == 9:
            raise KeyboardInterrupt
        trained.append(name)
        return train(self, recipe, name, *more)

    monkeypatch.setattr(Trainer, "train", counted)
    with pytest.raises(KeyboardInterrupt):
        quick()
    trained.append("the one that was interrupted")
    again = quick(resume=True)
    once = [name for name in trained if len(name) == 24]
    rule = [one for one in rows(again.folder) if one["trial"] == "0"]
    assert len(set(once)) >= len(once) - len(rule), "only the plan's head is solved again, for the report"
    monkeypatch.setattr(Trainer, "train", train)
    assert timeless(quick("whole").folder) == timeless(again.folder)


def test_a_finished_search_gets_more_trials(quick: Callable[..., Tuned]) -> None:
    space = {"learning_rate": {"low": 1e-5, "high": 1e-2, "log": True}, "epochs": [1, 2]}
    first = quick(space=space, sampler="random", trials=2)
    before = timeless(first.folder)
    second = quick(space=space, sampler="random", trials=4, resume=True)
    assert second.search
    assert second.search.trained == 2
    after = timeless(second.folder)
    assert [row["name"] for row in after[: len(before)]] == [row["name"] for row in before]
    assert len(after) == len(before) + 2


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no process can be stopped there")
def test_two_processes_share_one_journal(quick: Callable[..., Tuned], tmp_path: Path) -> None:
    space = tmp_path / "space.toml"
    space.write_text("[space]\nlearning_rate = [1e-5, 3e-5, 1e-4, 3e-4]\nepochs = [2, 3]\npatience = [40]\n")
    words = ("tune", tmp_path / "data", *OPTIONS, "--space", space)
    words = (*words, "--sampler", "grid", "--out", tmp_path / "both", "--json")
    first = Forked(*words)
    journal = tmp_path / ".both.search" / "journal.log"
    while not (journal.exists() and "space" in journal.read_text()):
        assert first.code() is None, first.ended()
        time.sleep(0.02)
    first.signal(signal.SIGSTOP)  # so that the second one, which begins later, has something left to do
    second = Forked(*words, "--resume")
    while f" {second.pid} " not in journal.read_text():
        assert second.code() is None, second.ended()
        first.signal(signal.SIGCONT)  # it may have held a lock
        time.sleep(0.01)
        first.signal(signal.SIGSTOP)
        time.sleep(0.1)
    first.signal(signal.SIGCONT)
    both = [first.ended(), second.ended()]
    assert [code for code, _, _ in both] == [0, 0], both
    results = [json.loads(printed) for _, printed, _ in both]
    assert sum(one["run"] is not None for one in results) == 1, "one of them writes the run"
    study = study_in(tmp_path / "both")
    keys = [trial.user_attrs["key"] for trial in study.trials]
    assert len(set(keys)) == len(keys) == len(rows(tmp_path / "both"))
    processes = {trial.user_attrs["process"].split()[1] for trial in study.trials}
    assert processes == {str(first.pid), str(second.pid)}
    assert {trial.state.name for trial in study.trials} <= {"COMPLETE", "PRUNED"}
    alone = quick("alone", space=space)
    assert alone.search
    same = {row["name"]: row["state"] for row in rows(alone.folder)}
    assert {row["name"] for row in rows(tmp_path / "both")} == same.keys()


def test_an_outcome_that_is_damaged_is_made_again(quick: Callable[..., Tuned]) -> None:
    first = quick()
    before = timeless(first.folder)
    kept = sorted((first.folder / "search" / "trainings").iterdir())
    kept[0].write_bytes(kept[0].read_bytes()[:-40])
    kept[-1].unlink()
    again = quick(resume=True)
    assert again.search
    assert again.search.trained == 2
    assert timeless(again.folder) == before


def test_balanced_figures_choose_where_they_are_monitored(quick: Callable[..., Tuned], tmp_path: Path) -> None:
    for path in sorted((tmp_path / "data" / "class0").iterdir())[:6]:
        path.unlink()
    tuned = quick(monitor="val_balanced_accuracy")
    assert tuned.search
    assert tuned.search.figure == "balanced accuracy"
    assert "Validation balanced accuracy" in next(tuned.in_lines())
    assert any("weighed" in row["name"] for row in rows(tuned.folder))


def test_random_weights_and_a_limit_in_time(quick: Callable[..., Tuned]) -> None:
    tuned = quick(space=None, sampler="random", strategy="from-scratch", epochs=1, trials=3, time_limit=300.0)
    kept = rows(tuned.folder)
    assert {row["strategy"] for row in kept} == {"from-scratch"}
    assert len(kept) == 3
    assert "layer_decay" not in kept[0]


def test_heads_alone(quick: Callable[..., Tuned]) -> None:
    tuned = quick(space=None, sampler="tpe", strategy="head", trials=12)
    kept = rows(tuned.folder)
    assert len(kept) == 12
    assert {row["kind"] for row in kept} == {"head"}
    assert tuned.run
    assert tuned.search
    assert 0 < tuned.search.judging <= tuned.search.winner.images
    assert tuned.run.frozen


@pytest.mark.slow
def test_several_backbones(quick: Callable[..., Tuned]) -> None:
    both = ("demonstration", "embedded")
    tuned = quick(backbone=None, backbones=both, space={"epochs": [1]}, time_limit=None)
    kept = rows(tuned.folder)
    assert {row["backbone"] for row in kept} == set(both)
    assert {row["backbone"] for row in kept if row["from"] == "the grid"} == set(both)
    assert kept[0]["backbone"] == "demonstration"
    assert tuned.run
    recipe = json.loads((tuned.folder / "recipe.json").read_text())
    assert tuned.search
    assert recipe["network"]["backbone"] == kept[tuned.search.winner.number]["backbone"]


@pytest.mark.slow
def test_time_that_is_up_leaves_heads_for_later(quick: Callable[..., Tuned], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regraft.evaluation.tuning.carry_out.HEADS_SECONDS", 0.3)
    tuned = quick(space=None, sampler="random", trials=2, epochs=1)
    states = [(row["kind"], row["state"]) for row in rows(tuned.folder)]
    assert ("head", "waiting") in states
    assert ("network", "complete") in states
    assert ("network", "waiting") not in states
    monkeypatch.setattr("regraft.evaluation.tuning.carry_out.HEADS_SECONDS", 300.0)
    again = quick(space=None, sampler="random", trials=2, epochs=1, resume=True)
    assert "waiting" not in {row["state"] for row in rows(again.folder)}


@pytest.mark.slow
def test_a_limit_says_how_the_time_is_shared_and_what_was_not_begun(
    quick: Callable[..., Tuned], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regraft.evaluation.tuning.carry_out.HEADS_SHARE", 0.02)
    monkeypatch.setattr("regraft.evaluation.tuning.networks.seconds_of", lambda *_: 7200.0)
    monkeypatch.setattr("regraft.evaluation.tuning.networks.LEAST_SECONDS", 1.0)
    shown, began = Lines(), time.monotonic()
    tuned = quick(space=None, sampler="tpe", progress=shown, time_limit=10.0)
    assert tuned.search
    shared = r"Of the \d+ s that are left, heads get \d+ s at most, and fine-tuning the rest\. Fine-tuning is searched"
    assert re.search(shared, shown.text)
    why = r"its shortest training \(\d+ epochs?\) takes about 2\.0 h, and \d+ s was left"
    assert re.search(rf"Fine-tuning is not begun: {why}\. Heads go on for \d+ s", shown.text)
    assert re.search(
        rf"Fine-tuning was not begun: {why}; give more time with --time-limit", "\n".join(tuned.in_lines())
    )
    assert not any(row["kind"] == "network" for row in rows(tuned.folder))
    waiting = sum(row["state"] == "waiting" for row in rows(tuned.folder))
    assert waiting == tuned.search.waiting_heads
    assert not waiting or time.monotonic() - began > 6  # the time was used
    assert any(f"{waiting:,} head" in line for line in tuned.in_lines()) == bool(waiting)


class Lines(Progress):
    """The lines that stay."""

    text = ""

    def say(self, line: str) -> None:
        self.text += line + "\n"


def test_networks_within_limits(quick: Callable[..., Tuned]) -> None:
    with pytest.raises(RunError, match=r"no trial ran to its end: .* are allowed"):
        quick(max_size="1kB", trials=1, space={"epochs": [1]})
    tuned = quick("fits", max_size="10MB", max_latency="10s", trials=1, space={"epochs": [1]})
    assert tuned.run
