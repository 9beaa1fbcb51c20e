"""The command line's options. Those of settings follow from where the settings are declared."""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from regraft.cli.help import PANELS
from regraft.recipe.declaration import declaration_of, flag_of, kinds_of, name_of
from regraft.recipe.recipe import DEFAULTS, GROUPS, PLACES, Recipe, read_recipe, seconds_of

Command = TypeVar("Command", bound=Callable[..., Any])
ENTERED_AS: dict[str, Any] = {
    "cut": list[str],
    "ignore": list[str],
    "time_limit": str,
}  # where that differs from the setting's kind
NOT_ENTERED = {"cuts"}  # they are --cut, given again
SHAPES = ("cut", "cuts", "unfreeze_from", "views")  # settings that go with one strategy
FIGURES = ("epochs", "patience", "learning_rate", "weight_decay", "mix")  # that a run's recipe has for its own

Data = Annotated[
    str,
    typer.Argument(
        help="Folder of CLASS/image files, or of train/, val/, test/ folders of those; a table (.csv, .tsv, .jsonl,"
        " .parquet); a .zip or .tar; shards-{0000..0009}.tar; any of these shards at s3://BUCKET/...; hf:NAME."
    ),
]
Run = Annotated[Path, typer.Argument(help="A run folder that `regraft train` made.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the result as one JSON object.")]
Quiet = Annotated[bool, typer.Option("--quiet", help="Show no progress.")]
ProgressForm = Annotated[
    str, typer.Option("--progress", help="Its form: auto (bars or lines), or json (an object a line on stderr).")
]
Verbose = Annotated[bool, typer.Option("--verbose", help="Show all that is known, and not only what decides.")]
Out = Annotated[Path | None, typer.Option("--out", help="The run folder to make; runs/DATA-N by default.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what --out names, where it exists.")]
Resume = Annotated[bool, typer.Option("--resume", help="Go on with the interrupted training in --out.")]
RecipeFile = Annotated[
    Path | None, typer.Option("--recipe", help="A run's recipe.json to repeat; options go before it.")
]
Backbones = Annotated[
    list[str] | None,
    typer.Option("--backbone", help="As train takes it; given again, as NAME or NAME=FILE, they are ranked."),
]


def settings_of(*groups: str, without: Iterable[str] = ()) -> tuple[str, ...]:
    """The names of the settings in some groups of the recipe."""
    names = (name_of(one) for group in groups for one in fields(GROUPS[group]))
    return tuple(name for name in names if name not in {*NOT_ENTERED, *without})


READING = settings_of("reading")
RENDERING = ("range", "bands", "background")  # how images become 8-bit RGB
NETWORK = settings_of("network", without=["backbone", "continue_from"])
PLANNING = ("continue_from", *NETWORK, *READING, *settings_of("planning"))
TRAINING = settings_of(*GROUPS)


def takes(*names: str) -> Callable[[Command], Command]:
    """Give a command that has ``**settings`` one option for each of the settings ``names``; not given they are None."""
    known = {name_of(one): (one, kind) for kind in GROUPS.values() for one in fields(kind)}

    def with_options(command: Command) -> Command:
        own = inspect.signature(command)
        declared = [p for p in own.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
        made = [parameter_of(name, *known[name]) for name in names]
        required = [p for p in declared if p.default is inspect.Parameter.empty]
        optional = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in declared if p not in required]
        command.__signature__ = inspect.Signature([*required, *made, *optional])  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in (*declared, *made)}
        return command

    return with_options


def parameter_of(name: str, one: "Field[Any]", group: type) -> inspect.Parameter:
    """A setting as a parameter that typer makes an option of."""
    kind = ENTERED_AS.get(name) or next(kind for kind in kinds_of(group)[one.name] if kind is not type(None))
    panel = PANELS[PLACES[name][0]]
    option = typer.Option(flag_of(one), *declaration_of(one).also, help=help_of(one), rich_help_panel=panel)
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[kind | None, option]
    )


def help_of(one: "Field[Any]") -> str:
    """A setting's line of help: its meaning, its choices, its default."""
    declared = declaration_of(one)
    text = declared.help[0].upper() + declared.help[1:]
    choices = f": {', '.join(map(str, declared.choices))}" if declared.choices else ""
    default = declared.otherwise or ("" if one.default is None else str(one.default))
    return f"{text}{choices}{f' (default: {default})' if default else ''}."


def recipe_from(options: Mapping[str, Any], file: Path | None = None) -> Recipe:
    """The recipe of ``file``, or the default one, with the options of the command line that were given."""
    base = read_recipe(file) if file else Recipe()
    changes = {name: value for name, value in options.items() if value is not None and name in DEFAULTS}
    if cuts := changes.pop("cut", None):
        changes |= {"cut": None, "cuts": tuple(cuts)} if len(cuts) > 1 else {"cut": cuts[0], "cuts": ()}
    if changes.get("strategy") not in {None, base.planning.strategy}:  # what went with the other one goes with it
        own = (*SHAPES, *FIGURES) if base.planning.strategy else SHAPES
        changes = {name: DEFAULTS[name] for name in own} | changes
    if "ignore" in changes:
        changes["ignore"] = tuple(changes["ignore"])
    if "time_limit" in changes:
        changes["time_limit"] = seconds_of(changes["time_limit"])
    return base.but(**changes)
