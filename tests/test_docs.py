"""The documentation cannot drift from the commands."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.main
from conftest import picture

from regraft.cli.main import app

ROOT = Path(__file__).parent.parent


def test_every_command_and_option_is_documented() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    documented = set(re.findall(r"`(--[a-z-]+)`", page))
    command = typer.main.get_command(app)
    takers: dict[str, set[str]] = {}
    for name, sub in command.commands.items():  # type: ignore[attr-defined]
        assert f"`regraft {name}" in page, name
        for option in (opt for parameter in sub.params for opt in parameter.opts if opt.startswith("--")):
            takers.setdefault(option, set()).add(name)
    assert takers.keys() - {"--help"} == documented
    for option, of in re.findall(r"^\| `(--[a-z-]+)` \| ([a-z, ]+) \|", page, re.MULTILINE):
        without = set(of.removeprefix("all").removeprefix(" but ").split(", ")) - {""}
        expected = set(command.commands) - without if of.startswith("all") else set(of.split(", "))  # type: ignore[attr-defined]
        assert takers[option] == expected, option


def test_every_file_has_its_place_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    for path in (ROOT / "src" / "regraft").glob("[a-z]*.py"):
        assert path.name in page, path.name


def test_the_readmes_python_runs(
    make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(make_folder("photos", each=10).parent)
    picture(1, 99).save("new.jpg")
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out == "new.jpg class1\n"


def test_links_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("pretraining/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"
