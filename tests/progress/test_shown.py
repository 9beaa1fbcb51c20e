"""How far a piece of work is: on a terminal, in a pipe, in a notebook, and nowhere."""

import json
import math
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from clocks import Clock

from regraft.progress import Progress, WithoutLines, silent
from regraft.progress.json_lines import JsonLines
from regraft.progress.pace import Pace, rate_in_words, time_in_words
from regraft.progress.plain import LATEST, SOONEST, Plain
from regraft.progress.shown import shown

CONTROL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f]")
WORK = """
import time
from regraft.progress.shown import shown
with shown(True) as shows:
    for epoch in range(3):
        for step in range(8):
            shows("Training", 8 * epoch + step, 24, "steps")
            time.sleep(0.03)
        shows.say(f"epoch {epoch + 1} of 3")
    shows("Training", 24, 24, "steps")
print("done")
"""


def test_rates_are_seconds_each_where_less_than_one_a_second() -> None:
    rates = {240.0: "240 images/s", 1234.5: "1,234 images/s", 3.21: "3.2 images/s", 1.0: "1.0 images/s"}
    rates |= {0.3: "3.3 s/image", 0.025: "40 s/image", 0.004: "4 min/image"}
    assert {rate: rate_in_words(rate, "images") for rate in rates} == rates
    assert (rate_in_words(0.5, ""), rate_in_words(20, "")) == ("2.0 s each", "20/s")
    assert [time_in_words(seconds) for seconds in (0, 40.4, 89, 91, 3600, 9000)] == [
        "0 s", "40 s", "89 s", "2 min", "60 min", "2.5 h",
    ]  # fmt: skip


def test_what_is_counted_is_named_with_the_pace(clock: Clock) -> None:
    pace = Pace(0)
    assert pace.in_words(1, "") == ""  # nothing is counted
    for done in range(1, 7):
        clock.now += 4
        pace.note(done)
        assert ("s/step" in pace.in_words(20, "steps")) == (done >= 3)  # the first ones take longer than others
    assert pace.in_words(20, "steps") == "6/20 steps, 4.0 s/step, 56 s left"
    assert pace.in_words(0, "frames").startswith("6 frames, ")  # of nobody knows how many


def test_a_pipe_gets_few_lines(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    plain = Plain()
    for done in range(2000):
        clock.now += 1
        plain("Reading \x1b[2Jevery image", done, 2000, "images")
    plain("Reading \x1b[2Jevery image", 2000, 2000, "images")
    lines = capsys.readouterr().err.splitlines()
    assert 2000 / LATEST < len(lines) < 2000 / LATEST + 40
    assert not CONTROL.search("\n".join(lines))
    assert "1.0 images/s" in lines[5]
    assert lines[-1].endswith(": 2,000 images in 33 min")
    for _ in range(50):  # what ends soon needs no line, however often it comes
        plain("Trying heads", 0, 2, "heads")
        clock.now += SOONEST - 1
        plain("Trying heads", 1, 2, "heads")
        plain("Trying heads", 2, 2, "heads")
    assert capsys.readouterr().err == ""
    plain("Training", 0, 100, "steps")
    for step in range(1, 20):  # a line an epoch is enough
        clock.now += 3
        plain("Training", step, 100, "steps")
        plain.say(f"epoch {step}")
    assert len(capsys.readouterr().err.splitlines()) == 19


def test_a_limited_time_is_what_is_left(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    plain, lines = Plain(), JsonLines()
    for display in (plain, lines):
        display.limit("Training", 400.0)
    for step in range(13):
        clock.now += 30
        for display in (plain, lines):
            display("Training", step, 450, "steps")
    assert plain.reached("Training", 13, 450) == pytest.approx(450 * 390 / 400)
    for display in (plain, lines):
        display.ended("Training", 13, 450, "steps")
        assert display.reached("Training", 13, 450) == 13
    written = capsys.readouterr().err.splitlines()
    said = [line for line in written if line.startswith("Training")]
    assert said[-2] == "Training: 11/450 steps, 30 s/step, 40 s left"  # not four hours
    assert said[-1] == "Training: 13 of 450 steps in 6 min"
    told = [json.loads(line) for line in written if line.startswith("{")]
    assert (told[-2]["done"], told[-2]["total"], told[-2]["share"]) == (12, 450, 0.975)
    assert (told[-1]["done"], told[-1]["total"], told[-1]["said"]) == (450, 450, "13 of 450 steps")


def test_a_log_that_nobody_can_read_stops_no_work(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    with shown(True) as shows:
        shows.say("a line")


def own_environment() -> dict[str, str]:
    """Without what tells rich what to think of a terminal."""
    without = {"COLUMNS", "TERM", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "NO_COLOR"}
    return {name: value for name, value in os.environ.items() if name not in without}


@pytest.mark.parametrize("forced", [{}, {"FORCE_COLOR": "1", "TTY_COMPATIBLE": "1"}])
def test_no_control_characters_without_a_terminal(forced: dict[str, str]) -> None:
    environment = own_environment() | forced
    done = subprocess.run([sys.executable, "-c", WORK], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "done\n"
    assert done.stderr.splitlines() == ["epoch 1 of 3", "epoch 2 of 3", "epoch 3 of 3"]


def in_terminal(columns: int, kind: str) -> str:
    """What WORK writes to a terminal."""
    fcntl, pty, termios = pytest.importorskip("fcntl"), pytest.importorskip("pty"), pytest.importorskip("termios")
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, (40).to_bytes(2, sys.byteorder) + columns.to_bytes(2, sys.byteorder) * 3)
    environment = own_environment() | {"TERM": kind}
    child = subprocess.Popen([sys.executable, "-c", WORK], stdin=theirs, stdout=theirs, stderr=theirs, env=environment)
    os.close(theirs)
    written = b""
    while True:
        try:
            written += (part := os.read(ours, 65536))
        except OSError:  # its other end is closed
            break
        if not part:
            break
    os.close(ours)
    assert child.wait() == 0
    return written.decode()


@pytest.mark.parametrize("columns", [80, 50])
def test_bars_live_below_the_lines_that_stay(columns: int) -> None:
    written = in_terminal(columns, "xterm")
    text = re.sub("\x1b\\[[0-9;?]*[a-zA-Z]", "", written)
    assert re.search(r"Training .*/24 steps, \d+ steps/s, \d s left", text)
    assert max(map(len, re.split("[\r\n]+", text))) <= columns
    places = [written.index(f"epoch {epoch} of 3") for epoch in (1, 2, 3)]
    assert "/24 steps" in written[places[0] : places[1]]  # a line does not wait for the bar's end
    last = written[written.rindex("steps") :]
    assert "\x1b[2K" in last  # the bar is erased
    assert last.rstrip().endswith("done")


def test_a_terminal_that_moves_no_cursor_gets_lines() -> None:
    assert not CONTROL.search(in_terminal(80, "dumb").replace("\r\n", "\n"))


def test_progress_can_be_silent_or_a_function(capsys: pytest.CaptureFixture[str]) -> None:
    with shown(False) as shows:
        assert shows is silent
    heard: list[tuple[str, int, int]] = []
    with shown(lambda stage, done, total: heard.append((stage, done, total))) as shows:
        shows("Reading", 1, 2, "images")
        shows.say("a line")
    assert heard == [("Reading", 1, 2)]
    assert capsys.readouterr().err == ""


def test_many_trainings_have_no_line_an_epoch() -> None:
    class Hearing(Progress):
        def __init__(self) -> None:
            self.heard: list[Any] = []

        def __call__(self, stage: str, done: int, total: int, unit: str = "") -> None:
            self.heard.append((stage, done, total, unit))

        def say(self, line: str) -> None:
            self.heard.append(line)

    hearing = Hearing()
    quieter = WithoutLines(hearing)
    quieter("Training", 1, 2, "steps")
    quieter.say("epoch 1")
    assert hearing.heard == [("Training", 1, 2, "steps")]


def test_python_shows_progress_unless_it_is_told_not_to(
    make_folder: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import regraft

    data = make_folder(each=10)
    recipe = regraft.Recipe(backbone="demonstration", image_size=32, strategy="from-scratch", epochs=2)
    regraft.train(data, recipe, tmp_path / "loud")
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = [line for line in printed.err.splitlines() if "epoch" in line]
    assert re.fullmatch(r"from-scratch: 2 epochs; \d+ images train, \d+ validate", lines[0])
    assert re.match(r"epoch 1 of 2  train loss \d\.\d{3}  validation accuracy \d+\.\d%  \d\.\d s", lines[1])
    assert lines[2].startswith("epoch 2 of 2")
    regraft.train(data, recipe, tmp_path / "quiet", progress=False)
    regraft.plan(data, recipe, progress=False)
    regraft.scan(data, progress=False)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")


def test_programs_get_an_object_a_line(clock: Clock, capsys: pytest.CaptureFixture[str]) -> None:
    lines = JsonLines()
    for done in range(5):
        clock.now += 0.06
        lines("Reading \x1b[2J", done, 4, "images")
    lines.say("epoch 1")
    lines.epoch("fine-tune", 3, {"epoch": 1.0, "train_loss": math.nan, "val_accuracy": 0.5, "seconds": 9.0})
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(one["done"], one["total"]) for one in told[:-2]] == [(0, 4), (2, 4), (4, 4)]  # at most ten a second
    assert not CONTROL.search(told[0]["stage"])
    assert told[-2] == {"line": "epoch 1", "seconds": 0.3}
    assert told[-1] == {
        "strategy": "fine-tune", "epochs": 3, "epoch": 1.0, "train_loss": None, "val_accuracy": 0.5, "seconds": 0.3,
    }  # fmt: skip


def test_the_form_of_progress(regraft: Callable[..., tuple[int, str, str]], make_folder: Callable[..., Path]) -> None:
    data = make_folder(each=6)
    code, out, err = regraft("plan", data, "--progress", "json", "--json")
    assert code == 0
    assert json.loads(out)["case"]
    assert {"stage", "done", "total", "said", "seconds"} == {*json.loads(err.splitlines()[0])}
    assert regraft("plan", data, "--progress", "json", "--quiet", "--json")[2] == ""
    assert regraft("plan", data, "--progress", "xml")[::2] == (
        2, "regraft: --progress is 'xml'; choose one of auto, json\n",
    )  # fmt: skip
