"""How commands and their options are listed: by what they are about, each in a line that fits."""

from collections.abc import Iterable, Sequence
from typing import Any

from typer.core import TyperCommand, TyperGroup

OWN = "Options"  # of the command itself
PANELS = {  # by the groups of settings
    "reading": "Data",
    "network": "Network",
    "planning": "Plan",
    "head": "Head",
    "optimisation": "Fine-tuning",
    "augmentation": "Augmentation",
    "stopping": "Stopping",
    "general": OWN,
}
COMMANDS = {
    "The job": ("scan", "plan", "train"),
    "Use a run": ("predict", "evaluate", "review", "suggest", "export", "serve", "card"),
    "Proof and insight": ("compare", "transferability", "look"),
    "This machine": ("doctor", "backbones", "cache", "reference", "demo", "help"),
}
ROOM = 60  # characters of a command's first sentence, which is what the list shows

Record = tuple[str, str]


class Command(TyperCommand):
    """A command whose options are listed in panels."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Arguments, the command's own options, and the settings by group."""
        panels: dict[str, list[Record]] = {"Arguments": [], OWN: [], **{title: [] for title in PANELS.values()}}
        for parameter in self.get_params(ctx):
            if record := parameter.get_help_record(ctx):
                argument = parameter.param_type_name == "argument"
                panels["Arguments" if argument else getattr(parameter, "rich_help_panel", None) or OWN].append(record)
        write(formatter, panels.items())


class Group(TyperGroup):
    """The commands, listed by what they are for."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Each with its first sentence."""
        known = {name: self.get_command(ctx, name) for name in self.list_commands(ctx)}
        sections = [
            (title, [(name, first_sentence(known[name])) for name in names if name in known])
            for title, names in COMMANDS.items()
        ]
        write(formatter, sections)


def write(formatter: Any, panels: Iterable[tuple[str, Sequence[Record]]]) -> None:
    """Panels that are not empty."""
    for title, records in panels:
        if records:
            with formatter.section(title):
                formatter.write_dl(records)


def first_sentence(command: Any) -> str:
    """What a command does."""
    text = " ".join((command.help or "").split())
    return text.partition(". ")[0].rstrip(".")
