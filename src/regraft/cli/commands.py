"""The commands: each parses, calls one function and prints. torch is imported inside them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from regraft.cli.app import INTERRUPTED, app, resume_command
from regraft.cli.options import (
    NETWORK,
    PLANNING,
    READING,
    TRAINING,
    AsJson,
    Backbones,
    Data,
    Out,
    Overwrite,
    ProgressForm,
    Quiet,
    RecipeFile,
    Resume,
    Run,
    Verbose,
    recipe_from,
    takes,
)
from regraft.cli.progress_bar import progress_bar
from regraft.cli.screen import complain
from regraft.errors import RecipeError, RunError
from regraft.recipe import Recipe

__all__ = ["app"]


def give(result: dict[str, Any], as_json: bool, show: Callable[[dict[str, Any]], None]) -> None:
    """Print a result: JSON on stdout, or the command's own table."""
    if as_json:
        typer.echo(json.dumps(result, indent=2))
    else:
        show(result)


@app.command()
@takes(*READING, "workers")
def scan(data: Data, as_json: AsJson = False, quiet: Quiet = False, **settings: Any) -> None:
    """List what is there and what is wrong with it. Every file is read and decoded."""
    from regraft.cli import tables
    from regraft.data.scan import scan as scan_images

    recipe = recipe_from(settings)
    images = scan_images(data, recipe.reading, recipe.network.workers, not quiet)
    give(images.as_dict(), as_json, tables.scan)


@app.command()
@takes(*PLANNING)
def plan(
    data: Data,
    backbone: Backbones = None,
    recipe: RecipeFile = None,
    out: Annotated[Path | None, typer.Option("--out", help="A folder for plan.json and its pictures.")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    verbose: Verbose = False,
    quiet: Quiet = False,
    form: ProgressForm = "auto",
    **settings: Any,
) -> None:
    """Say which of the four cases this is, and why. Several backbones are ranked."""
    from regraft.network.hub import check_at_hand

    named = [backbone_and_file(text, settings["weights"]) for text in backbone or []]
    first, file = named[0] if named else (None, settings["weights"])
    wanted = recipe_from(settings | {"backbone": first, "weights": file}, recipe)
    for name, path in named or [(wanted.network.backbone, wanted.network.weights)]:
        check_at_hand(name, path)
    from regraft.cli import tables

    if len(named) > 1:
        if out:
            raise RecipeError(
                "--out goes with one --backbone; rank them with --json, then plan with the one you choose"
            )
        from regraft.evaluation.rank import rank

        with progress_bar(quiet, form) as progress:
            ranking = rank(data, named, wanted, progress)
        give(ranking.as_dict(), as_json, tables.ranking)
        return
    from regraft.runs.job import plan as plan_job

    with progress_bar(quiet, form) as progress:
        planned = plan_job(data, wanted, out, overwrite, progress)
    give(planned.as_dict(), as_json, lambda result: tables.plan(result, verbose))


def backbone_and_file(text: str, weights: str | None) -> tuple[str, str | None]:
    """NAME=FILE in two; NAME alone goes with --weights."""
    name, _, file = text.partition("=")
    return (name, file) if file else (text, weights)


@app.command()
@takes(*TRAINING)
def train(
    data: Data,
    recipe: RecipeFile = None,
    out: Out = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    look: Annotated[bool, typer.Option("--look", help="Show in the report what the layers see.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    form: ProgressForm = "auto",
    **settings: Any,
) -> None:
    """Look at the images, plan, graft, train, evaluate and report."""
    train_and_show(data, recipe_from(settings, recipe), out, overwrite, resume, as_json, quiet, look, form)


def train_and_show(
    data: str,
    recipe: Recipe,
    out: Path | None,
    overwrite: bool,
    resume: bool,
    as_json: bool,
    quiet: bool,
    look: bool = False,
    form: str = "auto",
) -> None:
    """Run the whole job and print its summary."""
    from regraft.network.hub import check_at_hand

    check_at_hand(recipe.network.backbone, recipe.network.weights)
    from regraft.cli import results
    from regraft.runs.job import train as train_job

    with progress_bar(quiet, form) as progress:
        run = train_job(data, recipe, out, overwrite, resume, progress)
        if look and not run.interrupted:
            from regraft.inspection.report_chapter import add_to_report

            add_to_report(run.folder, progress)
    give(run.as_dict(), as_json, results.summary)
    if run.interrupted:
        complain(f"interrupted; go on with: {resume_command(str(run.folder))}")
        raise typer.Exit(INTERRUPTED)


def check_file(out: Path | None, overwrite: bool, option: str = "--out") -> None:
    """Raise RunError where the file that is to be written would replace one that was not given up."""
    if out and out.exists() and not overwrite:
        raise RunError(f"{out} exists already; name another {option}, or replace it with --overwrite")


@app.command()
@takes(*READING, "device")
def evaluate(
    run: Run,
    data: Data,
    positive: Annotated[
        str | None,
        typer.Option(
            help="Of two classes the positive one, as of ROC-AUC (default: the finding, by name, or the rarer)."
        ),
    ] = None,
    robustness: Annotated[
        bool,
        typer.Option(
            "--robustness",
            help="Measure it under mild noise, blur, JPEG and brightness too; takes about nine times as long.",
        ),
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Measure a run on labelled images. On their test part, else their val part, else all of them."""
    from regraft.cli import results
    from regraft.evaluation.classifier import load

    recipe = recipe_from(settings)
    classifier = load(run, recipe.network.device)
    with progress_bar(quiet) as progress:
        evaluation = classifier.evaluate(data, recipe.reading, progress, positive, robustness)
    give(evaluation.as_dict(), as_json, results.evaluation)


@app.command()
@takes(*NETWORK, "max_pixels")
def reference(
    backbone: Annotated[str, typer.Argument(help="The network, as --backbone names it.")],
    images: Annotated[list[Path], typer.Argument(help="Images that it was trained on, or folders of them.")],
    out: Annotated[Path | None, typer.Option(help="The statistics file; by default where plan and train look.")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Make the source statistics of a network. It is one whose source is no photographs; it has seen the images."""
    from regraft.network.hub import check_at_hand

    check_file(out, overwrite)
    recipe = recipe_from(settings)
    check_at_hand(backbone, recipe.network.weights)
    from regraft.cli import tables
    from regraft.similarity.reference import reference as make_reference

    with progress_bar(quiet) as progress:
        made = make_reference(backbone, images, out, recipe, progress)
    give(made.as_dict(), as_json, tables.reference)


@app.command()
def cache(
    action: Annotated[str, typer.Argument(help="show, check or clear.")] = "show",
    statistics: Annotated[
        bool, typer.Option("--statistics", help="With clear: the statistics that reference made as well.")
    ] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Show what is kept for later runs, check it, or clear it."""
    from regraft.cli import tables
    from regraft.features import cache as kept

    if action not in {"show", "check", "clear"} or (statistics and action != "clear"):
        given = f"{action} --statistics" if statistics else action
        raise RecipeError(f"`regraft cache {given}` is nothing; give show, check, clear or clear --statistics")
    if action == "check":
        with progress_bar(quiet) as progress:
            result = kept.check(progress)
    else:
        result = kept.clear(statistics) if action == "clear" else kept.show()
    give(result.as_dict(), as_json, lambda shown: tables.cache(shown, action))


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where the images and the run are put.")] = Path("regraft-demo"),
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Do the whole job on sample data, offline. They are scikit-learn's handwritten digits."""
    from regraft.data.digits import write_digits

    write_digits(folder / "digits")
    train_and_show(str(folder / "digits"), Recipe(), folder / "run", True, False, as_json, quiet)
