"""What the documentation says to type can be typed: commands parse, values are valid, the figures come back."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer.main
from forks import Forked

from benchmarks import tutorial
from regraft.cli.main import app
from regraft.cli.options import recipe_from
from regraft.recipe.recipe import PLACES

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(ROOT.glob("docs/*.md"))]
NEW = ("index", "install", "tutorial", "four-cases", "recipes", "coming-from", "faq", "gallery", "lesson")
MOST_WORDS = 20  # of a sentence on these pages
LINE = re.compile(
    r"^ {4,}(?:uv run )?(regraft [a-z].*)$|^\$ (regraft [a-z].*)$|`(regraft [a-z]+ [^`\n]*)`", re.MULTILINE
)


def commands(page: Path) -> list[str]:
    """The page's commands, without the remarks that stand two or more blanks behind them."""
    found = ("".join(groups) for groups in LINE.findall(page.read_text()))
    return [re.split(r"\s{2,}|\s#", line)[0] for line in found if "|" not in line and "·" not in line]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_of_the_documentation_parses(page: Path) -> None:
    known = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    for line in commands(page):
        words = shlex.split(line)[1:]
        words = [word.removesuffix("...") for word in words if word != "..."]
        try:
            given = known[words[0]].make_context(words[0], words[1:]).params
            if words[0] in {"plan", "train"}:  # whose options of these names are the recipe's
                recipe_from({name: value for name, value in given.items() if name in PLACES and is_meant(value)})
        except Exception as error:
            if type(error).__name__ != "MissingParameter" or f"`{line}`" not in page.read_text():  # named in a sentence
                pytest.fail(f"{page.name}: {line}: {error!r}")


def is_meant(value: Any) -> bool:
    """Whether it is a value, and no placeholder such as NAME."""
    return not isinstance(value, list | tuple) and not re.fullmatch(r"[A-Z]{3,}", str(value))


def test_commands_are_found_in_every_form() -> None:
    assert len(commands(ROOT / "README.md")) > 10
    assert commands(ROOT / "docs" / "tutorial.md")[1] == "regraft scan regraft-demo/digits"


@pytest.mark.parametrize("name", NEW)
def test_sentences_are_short(name: str) -> None:
    text = (ROOT / "docs" / f"{name}.md").read_text()
    text = re.sub(r"(?s:```.*?```)|^ {4}.*$|^[|#].*$|!\[[^]]*\]\([^)]*\)", "\n\n", text, flags=re.MULTILINE)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    for block in re.split(r"\n\s*\n", text):
        for sentence in re.split(r"(?<=[.?!:;])[*_]*\s+", " ".join(block.split())):
            assert len(sentence.split()) < MOST_WORDS, f"{name}.md: {sentence}"


@pytest.mark.slow
def test_the_tutorials_commands_give_its_figures(tmp_path: Path) -> None:
    page, environment = tutorial.PAGE.read_text(), os.environ | {"COLUMNS": "80"}
    for command, shown in tutorial.commands(page):
        code, printed, said = Forked(*shlex.split(command)[1:], environment=environment, folder=tmp_path).ended()
        assert code == 0, (command, said)
        assert first_figure(printed) == pytest.approx(first_figure(shown), abs=2), command
        assert re.findall(r"^regraft-demo/\S+ +(\d)", printed, re.M) == re.findall(
            r"^regraft-demo/\S+ +(\d)", shown, re.M
        )


@pytest.mark.slow
def test_the_tutorials_python_runs(
    digits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """On thirty images of each digit; the command before it has trained on all."""
    (code,) = re.findall(r"```python\n(.*?)```", tutorial.PAGE.read_text(), re.DOTALL)
    shutil.copytree(digits, tmp_path / "regraft-demo" / "digits")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/tutorial.md", "exec"), {})
    assert capsys.readouterr().out == "3\n"


def first_figure(text: str) -> float:
    """The first number that decides: a share, a similarity, or a count."""
    number = re.search(r"\d[\d,]*(?:\.\d+)?%?", text)
    assert number, text
    return float(number[0].rstrip("%").replace(",", ""))


@pytest.mark.slow
def test_the_site_is_built_without_a_warning_and_asks_no_other_host(tmp_path: Path) -> None:
    pytest.importorskip("mkdocs")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path)]
    environment = os.environ | {"NO_MKDOCS_2_WARNING": "1"}
    built = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > 30
    for page in pages:
        assert not re.findall(r'<(?:script|link|img)[^>]*(?:src|href)="?(?:https?:)?//', page.read_text()), page


def test_the_lesson_has_no_large_outputs() -> None:
    lesson = ROOT / "docs" / "lesson.ipynb"
    assert lesson.stat().st_size < 60_000
    assert all(not cell.get("outputs") for cell in json.loads(lesson.read_text())["cells"])


@pytest.mark.slow
def test_the_lessons_cells_run_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    cells = json.loads((ROOT / "docs" / "lesson.ipynb").read_text())["cells"]
    for number, cell in enumerate(cells):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"lesson.ipynb, cell {number}", "exec"), names)
