"""Optimisers by name, and learning rates by step."""

import math
from pathlib import Path

import pytest
from tiny import tiny_task

from regraft.planning.defaults import RATES
from regraft.training.loop import run
from regraft.training.optimiser import NAMES, factor


@pytest.mark.parametrize("name", NAMES)
def test_every_optimiser_learns(name: str, tmp_path: Path) -> None:
    task = tiny_task(tmp_path, epochs=12, patience=12, learning_rate=RATES[name], optimiser=name)
    state = run(task, resume=False)
    losses = [row["train_loss"] for row in state.history[1:]]
    assert all(math.isfinite(loss) for loss in losses)
    assert min(losses) < losses[0]


def test_schedules() -> None:
    for schedule in ("cosine", "one-cycle"):
        rates = [factor(schedule, i / 100, 0.1) for i in range(101)]
        assert max(rates) == pytest.approx(1, abs=0.01)
        assert rates[-1] < 0.01
        assert rates[0] < 0.01
    assert factor("constant", 0.9, 0.1) == 1
