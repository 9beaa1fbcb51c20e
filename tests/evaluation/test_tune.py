"""A search over settings: what it tries, what it keeps, and what it refuses."""

import csv
import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

import regraft as package
from regraft.errors import RecipeError, RunError
from regraft.evaluation.tuning import halving
from regraft.evaluation.tuning.axis import Axis, axis_of
from regraft.evaluation.tuning.book import NETWORK, Entry
from regraft.evaluation.tuning.importance import importance_of
from regraft.evaluation.tuning.journal import mend
from regraft.evaluation.tuning.limits import Limits, Measured, limits_of
from regraft.evaluation.tuning.optimism import optimism_of
from regraft.evaluation.tuning.outcomes import COMPLETE, Figures, Outcome
from regraft.evaluation.tuning.result import Tuned
from regraft.evaluation.tuning.space import RANGES, Facts, Kinds, checked_space, usual_space
from regraft.progress import Progress
from regraft.recipe import Recipe
from regraft.training.strategy import Trainer

Regraft = Callable[..., tuple[int, str, str]]
Make = Callable[..., Path]
SMALL = {"backbone": "demonstration", "image_size": 32}
OPTIONS = ("--backbone", "demonstration", "--image-size", 32, "--quiet")


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "trials.csv").open() as file:
        return list(csv.DictReader(file))


def timeless(folder: Path) -> list[dict[str, str]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows(folder)]


def study_in(folder: Path) -> optuna.Study:
    return optuna.load_study(study_name=None, storage=JournalStorage(JournalFileBackend(str(folder / "journal.log"))))


@pytest.fixture
def quick(tmp_path: Path, make_folder: Make) -> Callable[..., Tuned]:
    """A search on a small set: a few heads, and networks of one or two epochs."""
    root = make_folder(each=15)

    def run(name: str = "tuned", **more: Any) -> Tuned:
        usual = {"space": {"learning_rate": [1e-4, 1e-3], "epochs": [1, 2]}, "sampler": "grid", "progress": False}
        settings = {name: value for name, value in {**SMALL, **usual, **more}.items() if name != "backbone" or value}
        return package.tune(root, out=tmp_path / name, **settings)

    return run


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
    space.write_text("[space]\nlearning_rate = [1e-5, 3e-5, 1e-4, 3e-4]\nepochs = [10, 15]\npatience = [40]\n")
    command = [sys.executable, "-m", "regraft", "tune", tmp_path / "data", *OPTIONS, "--space", space]
    command = [str(word) for word in (*command, "--sampler", "grid", "--out", tmp_path / "both", "--json")]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    journal = tmp_path / ".both.search" / "journal.log"
    while not (journal.exists() and "space" in journal.read_text()):
        assert first.poll() is None, first.stderr.read() if first.stderr else ""
    first.send_signal(signal.SIGSTOP)  # so that the second one, which starts slowly, has something left to do
    second = subprocess.Popen([*command, "--resume"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while f" {second.pid} " not in journal.read_text():
        assert second.poll() is None, second.stderr.read() if second.stderr else ""
        first.send_signal(signal.SIGCONT)  # it may have held a lock
        time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)
        time.sleep(0.5)
    first.send_signal(signal.SIGCONT)
    (printed, errors), (others, more_errors) = first.communicate(), second.communicate()
    assert first.returncode == second.returncode == 0, errors + more_errors
    results = [json.loads(text) for text in (printed, others)]
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


def test_without_optuna_it_says_what_to_install(quick: Callable[..., Tuned], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r"pip install 'regraft\[tune\]'"):
        quick()


def test_heads_alone(quick: Callable[..., Tuned]) -> None:
    tuned = quick(space=None, sampler="tpe", strategy="head", trials=12)
    kept = rows(tuned.folder)
    assert len(kept) == 12
    assert {row["kind"] for row in kept} == {"head"}
    assert tuned.run
    assert tuned.search
    assert 0 < tuned.search.judging <= tuned.search.winner.images
    assert tuned.run.frozen


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


REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown setting": ({"space": {"learning_rat": [1]}}, "did you mean 'learning_rate'"),
    "a setting that is not searched": ({"space": {"seed": [1, 2]}}, "no setting that can be searched"),
    "an empty list": ({"space": {"epochs": []}}, "has no values"),
    "an empty range": ({"space": {"learning_rate": {"low": 1e-2, "high": 1e-5}}}, "is empty"),
    "a range without an end": ({"space": {"learning_rate": {"low": 1e-2}}}, "lacks low or high"),
    "a range by logarithms from 0": ({"space": {"clip": {"low": 0, "high": 1, "log": True}}}, "needs low above 0"),
    "a range of words": ({"space": {"mix": {"low": "none", "high": "mixup"}}}, "takes no range"),
    "a value out of its range": ({"space": {"label_smoothing": [0.1, 1.5]}}, "between 0 and 1"),
    "a value of another kind": ({"space": {"epochs": [1.5]}}, "of kind int"),
    "a value alone": ({"space": {"epochs": 3}}, "write a list"),
    "a cut that there is not": ({"space": {"unfreeze_from": ["nowhere"]}}, "nowhere"),
    "layer decay without fine-tuning": ({"space": {"layer_decay": [0.9]}, "strategy": "head"}, "goes with fine-tuning"),
    "heads with fine-tuning": ({"space": {"views": [2]}, "strategy": "fine-tune"}, "views"),
    "random weights with layer decay": (
        {"space": {"layer_decay": [0.9]}, "strategy": "from-scratch"}, "goes with fine-tuning",
    ),
    "two layers of a discriminant": (
        {"space": {"head_layers": [2]}, "solver": "discriminant"}, "one linear layer",
    ),
    "a grid without an end": (
        {"space": {"learning_rate": {"low": 1e-5, "high": 1e-2}}, "sampler": "grid"}, "points = 5",
    ),
    "a grid of nothing": ({"space": None, "sampler": "grid"}, "needs --space"),
    "backbones in the space": ({"space": {"backbone": ["a", "b"]}}, "with --backbone"),
    "no number": ({"space": {"learning_rate": [float("nan")]}}, "--learning-rate is nan"),
    "true for a number": ({"space": {"epochs": [True]}}, "of kind int"),
    "no sampler": ({"sampler": "best"}, "choose one of tpe, random, grid"),
    "no trials": ({"trials": 0}, "--trials is 0"),
    "no latency": ({"max_latency": "fast"}, "write it as 20ms"),
    "no size": ({"max_size": "10"}, "write it as 10MB"),
    "a backbone twice": ({"backbones": ["demonstration", "demonstration"]}, "named twice"),
    "nothing to resume": ({"resume": True}, "no search to go on with"),
    "a file that is no space": ({"space": "nowhere.toml"}, "nowhere.toml cannot be read: No such file"),
    "a space without a setting": ({"space": {"space": {}}}, "names no settings"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_refused_before_anything_runs(
    what: str, quick: Callable[..., Tuned], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nothing(*_: Any, **__: Any) -> None:
        raise AssertionError("an image was looked at")

    monkeypatch.setattr("regraft.planning.prepare.look_at_all", nothing)
    more, words = REFUSED[what]
    with pytest.raises(package.RegraftError, match=words) as error:
        quick(**more)
    assert "\n" not in str(error.value)
    assert [path.name for path in tmp_path.iterdir()] == ["data"], "nothing is left behind"


def test_refused_on_the_command_line(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    space = tmp_path / "space.toml"
    for text, words in {
        "[space]\nlearning_rte = [1e-3]": "did you mean 'learning_rate'",
        "[space": "is no space",
        "[other]\nepochs = [1]": "[space]",
        "[space]\nepochs = [0]": "--epochs is 0",
    }.items():
        space.write_text(text)
        code, out, err = regraft("tune", make_folder(text[:9].strip("[]\n")), *OPTIONS, "--space", space)
        assert code == 2
        assert out == ""
        assert len(err.strip().splitlines()) == 1
        assert words in err


def test_a_journal_of_other_images_or_another_recipe_is_refused(
    quick: Callable[..., Tuned], tmp_path: Path, make_folder: Make
) -> None:
    quick(trials=1, space={"epochs": [1]})
    with pytest.raises(RunError, match=r"another recipe \(seed 0 there, 5 here\)"):
        quick(trials=1, space={"epochs": [1]}, resume=True, seed=5)
    with pytest.raises(RunError, match="another sampler"):
        quick(trials=1, space={"epochs": [1]}, resume=True, sampler="random")
    with pytest.raises(RunError, match="another space"):
        quick(trials=1, space={"epochs": [2]}, resume=True)
    (tmp_path / "data" / "class0" / "000.png").unlink()
    with pytest.raises(RunError, match="other images"):
        quick(trials=1, space={"epochs": [1]}, resume=True)
    with pytest.raises(RunError, match="exists already"):
        quick(trials=1, space={"epochs": [1]})


def test_a_half_written_line_of_the_journal_is_cut_off(tmp_path: Path) -> None:
    journal = tmp_path / "journal.log"
    journal.write_bytes(b'{"op_code":0}\n{"op_co')
    mend(journal)
    assert journal.read_bytes() == b'{"op_code":0}\n'
    mend(journal)
    assert journal.read_bytes() == b'{"op_code":0}\n'
    journal.write_bytes(b'{"op')
    mend(journal)
    assert journal.read_bytes() == b""


def test_the_figure_of_the_best_of_many_alike_is_too_good() -> None:
    draw, corrected, best = np.random.default_rng(0), [], []
    for _ in range(20):
        alike = [draw.random(200) < 0.8 for _ in range(50)]
        found = optimism_of(alike, None, 0)
        assert found
        corrected.append(found.corrected)
        best.append(max(one.mean() for one in alike))
    assert np.mean(best) > 0.85
    assert abs(np.mean(corrected) - 0.8) < 0.015, "the truth is found again"
    one_is_best = [draw.random(200) < 0.5 for _ in range(49)] + [draw.random(200) < 0.95]
    surely = optimism_of(one_is_best, None, 0)
    assert surely
    assert (surely.near, surely.expected) == (1, 0.0)
    twice = optimism_of([alike[0], alike[0]], None, 0)
    assert twice
    assert twice.expected < 0.002, "the same answers twice are no choice"
    assert optimism_of(alike[:1], None, 0) is None


def test_importance_has_intervals_and_needs_trials() -> None:
    axes = [axis_of("learning_rate", {"low": 1e-5, "high": 1e-2, "log": True}), axis_of("mix", ["none", "mixup"])]
    draw = np.random.default_rng(0)

    def entry(number: int) -> Entry:
        rate = float(10 ** draw.uniform(-5, -2))
        figures = Figures(COMPLETE, 0.5, 0.9 + 0.02 * np.log10(rate), None)
        outcome = Outcome(figures, np.arange(3), np.ones(3, bool))
        params = {"learning_rate": rate, "mix": str(draw.choice(["none", "mixup"]))}
        return Entry(number, "", NETWORK, "", "", Recipe(), params, TrialState.COMPLETE, {}, outcome)

    entries = [entry(number) for number in range(30)]
    found = importance_of(entries, axes, 0)
    assert [one.name for one in found] == ["learning_rate", "mix"]
    assert found[0].low <= found[0].share <= found[0].high
    assert found[0].low > found[1].high
    assert importance_of(entries[:19], axes, 0) == ()


def test_rivals_are_of_the_same_strategy() -> None:
    def entry(number: int, strategy: str, curve: dict[int, float]) -> Entry:
        recipe = Recipe(strategy=strategy, epochs=8)
        return Entry(number, "", NETWORK, "", "", recipe, {}, TrialState.RUNNING, curve, None)

    tuned = [entry(number, "fine-tune", {1: 0.8, 2: 0.9, 3: 0.95}) for number in range(3)]
    scratch = entry(3, "from-scratch", {1: 0.2, 2: 0.3})
    assert halving.rivals_at(0.25, scratch, [*tuned, scratch]) == []
    assert halving.rivals_at(0.25, tuned[0], [*tuned, scratch]) == [0.9, 0.9]
    assert halving.rivals_at(0.5, tuned[0], [*tuned, scratch]) == [], "they did not get as far"


def test_the_worse_half_is_dropped_and_few_rivals_drop_nobody() -> None:
    assert halving.reason_to_drop(0.5, [0.6, 0.7], 2, 8) == ""
    assert "3 of 3 others were better" in halving.reason_to_drop(0.5, [0.6, 0.7, 0.8], 2, 8)
    assert halving.reason_to_drop(0.75, [0.6, 0.7, 0.8], 2, 8) == ""


def test_ranges_are_what_they_say() -> None:
    axis = axis_of("learning_rate", {"low": 1e-4, "high": 1e-2, "log": True, "points": 3})
    assert axis.grid() == (1e-4, 1e-3, 1e-2)
    assert axis_of("epochs", {"low": 2, "high": 4}).grid() == (2, 3, 4)
    assert axis.holds(5e-4)
    assert not axis.holds(1)
    assert Axis("cut", ("a + b",)).settings("a + b") == {"cut": None, "cuts": ("a", "b")}


def test_the_default_table_names_settings_and_a_source_for_each() -> None:
    facts = Facts([f"cut{i}" for i in range(8)], 10, 160, 224, 1.0, None, frozenset())
    space = usual_space(facts, Kinds(heads=True, networks=True))
    assert all(axis.source for axis in (*space.heads, *space.networks))
    named = {axis.name: axis for axis in space.networks}
    assert named["unfreeze_from"].values == (None, "cut1", "cut3", "cut5")
    assert named["image_size"].values == (128, 160, 224)
    assert (named["epochs"].low, named["epochs"].high) == (3, 10)
    limited = usual_space(Facts(["a"] * 8, 10, 160, 224, 10.0, 300.0, frozenset({"mix"})), Kinds(True, True))
    assert {axis.name: axis for axis in limited.networks}["epochs"].high == 5
    assert "mix" not in {axis.name for axis in limited.networks}
    page = (Path(__file__).parents[2] / "docs" / "tune.md").read_text()
    for axis in (*space.heads, *space.networks):
        assert f"`{axis.name}`" in page, axis.name
    assert RANGES.exists()


def test_limits() -> None:
    limits = limits_of("20ms", "10MB")
    assert limits == Limits(0.02, 1e7)
    assert limits.against(Measured(0.01, 5_000_000)) == ""
    assert "12.0 MB" in limits.against(Measured(0.01, 12_000_000))
    assert "30.0 ms" in limits.against(Measured(0.03, 5_000_000))


def test_settings_of_heads_and_networks_go_where_they_belong() -> None:
    both = checked_space({"pooling": ["average", "max"], "epochs": [1, 2], "image_size": [32, 64]}, Recipe())
    assert [axis.name for axis in both.heads] == ["pooling", "image_size"]
    assert [axis.name for axis in both.networks] == ["epochs", "image_size"]
    with pytest.raises(RecipeError, match="views"):
        checked_space({"views": [3]}, Recipe(strategy="from-scratch"))
