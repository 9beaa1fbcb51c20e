"""No name reaches the terminal, or the report, but as text."""

import ast
import csv
import io
import json
import re
import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import picture

import regraft.cli
from regraft.cli.screen import NARROWEST, console

Regraft = Callable[..., tuple[int, str, str]]
ODD = ["\x1b]0;owned\x07", "[bold]x[bold]", "\u202etxt", "=1+1", "שלום"]
HARMFUL = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
SETTINGS = ("--backbone", "demonstration", "--image-size", 32, "--strategy", "head", "--quiet")


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    root = tmp_path / "odd"
    for kind, name in enumerate(ODD):
        (root / name).mkdir(parents=True)
        for i in range(6):
            picture(kind % 3, i + 50 * kind).save(root / name / f"{'@' if kind == 1 else ''}{i}.png")
    (root / ODD[0] / "\x1b[2J\u202e.png").write_bytes(b"broken")
    return root


@pytest.mark.slow
def test_every_command_shows_names_as_they_are(odd: Path, regraft: Regraft, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for command in (
        ("scan", odd),
        ("plan", odd, *SETTINGS[:4], "--quiet", "--verbose"),
        ("train", odd, *SETTINGS, "--out", run),
        ("evaluate", run, odd, "--quiet"),
        ("predict", run, odd, "--quiet"),
        ("predict", run, odd, "--quiet", "--out", tmp_path / "p.csv"),
        ("card", run),
        ("cache",),
    ):
        code, out, err = regraft(*command)
        assert code == 0, err
        assert not HARMFUL.search(out + err), command[0]
        if command[0] in {"scan", "evaluate", "predict"}:
            assert "\\x1b]0;owned\\x07" in re.sub(r"\s+", "", out)
            assert "[bold]x[bold]" in re.sub(r"\s+", "", out)
    _, _, err = regraft("predict", run, odd, "--quiet", "--out", tmp_path / "p.csv", "--overwrite")
    assert "1 name begins like a spreadsheet's formula" in err
    page = (run / "report.html").read_text()
    assert not re.search("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]", page)
    assert page.count("\u2068") == page.count("\u2069") > 0
    for path in (run / "predictions.csv", tmp_path / "p.csv"):
        rows = list(csv.reader(io.StringIO(path.read_bytes().decode(), newline="")))
        assert not [cell for row in rows for cell in row if re.match(r"\s*[=+@-]", cell) and cell[0] != "'"]
        assert any(cell.startswith("'=1+1") for row in rows for cell in row)
    code, out, _ = regraft("predict", run, odd, "--quiet", "--json", "--out", tmp_path / "again.csv")
    from_file = json.loads(out)
    assert {row["class"] for row in from_file["predictions"]} <= {*ODD, None}
    assert from_file == json.loads(regraft("predict", run, odd, "--quiet", "--json")[1])
    code, out, _ = regraft("train", odd, *SETTINGS, "--json", "--out", tmp_path / "run2")
    assert "spreadsheet" in " ".join(json.loads(out)["notes"])


@pytest.mark.parametrize(
    "arguments",
    [
        ("scan", "\x1b]0;x\x07\n\u202e"),
        ("\x1b[31mscan",),
        ("train", "data", "--epochs", "\x1b[31m\n"),
        ("train", "data", "--\x1b[31m\u202e", "1"),
        ("train", "data", "--strategy", "\x1b[31m\n"),
        ("predict", "\udcff\x1b[2J", "x"),
        ("cache", "\x07"),
        ("train",),
    ],
)
def test_what_was_entered_is_refused_in_one_line(arguments: tuple[str, ...], regraft: Regraft) -> None:
    code, out, err = regraft(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("regraft: ")
    assert err.count("\n") == 1
    assert not HARMFUL.search(err)


def test_warnings_and_faults_of_ours_are_shown_as_text(
    regraft: Regraft, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def warn(*_: object) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("\x1b]0;x\x07", UserWarning, stacklevel=1)
        raise ValueError("\x1b[2J\u202e")

    monkeypatch.setattr("regraft.data.scan.scan", warn)
    code, _, err = regraft("scan", tmp_path)
    assert code == 1
    assert r"UserWarning: \x1b]0;x\x07" in err
    assert r"ValueError: \x1b[2J\u202e" in err
    assert not HARMFUL.search(err)


@pytest.mark.parametrize("columns", ["0", "1", "x", "-3"])
def test_a_screen_is_wide_enough_to_read(columns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert console().width >= NARROWEST


def test_only_the_screen_prints_to_a_person() -> None:
    for path in Path(regraft.cli.__file__).parent.glob("*.py"):
        tree = ast.parse(path.read_text())
        names = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        if path.stem not in {"main", "screen"}:
            assert "print" not in names, path.name
        if path.stem not in {"screen", "progress_bar"}:
            assert not {name for name in modules if name.startswith("rich")}, path.name
