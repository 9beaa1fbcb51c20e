"""Two runs and one folder: the first one lives, whatever the second does."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import pytest

from regraft.errors import RunError
from regraft.runs.claim import claimed
from regraft.runs.folder import unfinished_of
from regraft.runs.writing import writing

Regraft = Callable[..., tuple[int, str, str]]
HOLD = """
import sys
from pathlib import Path
from regraft.runs.claim import claimed
with claimed("photos", Path(sys.argv[1]), overwrite=False) as claim:
    (claim.place / "begun.txt").write_text("mine")
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path) -> subprocess.Popen[str]:
    """Another process that writes ``run``."""
    command = [sys.executable, "-c", HOLD, str(tmp_path / "run")]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_second_run_is_refused_and_the_first_lives(
    overwrite: bool, other: subprocess.Popen[str], tmp_path: Path
) -> None:
    out, place = tmp_path / "run", unfinished_of(tmp_path / "run")
    with (
        pytest.raises(RunError, match=r"another run is writing .*run; let it finish, or name another --out"),
        claimed("photos", out, overwrite),
    ):
        pass
    assert (place / "begun.txt").read_text() == "mine"
    other.kill()  # the lock dies with its process
    other.communicate()
    with claimed("photos", out, overwrite) as claim, writing(out, overwrite) as filled:
        assert filled == claim.place
        assert not (filled / "begun.txt").exists()
        (filled / "whole.txt").write_text("yes")
    assert [path.name for path in out.iterdir()] == ["whole.txt"]
    assert not place.exists()


def test_the_command_says_so(
    regraft: Regraft, make_folder: Callable[..., Path], other: subprocess.Popen[str], tmp_path: Path
) -> None:
    root = make_folder(each=3)
    for command in ("train", "plan"):
        code, out, err = regraft(command, root, "--out", tmp_path / "run", "--quiet")
        assert (code, out) == (2, "")
        assert "another run is writing" in err
    other.communicate("")
    assert not (tmp_path / "run").exists()


def test_a_run_that_finished_meanwhile_is_not_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = tmp_path / "run"
    monkeypatch.setattr("regraft.runs.claim.choose_folder", lambda *_: out)  # the look before the other one finished
    with claimed("photos", out, overwrite=False), writing(out, overwrite=False) as place:
        (place / "recipe.json").write_text("{}")
    with pytest.raises(RunError, match="exists already"), claimed("photos", out, overwrite=False):
        pass
    assert (out / "recipe.json").exists()
    with claimed("photos", out, overwrite=True), writing(out, overwrite=True) as place:
        (place / "second.txt").write_text("2")
    assert [path.name for path in out.iterdir()] == ["second.txt"]


def test_runs_that_begin_together_get_names_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    runs, together, at_end = 8, Barrier(8), Barrier(8)

    def run(number: int) -> Path:
        together.wait(30)
        with claimed("photos", None, overwrite=False) as claim:
            with writing(claim.folder, overwrite=False) as place:
                (place / "mine.txt").write_text(str(number))
            at_end.wait(30)
        return claim.folder

    with ThreadPoolExecutor(runs) as pool:
        folders = list(pool.map(run, range(runs)))
    assert sorted(folders) == [Path("runs", f"photos-{number}") for number in range(1, runs + 1)]
    assert [(folder / "mine.txt").read_text() for folder in folders] == [str(number) for number in range(runs)]
    assert {path.name for path in Path("runs").iterdir()} == {folder.name for folder in folders}


def test_a_run_that_failed_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for out in (None, Path("deep", "down", "run")):
        with pytest.raises(ValueError, match="broken"), claimed("photos", out, overwrite=False) as claim:
            assert claim.place.is_dir()
            raise ValueError("broken")
        assert not any(tmp_path.iterdir())


def test_what_came_to_lie_there_meanwhile_is_kept(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with (
        pytest.raises(RunError, match=r"the whole run is in .*run-2"),
        claimed("photos", out, overwrite=False),
        writing(out, overwrite=False) as place,
    ):
        (place / "whole.txt").write_text("yes")
        out.write_text("something else")
    assert out.read_text() == "something else"
    assert (tmp_path / "run-2" / "whole.txt").exists()
