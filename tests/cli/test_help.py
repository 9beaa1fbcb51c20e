"""How commands and options are listed, and what people type for them."""

from collections.abc import Callable

import pytest
from typer.main import get_command

import regraft as package
from regraft.cli.help import COMMANDS, OWN, PANELS, ROOM, first_sentence
from regraft.cli.main import app
from regraft.cli.options import recipe_from

Regraft = Callable[..., tuple[int, str, str]]
KNOWN = get_command(app).commands  # type: ignore[attr-defined]


def test_every_command_is_listed_in_one_line(regraft: Regraft) -> None:
    listed = [name for names in COMMANDS.values() for name in names]
    assert set(KNOWN) <= set(listed)
    assert len(listed) == len(set(listed))
    code, out, _ = regraft("--help")
    assert code == 0
    for name, command in KNOWN.items():
        assert len(first_sentence(command)) <= ROOM, name
        assert first_sentence(command) in out
    assert max(map(len, out.splitlines())) <= 80


def test_options_are_listed_in_panels(regraft: Regraft) -> None:
    _, out, _ = regraft("train", "--help")
    titles = [line.rstrip(":") for line in out.splitlines() if line.endswith(":") and not line.startswith(" ")]
    assert titles == ["Arguments", OWN, *(title for title in PANELS.values() if title != OWN)]
    panel = out[out.index("\nFine-tuning:") : out.index("\nAugmentation:")]
    assert "--learning-rate, --lr" in panel
    assert "--image-size" not in panel


def test_help_is_a_command(regraft: Regraft) -> None:
    assert regraft("help")[1] == regraft("--help")[1]
    assert regraft("help", "scan")[1] == regraft("scan", "--help")[1]
    code, out, err = regraft("help", "trian")
    assert (code, out, err) == (2, "", "regraft: there is no command 'trian'; did you mean 'train'?\n")
    code, _, err = regraft("help", "xyz")
    assert code == 2
    assert "there are" in err


def test_version(regraft: Regraft) -> None:
    code, out, _ = regraft("--version")
    assert (code, out) == (0, f"regraft {package.__version__}\n")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_is_offered(regraft: Regraft, monkeypatch: pytest.MonkeyPatch, shell: str) -> None:
    monkeypatch.setattr("shellingham.detect_shell", lambda *_: (shell, f"/bin/{shell}"))
    code, out, err = regraft("--show-completion")
    assert code == 0, err
    assert "_REGRAFT_COMPLETE" in out


def test_options_as_people_type_them() -> None:
    spellings = {
        option: parameter.name
        for parameter in KNOWN["train"].params
        for option in parameter.opts
        if parameter.param_type_name == "option"
    }
    assert spellings["--lr"] == spellings["--learning-rate"] == "learning_rate"
    assert spellings["--optimizer"] == spellings["--optimiser"]
    assert spellings["--batch"] == spellings["--batch-size"] == "batch_size"
    assert recipe_from({"learning_rate": 0.1}).optimisation.learning_rate == 0.1
