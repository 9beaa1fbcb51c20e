"""Predictions in a file: whole, or gone on with; killed at any write, and where the disk is full."""

import errno
import gc
import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import picture

import regraft as package
from regraft import Recipe
from regraft.errors import RunError
from regraft.evaluation import predicted_file
from regraft.evaluation.predicted_file import Unfinished, Wanted, check_out, rows_of, state_of, written
from regraft.evaluation.prediction import Prediction, columns_of
from regraft.runs.folder import unfinished_of

Regraft = Callable[..., tuple[int, str, str]]
CLASSES = ("=a", "b\nc", "d\udcff")
NAMES = [f"{start}{i}.png" for i in range(4) for start in ("", "=", "two\nlines", "\udce9")]
ROWS = [
    Prediction(name, CLASSES, np.random.default_rng(i).dirichlet([1, 1, 1])).as_dict() for i, name in enumerate(NAMES)
]
ROWS[5] |= {"class": None, "probability": None, "error": "unreadable: \ttorn"} | dict.fromkeys(columns_of(CLASSES)[4:])
posix = pytest.mark.skipif(sys.platform == "win32", reason="needs signals and fork")


@pytest.fixture(autouse=True)
def kept_at_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(predicted_file, "KEPT_EVERY", -1.0)


def wanted(out: Path, **changes: Any) -> Wanted:
    return Wanted(out, columns_of(CLASSES), changes.get("names", NAMES), {"run": changes.get("run", "r")})


def write(out: Path, resume: bool = False, overwrite: bool = False, **changes: Any) -> int:
    with written(wanted(out, **changes), overwrite, resume) as file:
        before = file.rows
        for row in ROWS[file.rows :]:
            file.add(row)
    return before


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl", "predictions"])
def test_rows_come_back_as_they_were(name: str, tmp_path: Path) -> None:
    write(tmp_path / name)
    assert list(rows_of(wanted(tmp_path / name), tmp_path / name)) == ROWS
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.slow
@posix
@pytest.mark.parametrize("name", ["p.csv", "p.jsonl"])
def test_killed_at_every_write_it_is_gone_on_with(name: str, tmp_path: Path) -> None:
    write(tmp_path / f"whole-{name}")
    resumed = 0
    for at in range(2 * len(NAMES) + 4):
        out = tmp_path / f"{at}-{name}"
        if (child := os.fork()) == 0:
            kill_at(at)
            write(out)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status):
            assert out.exists()
            continue
        assert not out.exists()
        if state_of(out) is not None:
            with pytest.raises(RunError, match="go on with --resume, or start anew with --overwrite"):
                check_out(out, overwrite=False, resume=False)
        check_out(out, overwrite=False, resume=True)
        resumed += write(out, resume=True) > 0
        assert out.read_bytes() == (tmp_path / f"whole-{name}").read_bytes()
        assert not unfinished_of(out).exists()
    assert resumed > len(NAMES)


def kill_at(write: int) -> None:
    """Kill this process before so many writes of rows or of the word on them, and halfway through a row."""
    done = 0
    own_write, own_keep = Unfinished.write, Unfinished.keep

    def counted(self: Unfinished, data: bytes) -> None:
        if step():
            own_write(self, data[: len(data) // 2])
            self.file.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        own_write(self, data)

    def keep(self: Unfinished) -> None:
        if step():
            os.kill(os.getpid(), signal.SIGKILL)
        own_keep(self)

    def step() -> bool:
        nonlocal done
        done += 1
        return done == write + 1

    Unfinished.write, Unfinished.keep = counted, keep  # type: ignore[method-assign]


@pytest.mark.parametrize("at", [0, 1, 7])
def test_a_full_disk_leaves_what_can_be_gone_on_with(at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, full = tmp_path / "p.csv", OSError(errno.ENOSPC, "No space left on device")

    class Full:
        def __init__(self, file: Any) -> None:
            self.file, self.left = file, at

        def write(self, data: bytes) -> None:
            if not self.left:
                raise full
            self.left -= 1
            self.file.write(data)

        def __getattr__(self, name: str) -> Any:
            return getattr(self.file, name)

    opened = predicted_file.opened

    def opened_full(*arguments: Any) -> Unfinished:
        begun = opened(*arguments)
        begun.file = Full(begun.file)  # type: ignore[assignment]
        return begun

    monkeypatch.setattr(predicted_file, "opened", opened_full)
    mend = "free space, and go on with --resume" if at > 0 else "free space, and run the command again"
    with pytest.raises(RunError, match=f"p.csv cannot be written: No space left on device; {mend}"):
        write(out)
    assert list(tmp_path.iterdir()) == ([unfinished_of(out)] if at else [])
    monkeypatch.setattr(predicted_file, "opened", opened)
    assert write(out, resume=True) == at
    assert len(list(rows_of(wanted(out), out))) == len(ROWS)


def begun_file(out: Path) -> None:
    with pytest.raises(KeyboardInterrupt), written(wanted(out), False, False) as file:
        for row in ROWS[:9]:
            file.add(row)
        raise KeyboardInterrupt


def test_it_is_gone_on_with_by_the_same_run_and_images_only(tmp_path: Path) -> None:
    out = tmp_path / "p.csv"
    begun_file(out)
    with pytest.raises(RunError, match="another run; give the same, or start anew with --overwrite"):
        write(out, resume=True, run="s")
    with pytest.raises(RunError, match="other images"):
        write(out, resume=True, names=[*NAMES[:3], "x", *NAMES[4:]])
    with pytest.raises(RunError, match="other images"):
        write(out, resume=True, names=NAMES[:3])
    assert write(out, resume=True, names=[*NAMES, "later.png"]) == 9
    begun_file(tmp_path / "q.csv")
    assert write(tmp_path / "q.csv", overwrite=True) == 0


@pytest.mark.parametrize(
    "state", ["", "[]", "{}", '{"format": 1, "rows": -1, "bytes": 1}', "[" * 100_000, "\0", "1e999"]
)
def test_a_damaged_word_on_the_rows_starts_anew(state: str, tmp_path: Path) -> None:
    out = tmp_path / "p.csv"
    begun_file(out)
    (unfinished_of(out) / "state.json").write_text(state)
    assert write(out, resume=True) == 0
    assert len(list(rows_of(wanted(out), out))) == len(ROWS)


def test_two_do_not_write_one_file(tmp_path: Path) -> None:
    out = tmp_path / "p.csv"
    with written(wanted(out), False, False), pytest.raises(RunError, match="another process is writing"):
        write(out)


def test_what_came_to_lie_there_meanwhile_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "p.csv"
    with pytest.raises(RunError, match=r"whole file is in .*p-2\.csv"), written(wanted(out), False, False) as file:
        for row in ROWS:
            file.add(row)
        out.write_text("mine")
    assert out.read_text() == "mine"
    assert len(list(rows_of(wanted(out), tmp_path / "p-2.csv"))) == len(ROWS)


@pytest.fixture
def run(make_folder: Callable[..., Path], tmp_path: Path) -> Path:
    settings = Recipe(backbone="demonstration", image_size=32, strategy="head")
    return package.train(make_folder(each=10), settings, tmp_path / "run").folder


@pytest.mark.slow
def test_predict_streams_and_goes_on(
    run: Path, tmp_path: Path, regraft: Regraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = tmp_path / "many"
    many.mkdir()
    picture(0, 1).save(many / "000.png")
    for i in range(1, 400):
        os.link(many / "000.png", many / f"{i:03d}.png")
    (many / "zz.txt").write_text("x")
    alive, own = [], Unfinished.add

    def add(self: Unfinished, row: dict[str, Any]) -> None:
        own(self, row)
        if self.rows % 100 == 0:
            alive.append(sum(type(thing) is Prediction for thing in gc.get_objects()))
        if self.rows == 250 and not (tmp_path / "stopped").exists():
            (tmp_path / "stopped").touch()
            raise KeyboardInterrupt

    monkeypatch.setattr(Unfinished, "add", add)
    out = tmp_path / "p.csv"
    predict = ("predict", run, many, "--quiet", "--out", out)
    code, _, err = regraft(*predict)
    assert code == 130, err
    assert "go on with: regraft predict" in err
    assert "--resume" in err
    assert not out.exists()
    code, _, err = regraft(*predict)
    assert code == 2
    assert "--resume" in err
    code, printed, err = regraft(*predict, "--resume")
    assert code == 0, err
    assert "and 361 more" in printed
    assert "400 of 401 files are predicted" in printed
    assert max(alive) < 100
    regraft(*predict[:-1], tmp_path / "whole.csv")
    assert out.read_bytes() == (tmp_path / "whole.csv").read_bytes()
    assert [path for path in tmp_path.iterdir() if "unfinished" in path.name] == []
    code, printed, _ = regraft("predict", run, many, "--quiet", "--json")
    result = json.loads(printed)
    assert json.dumps(result, indent=2) + "\n" == printed
    assert len(result["predictions"]) == 401
    code, printed, _ = regraft("predict", run, many, "--quiet")
    assert "and 361 more (--out FILE writes all" in printed
    lines = tmp_path / "p.jsonl"
    assert regraft("predict", run, many, "--quiet", "--out", lines)[0] == 0
    assert [json.loads(line) for line in lines.read_text().splitlines()] == result["predictions"]


def test_where_it_cannot_go_is_said_before_the_work(run: Path, tmp_path: Path, regraft: Regraft) -> None:
    (tmp_path / "there.csv").write_text("x")
    for options, word in (
        (("--out", tmp_path / "no" / "p.csv"), "there is no folder"),
        (("--out", tmp_path), "is a folder"),
        (("--out", tmp_path / "there.csv"), "exists already"),
        (("--out", tmp_path / "there.csv", "--resume"), "is whole"),
        (("--resume",), "--out"),
    ):
        code, out, err = regraft("predict", run, tmp_path / "nothing-is-here", "--quiet", *options)
        assert (code, out) == (2, "")
        assert word in err
    assert (tmp_path / "there.csv").read_text() == "x"


@posix
def test_a_device_is_written_and_stays_one(run: Path, tmp_path: Path, regraft: Regraft) -> None:
    image = tmp_path / "a.png"
    picture(0, 1).save(image)
    (tmp_path / "link").symlink_to("/dev/null")
    for device in (Path("/dev/null"), tmp_path / "link"):
        code, _, err = regraft("predict", run, image, "--quiet", "--out", device, "--overwrite")
        assert code == 0, err
        assert Path("/dev/null").is_char_device()
    code, _, err = regraft("predict", run, image, "--quiet", "--out", "/dev/full")
    assert code == 2
    assert "No space left" in err
    (tmp_path / "to.csv").symlink_to(tmp_path / "real.csv")
    assert regraft("predict", run, image, "--quiet", "--out", tmp_path / "to.csv")[0] == 0
    assert (tmp_path / "real.csv").is_file()
    assert (tmp_path / "to.csv").is_symlink()


@pytest.mark.parametrize("name", ["a.xlsx", "a.json", "a.parquet"])
def test_a_file_that_would_be_no_csv_is_refused(regraft: Regraft, run: Path, tmp_path: Path, name: str) -> None:
    code, _, err = regraft("predict", run, tmp_path, "--out", tmp_path / name)
    assert code == 2
    assert "name a .csv or a .jsonl" in err
    assert not (tmp_path / name).exists()
