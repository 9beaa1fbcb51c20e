"""What a training says while it goes, what its curve says of more time, and why it was kept or not."""

import re
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny import tiny_task

from regraft.progress import Progress
from regraft.progress.plain import Plain
from regraft.training.choosing import Gain
from regraft.training.curve import improving, prospect_of, trend
from regraft.training.epoch_lines import epoch_line, opening
from regraft.training.loop import run
from regraft.training.state import OUT_OF_TIME
from regraft.training.verdict import against, against_head, ending


class Hearing(Progress):
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.events: list[tuple[str, int, int, str]] = []
        self.limits: list[tuple[str, float]] = []

    def __call__(self, stage: str, done: int, total: int, unit: str = "") -> None:
        self.events.append((stage, done, total, unit))

    def limit(self, stage: str, seconds: float) -> None:
        self.limits.append((stage, seconds))

    def say(self, line: str) -> None:
        self.lines.append(line)


def test_a_line_an_epoch(tmp_path: Path) -> None:
    heard = Hearing()
    state = run(replace(tiny_task(tmp_path), progress=heard), resume=False)
    first, start, *epochs = heard.lines
    assert first == "fine-tune: 3 epochs; 45 images train, 15 validate"
    assert re.fullmatch(r"start +validation accuracy \d+\.\d%", start)
    for place, line in enumerate(epochs, 1):
        row = state.history[place]
        assert line.startswith(f"epoch {place} of 3  train loss {row['train_loss']:.3f}  validation accuracy")
        assert f"{row['val_accuracy']:.1%}" in line
        assert len(line) <= 80
    bests = [place for place, line in enumerate(epochs, 1) if line.endswith("best yet")]
    assert bests[-1] == state.best_epoch
    assert heard.events[0] == ("Training", 0, 15, "steps")
    assert heard.events[-1] == ("Training", 15, 15, "steps")


def test_what_ends_early_says_why(tmp_path: Path) -> None:
    heard = Hearing()
    run(replace(tiny_task(tmp_path, epochs=50, patience=2, min_improvement=2.0), progress=heard), resume=False)
    assert heard.lines[-1] == "stopped after epoch 2: no improvement for 2 epochs; best: epoch 0"
    assert heard.events[-1] == ("Training", 250, 250, "steps")  # the bar goes
    again = Hearing()
    run(replace(tiny_task(tmp_path, epochs=50, patience=2, min_improvement=2.0), progress=again), resume=True)
    assert again.lines[0].startswith("fine-tune: epochs 3 to 50; ")


@pytest.mark.parametrize(
    ("monitor", "words"),
    [
        ("val_balanced_accuracy", "train loss 0.500  balanced accuracy 80.0%  2.0 s"),
        ("val_macro_f1", "train loss 0.500  macro F1 70.0%  2.0 s"),
        ("val_loss", "train loss 0.500  validation accuracy 90.0%  validation loss 0.250  2.0 s"),
        ("train_accuracy", "train loss 0.500  validation accuracy 90.0%  train accuracy 95.0%  2.0 s"),
    ],
)
def test_what_is_monitored_is_in_the_line(monitor: str, words: str) -> None:
    row = {
        "epoch": 3.0, "train_loss": 0.5, "train_accuracy": 0.95, "val_loss": 0.25, "val_accuracy": 0.9,
        "val_balanced_accuracy": 0.8, "val_macro_f1": 0.7, "seconds": 7.0,
    }  # fmt: skip
    assert epoch_line([row | {"seconds": 5.0}, row], 12, monitor, False) == f"epoch  3 of 12  {words}"
    recipe = tiny_task(Path(), epochs=1).recipe
    assert opening(recipe, 0, (1_000, 200), float("inf")) == "fine-tune: 1 epoch; 1,000 images train, 200 validate"


def curve(losses: list[float]) -> list[dict[str, float]]:
    return [{"epoch": float(epoch), "val_loss": loss} for epoch, loss in enumerate([9.0, *losses])]


def test_the_curve_says_what_more_time_might_do() -> None:
    draw = np.random.default_rng(0)
    falling = curve((np.linspace(1, 0.5, 12) + draw.normal(0, 0.01, 12)).tolist())
    flat = curve((0.5 + draw.normal(0, 0.01, 12)).tolist())
    rising = curve(np.linspace(0.5, 0.9, 12).tolist())
    fell = curve([*np.linspace(2, 0.5, 6), *(0.5 + draw.normal(0, 0.01, 8))])
    assert [improving(one) for one in (falling, flat, rising, fell, curve([3, 2, 1]))] == [
        True,
        False,
        False,
        False,
        None,
    ]
    assert prospect_of(falling, OUT_OF_TIME) == "still improving when time ended: more time may help"
    assert prospect_of(falling, "") == "still improving at its last epoch: more epochs may help"
    assert prospect_of(flat, OUT_OF_TIME) == "no longer improving when time ended"
    assert prospect_of(curve([3, 2, 1]), OUT_OF_TIME) == "too few epochs to tell whether more time would help"
    assert prospect_of(falling, "no improvement for 5 epochs") == ""
    assert trend([1.0, float("nan"), 1.0, 1.0]) == 0
    chance = [improving(curve((0.5 + draw.normal(0, 0.1, 20)).tolist())) for _ in range(400)]
    assert np.mean([one is True for one in chance]) < 0.08


def test_why_a_head_lost() -> None:
    assert against_head(Gain(0.86, 0.90, 0.01), 0.4, 0.3) == "4.0 points worse"
    assert against_head(Gain(0.89, 0.90, 0.01), 0.4, 0.3) == "1.0 points worse, may be chance"
    assert against_head(Gain(0.90, 0.90, 0.01), 0.41, 0.36) == "as accurate, less sure (loss 0.41, not 0.36)"
    better = against_head(Gain(0.903, 0.90, 0.01), 0.41, 0.36)
    assert better == "0.3 points better, may be chance, but less sure (loss 0.41, not 0.36)"


def test_why_what_costs_more_was_kept_or_not() -> None:
    assert against("the best head", Gain(0.8, 0.8, 0.1), False) == (
        "costs more and is no better than the best head (80.0% on these)"
    )
    assert against("fine-tune", Gain(0.7, 0.8, 0.01), False) == "10.0 points worse than fine-tune (80.0% on these)"
    few = against("the best head", Gain(0.82, 0.8, 0.05), False)
    assert few == "2.0 points better than the best head (80.0% on these), may be chance: too little for what it costs"
    assert against("the best head", Gain(0.9, 0.8, 0.02), True) == (
        "10.0 points better than the best head (80.0% on these)"
    )
    rows = curve([0.5] * 7)
    assert ending(rows, 30, OUT_OF_TIME) == "stopped by time in epoch 7 of 30"
    assert (
        ending(rows, 30, "no improvement for 5 epochs") == "stopped after 7 of 30 epochs: no improvement for 5 epochs"
    )
    assert ending(rows, 7, "") == ""


def test_a_limited_training_keeps_its_total_and_says_what_was_done(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = Hearing()
    run(replace(tiny_task(tmp_path, epochs=1000), progress=heard, deadline=time.monotonic() + 1), resume=False)
    *_, last, end = heard.events
    assert {total for _, _, total, _ in heard.events} == {5000}
    assert 0 < last[1] < 5000
    assert end == ("Training", 5000, 5000, "steps")
    assert heard.limits == [("Training", pytest.approx(1, abs=0.9))]
    assert re.match(r"fine-tune: up to 1000 epochs, in \d s at most; ", heard.lines[0])
    monkeypatch.setattr("regraft.progress.plain.SOONEST", 0.0)
    monkeypatch.setattr("regraft.progress.plain.SHARE", 0.0)
    run(replace(tiny_task(tmp_path, epochs=1000), progress=Plain(), deadline=time.monotonic() + 2), resume=False)
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("Training: ")]
    assert all(re.match(r"Training: \d+/5,000 steps.*, [012] s left$", line) for line in lines[:-1])
    assert re.fullmatch(r"Training: \d+ of 5,000 steps in \d s", lines[-1])


def test_the_time_that_is_left_is_said_plainly() -> None:
    recipe = tiny_task(Path(), epochs=30).recipe
    said = opening(recipe, 0, (486, 121), time.monotonic() + 397.2)
    assert said == "fine-tune: up to 30 epochs, in 6 min 37 s at most; 486 images train, 121 validate"
    said = opening(recipe, 4, (486, 121), time.monotonic() + 42.2)
    assert said == "fine-tune: epochs 5 to 30, in 42 s at most; 486 images train, 121 validate"
