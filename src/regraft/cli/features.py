"""The command that runs the frozen pass alone: all images, or a part of them on each of many machines."""

from pathlib import Path
from typing import Annotated, Any

import typer

from regraft.cli.app import app
from regraft.cli.commands import give
from regraft.cli.options import NETWORK, READING, AsJson, Data, Overwrite, Quiet, RecipeFile, recipe_from, takes
from regraft.cli.progress_bar import progress_bar
from regraft.cli.screen import say
from regraft.errors import RecipeError, RunError


@app.command()
@takes("backbone", *NETWORK, "pooling", "cut", "split_seed", *READING)
def features(
    data: Data,
    part: Annotated[
        str | None,
        typer.Option("--part", help="3/64: the third of 64 parts. Machines that share a cache share the work."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="A .npz for the last cut's features, with labels and paths.")
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", help="here, or ray: all parts on the Ray cluster that RAY_ADDRESS names.")
    ] = "here",
    recipe: RecipeFile = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Compute the features that plan and train need, or a part."""
    wanted = recipe_from(settings, recipe)
    if out and part:
        raise RecipeError("--out wants all images, and --part computes some; give --out alone when the parts are done")
    if out and out.exists() and not overwrite:
        raise RunError(f"{out} exists already; name another --out, or replace it with --overwrite")
    from regraft.planning.compute import compute_features

    with progress_bar(quiet) as progress:
        done = compute_features(data, wanted, part, progress, engine)
        if out:
            write(data, wanted, out, progress)
    give(done.as_dict() | {"out": str(out) if out else None}, as_json, lambda _: None)
    if not as_json:
        for line in (*done.in_lines(), *([f"Written: {out}"] if out else [])):
            say(line)


def write(data: str, recipe: Any, out: Path, progress: Any) -> None:
    """The features as arrays in a file."""
    import numpy as np

    from regraft.errors import reason_not_written
    from regraft.evaluation.labelled_features import features_of

    found = features_of(data, recipe, progress=progress)
    unfinished = out.with_name(f".{out.name}.unfinished.npz")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with unfinished.open("wb") as file:
            np.savez(file, X=found.X, y=found.y, classes=found.classes, paths=found.paths, splits=found.splits)
        unfinished.replace(out)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise RunError(f"{out} cannot be written: {reason_not_written(error)}; name another --out") from None
