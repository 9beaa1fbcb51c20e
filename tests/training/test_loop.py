"""The loop that trains whole networks: what is interrupted goes on, what goes wrong is said."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny import tiny_task

from regraft.errors import RecipeError, RunError
from regraft.network.surgery import state_hash
from regraft.progress.shown import ToFunction
from regraft.recipe import Recipe
from regraft.recipe.groups import Stopping
from regraft.training.augmentation import mixing
from regraft.training.early_stopping import cross_fitted, note_if_best, reason_to_stop
from regraft.training.ema import between
from regraft.training.loop import run
from regraft.training.state import OUT_OF_TIME, State


class Killed(Exception):
    pass


@pytest.mark.parametrize(("at", "ema"), [(1, 0), (4, 0), (5, 0), (6, 0), (9, 0), (13, 0), (15, 0), (8, 0.9), (13, 0.9)])
def test_a_killed_training_goes_on_to_the_same_bits(tmp_path: Path, at: int, ema: float) -> None:
    mix = mixing("both", 3) if ema else None
    whole = replace(tiny_task(tmp_path / "whole", ema=ema), mix=mix)
    expected = run(whole, resume=False)

    def kill(_stage: str, done: int, _total: int) -> None:
        if done == at:
            raise Killed

    with pytest.raises(Killed):
        run(replace(tiny_task(tmp_path / "cut", ema=ema), progress=ToFunction(kill), mix=mix), resume=False)
    again = replace(tiny_task(tmp_path / "cut", ema=ema), mix=mix)
    assert (tmp_path / "cut" / "last.pt").exists() == (at > 1)
    found = run(again, resume=True)
    assert state_hash(again.model) == state_hash(whole.model)
    assert [row["val_loss"] for row in found.history] == [row["val_loss"] for row in expected.history]
    assert len(found.history) == 4
    assert found.hits == expected.hits


def test_ctrl_c_keeps_the_best_so_far(tmp_path: Path) -> None:
    def stop(_stage: str, done: int, _total: int) -> None:
        if done == 12:
            raise KeyboardInterrupt

    task = replace(tiny_task(tmp_path), progress=ToFunction(stop))
    state = run(task, resume=False)
    assert state.interrupted
    assert state.epoch == 2
    assert state.best_epoch > 0
    best = torch.load(next(tmp_path.glob("best-*.pt")), weights_only=True)
    assert all(torch.equal(value, best["model"][name]) for name, value in task.model.state_dict().items())


def test_a_loss_that_is_no_number_stops_and_keeps_the_best(tmp_path: Path) -> None:
    task = tiny_task(tmp_path, learning_rate=1e30, optimiser="sgd")
    before = state_hash(task.model)
    state = run(task, resume=False)
    assert "smaller --learning-rate" in state.stopped
    assert state.best_epoch == 0
    assert state_hash(task.model) == before


def test_a_loss_that_rises_beyond_guessing_stops(tmp_path: Path) -> None:
    state = run(tiny_task(tmp_path, learning_rate=30.0, optimiser="sgd"), resume=False)
    assert state.stopped.startswith("the loss")
    assert "smaller --learning-rate" in state.stopped


def test_patience_ends_the_training(tmp_path: Path) -> None:
    state = run(tiny_task(tmp_path, epochs=50, patience=2, min_improvement=2.0), resume=False)
    assert state.epoch == 2
    assert "no improvement" in state.stopped


@pytest.mark.parametrize(("losses", "goes_on"), [([1.0, 1.9, 1.4, 0.9, 0.7], True), ([1.0, 1.9, 1.4, 1.2, 1.1], False)])
def test_patience_waits_while_the_loss_falls(losses: list[float], goes_on: bool, tmp_path: Path) -> None:
    state, stopping = State(), tiny_task(tmp_path, epochs=20, patience=4).recipe.stopping
    for epoch, loss in enumerate(losses):
        state.epoch = epoch
        row = {"epoch": float(epoch), "train_loss": 1.0, "val_accuracy": 0.8 if epoch == 0 else 0.7, "val_loss": loss}
        state.history.append(row)
        assert note_if_best(state, stopping, row, [True], epoch) == (epoch == 0)
    assert (reason_to_stop(state, stopping, 20, 3) == "") == goes_on
    assert state.best_epoch == 0


def test_images_that_chose_the_weights_do_not_judge_them() -> None:
    draw = np.random.default_rng(0)
    guesses = draw.random((30, 400)) < 0.5  # thirty epochs of guessing
    assert max(row.mean() for row in guesses) > 0.54
    assert abs(np.mean([cross_fitted(draw.random((30, 400)) < 0.5).mean() for _ in range(50)]) - 0.5) < 0.01
    steady = np.arange(400) % 10 > 0
    np.testing.assert_array_equal(cross_fitted([guesses[0].tolist(), steady.tolist()]), steady)
    np.testing.assert_array_equal(cross_fitted([[True], [False]]), [True])  # one image: the start is judged


def test_averaged_weights_are_the_ones_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run(tiny_task(tmp_path / "plain"), resume=False)
    task = tiny_task(tmp_path / "averaged", ema=0.9, interpolate="no")

    def always(state: State, stopping: Stopping, row: dict[str, float], hits: list[bool], epoch: int) -> bool:
        state.hits.clear()  # so that any epoch counts as the best
        note_if_best(state, stopping, row, hits, epoch)
        return True

    monkeypatch.setattr("regraft.training.loop.note_if_best", always)
    state = run(task, resume=False)
    last = torch.load(tmp_path / "averaged" / "last.pt", weights_only=True)
    trained = torch.load(tmp_path / "plain" / "last.pt", weights_only=True)["model"]
    assert all(torch.equal(value, trained[name]) for name, value in last["model"].items())  # training sees no average
    assert any(not torch.equal(value, last["model"][name]) for name, value in last["average"].items())
    assert state.best_epoch == state.epoch
    assert all(torch.equal(value, last["average"][name]) for name, value in task.model.state_dict().items())


def test_weights_between_the_start_and_the_best_are_kept_where_they_validate_better(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, task = (
        tiny_task(tmp_path / name, interpolate="yes" if name == "between" else "no") for name in ("plain", "between")
    )
    start = {name: value.clone() for name, value in task.model.state_dict().items()}
    before, after = run(plain, resume=False), run(task, resume=False)
    assert before.best_epoch > 0
    assert (after.best_value, -after.best_loss) >= (before.best_value, -before.best_loss)

    def half(state: State, stopping: Stopping, row: dict[str, float], hits: list[bool], epoch: int) -> bool:
        improved = note_if_best(state, stopping, row, hits, epoch)
        return improved if state.epoch < 3 or len(state.history) < 4 else state.share_of_end == 1

    half_way = tiny_task(tmp_path / "half", interpolate="yes")
    monkeypatch.setattr("regraft.training.loop.SHARES", (0.5, 0.75))
    monkeypatch.setattr("regraft.training.loop.note_if_best", half)
    state = run(half_way, resume=False)
    assert state.share_of_end == 0.5
    expected = between(start, plain.model.state_dict(), 0.5)
    assert all(torch.equal(value, expected[name]) for name, value in half_way.model.state_dict().items())


def test_memory_that_runs_out_halves_what_goes_through_at_once(tmp_path: Path) -> None:
    task = tiny_task(tmp_path)
    largest = []

    def forward(images: torch.Tensor, run: Callable[[torch.Tensor], torch.Tensor] = task.model.forward) -> torch.Tensor:
        if task.model.training:
            if len(images) > 4:
                raise torch.OutOfMemoryError("CUDA out of memory")
            largest.append(len(images))
        return run(images)

    task.model.forward = forward  # type: ignore[method-assign]
    state = run(task, resume=False)
    assert (state.parts, max(largest)) == (2, 4)
    assert state.epoch == 3
    assert len(largest) == 2 * 3 * task.steps


def test_memory_that_never_suffices_is_said(tmp_path: Path) -> None:
    task = tiny_task(tmp_path)

    def forward(images: torch.Tensor) -> torch.Tensor:
        if task.model.training:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory")
        return torch.zeros(len(images), 3)

    task.model.forward = forward  # type: ignore[method-assign]
    with pytest.raises(RunError, match="smaller --image-size"):
        run(task, resume=False)


def test_the_deadline_ends_the_training_and_resuming_goes_on(tmp_path: Path) -> None:
    state = run(replace(tiny_task(tmp_path), deadline=time.monotonic() - 1), resume=False)
    assert (state.stopped, state.epoch, len(state.history)) == (OUT_OF_TIME, 1, 2)
    again = run(tiny_task(tmp_path), resume=True)
    assert (again.stopped, again.epoch) == ("", 3)


def test_the_monitored_figure_and_the_files_name(tmp_path: Path) -> None:
    named = {"monitor": "train_loss", "mode": "max", "checkpoint_name": "{metric}={value:.2f}-{epoch}"}
    state = run(tiny_task(tmp_path, **named), resume=False)
    losses = [row["train_loss"] for row in state.history[1:]]
    assert state.best_epoch == 1 + losses.index(max(losses))
    names = {path.name for path in tmp_path.glob("*.pt")}
    assert names == {"last.pt", f"train_loss={max(losses):.2f}-{state.best_epoch}.pt"}
    events = b"".join(path.read_bytes() for path in (tmp_path / "tensorboard").glob("events*"))
    assert b"val_accuracy" in events
    with pytest.raises(RecipeError, match="checkpoint-name"):
        Recipe(checkpoint_name="../{epoch}")
    with pytest.raises(RecipeError, match="checkpoint-name"):
        Recipe(checkpoint_name="{nothing}")
