"""The command line: parse, call one function, print."""

import io
import json
import os
import shlex
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from regraft.cli.options import (
    DEVICE,
    NETWORK,
    PLANNING,
    READING,
    TRAINING,
    AsJson,
    Backbones,
    Data,
    Out,
    Overwrite,
    Quiet,
    Resume,
    Run,
    takes,
)
from regraft.errors import RecipeError, RegraftError, RunError
from regraft.recipe import Recipe, read_recipe, seconds_of

if TYPE_CHECKING:
    from regraft.data.images import Reading

INTERRUPTED = 130  # the exit code after Ctrl-C
SHAPES = ("cut", "cuts", "unfreeze_from", "views")  # settings that go with one strategy
FIGURES = ("epochs", "patience", "learning_rate", "weight_decay", "mix")  # that a run's recipe has for its own


class Commands(TyperGroup):
    """All commands. Ctrl-C ends any of them with a word, a reader that has gone without one."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            result = super().invoke(ctx)
            sys.stdout.flush()
        except KeyboardInterrupt:
            typer.echo("regraft: interrupted; the features seen so far are kept", err=True)
            raise typer.Exit(INTERRUPTED) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is left in the buffer goes there
            raise typer.Exit(0) from None
        return result


app = typer.Typer(
    name="regraft",
    cls=Commands,
    help="From labelled images and a pre-trained network to the best classifier that transfer learning gives.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def recipe_from(given: Mapping[str, Any]) -> Recipe:
    """The --recipe file's recipe, or the default one, with the options of the command line that belong to a recipe."""
    base = read_recipe(Path(given["recipe"])) if given.get("recipe") else Recipe()
    names = {field.name for field in fields(Recipe)} - {"cut"}
    named = {**given, "initialiser": given.get("init")}
    changes = {name: value for name, value in named.items() if name in names and value is not None}
    if cuts := given.get("cut"):
        changes |= {"cut": None, "cuts": tuple(cuts)} if len(cuts) > 1 else {"cut": cuts[0], "cuts": ()}
    if changes.get("strategy") not in {None, base.strategy}:  # what went with the other one goes with it
        own = (*SHAPES, *FIGURES) if base.strategy else SHAPES
        changes = {field.name: field.default for field in fields(Recipe) if field.name in own} | changes
    if "time_limit" in changes:
        changes["time_limit"] = seconds_of(changes["time_limit"])
    return base.but(**changes)


@contextmanager
def progress_bar(quiet: bool) -> Iterator[Callable[[str, int, int], None]]:
    """A progress display on stderr with rate and time left: one bar a stage."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True), disable=quiet, transient=True) as bars:
        tasks: dict[str, Any] = {}

        def show(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, rate="")
            task = bars.tasks[tasks[stage]]
            rate = f"{task.speed:,.0f}/s" if task.speed and total > 1 else ""
            bars.update(tasks[stage], completed=done, rate=rate)

        yield show


def give(result: dict[str, Any], as_json: bool, show: Callable[[dict[str, Any]], None]) -> None:
    """Print a result: JSON on stdout, or the command's own table."""
    if as_json:
        typer.echo(json.dumps(result, indent=2))
    else:
        show(result)


def reading_from(given: Mapping[str, Any]) -> "Reading":
    """How the images are read, from the options of the command line that say so."""
    from regraft.data.images import Reading

    return Reading(**{name: given[name] for name in READING if given.get(name) is not None})


@app.command()
@takes({**READING, "workers": NETWORK["workers"]})
def scan(data: Data, as_json: AsJson = False, **settings: Any) -> None:
    """Say what is there and what is wrong with it; every file is read and decoded."""
    from regraft.cli import tables as show
    from regraft.data.find import scan as scan_images

    images = scan_images(data, reading_from(settings), settings["workers"] or 0)
    result = {
        "root": str(images.root),
        "classes": list(images.classes),
        "images": len(images.files),
        "left_out": images.left_out,
        "counts": images.counts(),
        "faults": [vars(fault) for fault in images.faults],
    }
    give(result, as_json, show.scan)


@app.command()
@takes(PLANNING)
def plan(
    data: Data,
    backbone: Backbones = None,
    out: Annotated[Path | None, typer.Option("--out", help="A folder for plan.json and its pictures.")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Say which of the four cases this is, and why; several backbones are ranked."""
    from regraft.network.hub import check_at_hand

    weights = settings["weights"]
    named = [backbone_and_file(text, weights) for text in backbone or []]
    first, file = named[0] if named else (None, weights)
    wanted = recipe_from(settings | {"backbone": first, "weights": file})
    for name, path in named or [(wanted.backbone, wanted.weights)]:
        check_at_hand(wanted.but(backbone=name, weights=path))
    from regraft.cli import tables as show

    if len(named) > 1:
        if out:
            raise RecipeError(
                "--out goes with one --backbone; rank them with --json, then plan with the one you choose"
            )
        from regraft.evaluation.rank import rank

        with progress_bar(quiet) as progress:
            give(rank(data, wanted, named, progress), as_json, show.ranking)
        return
    from regraft.runs.job import plan_only

    with progress_bar(quiet) as progress:
        result = plan_only(data, wanted, out, overwrite, progress)
    give(result, as_json, show.plan)


def backbone_and_file(text: str, weights: str | None) -> tuple[str, str | None]:
    """NAME=FILE in two; NAME alone goes with --weights."""
    name, _, file = text.partition("=")
    return (name, file) if file else (text, weights)


@app.command()
@takes(TRAINING)
def train(
    data: Data,
    out: Out = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Look at the images, plan, graft, train, evaluate and report."""
    train_and_show(data, recipe_from(settings), out, overwrite, resume, as_json, quiet)


def train_and_show(
    data: str, recipe: Recipe, out: Path | None, overwrite: bool, resume: bool, as_json: bool, quiet: bool
) -> None:
    """Run the whole job and print its summary."""
    from regraft.network.hub import check_at_hand

    check_at_hand(recipe)
    from regraft.cli import tables as show
    from regraft.runs.job import train as run_training

    with progress_bar(quiet) as progress:
        result = run_training(data, recipe, out, overwrite, resume, progress)
    give(result, as_json, show.summary)
    if result["interrupted"]:
        typer.echo(f"regraft: interrupted; go on with: {resume_command(result['run'])}", err=True)
        raise typer.Exit(INTERRUPTED)


def check_file(out: Path | None, overwrite: bool) -> None:
    """Raise RunError where the file that is to be written would replace one that was not given up."""
    if out and out.exists() and not overwrite:
        raise RunError(f"{out} exists already; name another --out, or replace it with --overwrite")


def resume_command(run: str) -> str:
    """The command that goes on with this one."""
    given = [argument for argument in sys.argv[1:] if argument not in {"--overwrite", "--resume"}]
    out = [] if any(argument.split("=")[0] == "--out" for argument in given) else ["--out", run]
    return shlex.join(["regraft", *given, *out, "--resume"])


@app.command()
@takes({**READING, **DEVICE})
def evaluate(run: Run, data: Data, as_json: AsJson = False, quiet: Quiet = False, **settings: Any) -> None:
    """Measure a run on labelled images: their test part, else their val part, else all of them."""
    from regraft.cli import tables as show
    from regraft.evaluation.predict import evaluate as evaluate_run

    with progress_bar(quiet) as progress:
        result = evaluate_run(run, data, reading_from(settings), progress=progress, device=settings["device"] or "auto")
    give(result, as_json, show.evaluation)


@app.command()
@takes({**DEVICE, "max_pixels": READING["max_pixels"]})
def predict(
    run: Run,
    paths: Annotated[list[Path], typer.Argument(help="Images, or folders of images.")],
    out: Annotated[Path | None, typer.Option(help="Write a CSV with every class's probability here.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the CSV where it exists.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Predict the class of images."""
    from regraft.cli import tables as show
    from regraft.data.readers.folder import images_at
    from regraft.evaluation.predict import open_run, predict_files
    from regraft.runs.folder import write_rows

    check_file(out, overwrite)
    network = open_run(run, settings["device"] or "auto")
    with progress_bar(quiet) as progress:
        found = list(predict_files(network, images_at(paths), progress, reading_from(settings).max_pixels))
    rows = [show.prediction_row(p, network.classes) for p in found]
    if out:
        try:
            write_rows(out, rows)
        except OSError as error:
            raise RunError(f"{out} cannot be written: {error.strerror}; name another --out") from None
    give({"run": str(run), "predictions": rows}, as_json, show.predictions)


@app.command()
@takes({**NETWORK, "max_pixels": READING["max_pixels"]})
def reference(
    backbone: Annotated[str, typer.Argument(help="The network, as --backbone names it.")],
    images: Annotated[list[Path], typer.Argument(help="Images that it was trained on, or folders of them.")],
    out: Annotated[Path | None, typer.Option(help="The statistics file; by default where plan and train look.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the file where it exists.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Make the source statistics of a network that carries none, from images that it was trained on."""
    from regraft.network.hub import check_at_hand

    check_file(out, overwrite)
    recipe = recipe_from(settings | {"backbone": backbone})
    check_at_hand(recipe)
    from regraft.cli import tables as show
    from regraft.similarity.reference import make_reference

    with progress_bar(quiet) as progress:
        result = make_reference(recipe, images, out, progress)
    give(result, as_json, show.reference)


@app.command()
def backbones(
    name: Annotated[str, typer.Argument(help="Part of a name to look for.")] = "", as_json: AsJson = False
) -> None:
    """List what can be grafted, and what is already on this machine."""
    from regraft.cli import tables as show
    from regraft.network.backbone import known_backbones

    give({"backbones": known_backbones(name)}, as_json, show.backbones)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the images and the run are put.")] = Path("regraft-demo"),
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Do the whole job on sample data, offline: scikit-learn's handwritten digits."""
    from regraft.data.digits import write_digits

    write_digits(folder / "digits")
    train_and_show(str(folder / "digits"), Recipe(), folder / "run", True, False, as_json, quiet)


def main() -> None:
    """Run the command line; what the user can mend exits 2 with one line, a fault of ours 1."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # file names may hold what no encoding has
    try:
        app(standalone_mode=True)
    except RegraftError as error:
        typer.echo(f"regraft: {' '.join(str(error).split())}", err=True)
        sys.exit(2)
    except Exception:  # the boundary: everything else is a fault of ours, and says so
        traceback.print_exc()
        typer.echo("regraft: this is a fault of regraft's; please report it with the lines above", err=True)
        sys.exit(1)
