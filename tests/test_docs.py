"""The documentation cannot drift from the commands."""

import re
from pathlib import Path

import typer.main

from regraft.cli import app

ROOT = Path(__file__).parent.parent


def test_every_command_and_option_is_documented() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    documented = set(re.findall(r"`(--[a-z-]+)`", page))
    command = typer.main.get_command(app)
    found = set()
    for name, sub in command.commands.items():  # type: ignore[attr-defined]
        assert f"`regraft {name}" in page, name
        found |= {opt for parameter in sub.params for opt in parameter.opts if opt.startswith("--")}
    assert found - {"--help"} == documented


def test_every_file_has_its_place_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    for path in (ROOT / "src" / "regraft").glob("[a-z]*.py"):
        assert path.name in page, path.name


def test_links_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("pretraining/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"
