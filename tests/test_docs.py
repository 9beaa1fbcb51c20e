"""The documentation cannot drift from the commands."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
import typer.main
from conftest import picture

import regraft
from regraft.cli.main import app
from regraft.cli.page import options_page

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "regraft"
LONGEST = 300  # lines of a file


def test_every_command_is_documented() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    for name in typer.main.get_command(app).commands:  # type: ignore[attr-defined]
        assert f"`regraft {name}" in page, name


def test_every_option_is_documented() -> None:
    page = (ROOT / "docs" / "options.md").read_text()
    assert page == options_page(), "uv run python -m regraft.cli.page > docs/options.md"
    takers: dict[str, set[str]] = {}
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for option in (opt for parameter in command.params for opt in parameter.opts if opt.startswith("--")):
            takers.setdefault(option, set()).add(name)
    documented: dict[str, set[str]] = {}
    for options, of in re.findall(r"^\| ([`a-z0-9, -]+) \| ([a-z, ]+) \|", page, re.MULTILINE):
        for option in re.findall(r"--[a-z0-9-]+", options):
            documented.setdefault(option, set()).update(of.split(", "))
    assert documented == {option: of for option, of in takers.items() if option != "--help"}


def test_other_pages_name_no_option_that_there_is_not() -> None:
    others = {"--help", "--compile-bytecode", "--node-rank", "--master-port"}  # uv's and torchrun's among them
    known = set(re.findall(r"`(--[a-z0-9-]+)`", options_page())) | others
    for page in [ROOT / "README.md", *ROOT.glob("docs/*.md")]:
        commands = re.findall(
            r"(?:^    uv run |`)(regraft [a-z]+ [^`\n]*|--[a-z0-9-][^`\n]*)", page.read_text(), re.MULTILINE
        )
        named = {option for command in commands for option in re.findall(r"(?<!\S)--[a-z0-9-]+", command)}
        assert named - known == set(), page.name


def test_every_room_and_file_has_its_place_in_the_architecture() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    laid_out = {
        name for block in re.findall(r"(?:^    .*\n)+", page, re.MULTILINE) for name in re.findall(r"[\w/]+", block)
    }
    rooms = [path.parent for path in SOURCE.glob("*/__init__.py")]
    modules = [path.stem for path in SOURCE.glob("[a-z]*.py")]
    assert {*(f"{room.name}/" for room in rooms), *modules} - laid_out == set()
    for room in rooms:
        (row,) = re.findall(rf"^\| `{room.name}/` \| (.*)$", page, re.MULTILINE)
        names = {f"{path.name}/" if path.is_dir() else path.stem for path in room.glob("[a-z]*") if is_source(path)}
        assert names - set(re.findall(r"`([\w/]+)`", row)) == set(), room.name


def is_source(path: Path) -> bool:
    """Whether it is code of its own, or a room in a room."""
    return path.suffix == ".py" or (path / "__init__.py").exists()


def test_no_file_is_long() -> None:
    lines = {
        path: len(path.read_text().splitlines()) for form in ("py", "html") for path in ROOT.rglob(f"src/**/*.{form}")
    }
    assert len(lines) > 50
    assert {path.name: count for path, count in lines.items() if count > LONGEST} == {}


def test_the_readmes_python_runs(
    make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    monkeypatch.chdir(make_folder("photos", each=10).parent)
    picture(1, 99).save("new.jpg")
    exec(compile(code, "README.md", "exec"), {})
    assert capsys.readouterr().out == "new.jpg class1\n"


@pytest.mark.slow
def test_the_python_pages_examples_run_one_after_another(
    make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    page = (ROOT / "docs" / "python.md").read_text()
    monkeypatch.chdir(make_folder("photos", each=30).parent)
    exec(compile("\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL)), "docs/python.md", "exec"), {})
    assert "small-" in capsys.readouterr().out
    assert set(regraft.__all__) - set(re.findall(r"\w+", page)) == set()


def test_links_lead_somewhere() -> None:
    for page in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("pretraining/*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
            assert target.startswith("https://") or (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_reference_has_every_public_name() -> None:
    shown = set(re.findall(r"^::: regraft\.([\w.]+)$", (ROOT / "docs/reference.md").read_text(), re.MULTILINE))
    assert shown == {f"{getattr(regraft, name).__module__.removeprefix('regraft.')}.{name}" for name in regraft.__all__}
