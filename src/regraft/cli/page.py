"""The page of options: ``python -m regraft.cli.page > docs/options.md``."""

import typer
from typer.main import get_command

from regraft.cli.help import COMMANDS
from regraft.cli.main import app


def options_page() -> str:
    """docs/options.md: every option of every command."""
    commands = get_command(app).commands  # type: ignore[attr-defined]
    takers: dict[tuple[str, str], list[str]] = {}
    for name in (name for names in COMMANDS.values() for name in names if name in commands):
        for parameter in commands[name].params:
            if parameter.param_type_name == "option" and parameter.name != "help":
                takers.setdefault(("`, `".join(parameter.opts), parameter.help.replace("|", "\\|")), []).append(name)
    rows = [f"| `{flag}` | {', '.join(names)} | {text} |" for (flag, text), names in takers.items()]
    return "\n".join(["# Options", "", "| option | of | meaning |", "|---|---|---|", *rows, ""])


if __name__ == "__main__":
    typer.echo(options_page(), nl=False)
