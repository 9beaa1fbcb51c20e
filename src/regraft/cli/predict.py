"""The command that predicts."""

from pathlib import Path
from typing import Annotated, Any

import typer

from regraft.cli.app import app
from regraft.cli.options import RENDERING, AsJson, Overwrite, Quiet, Run, recipe_from, takes
from regraft.errors import RecipeError

__all__ = ["predict"]


@app.command()
@takes("device", "max_pixels", "image_column", "image_folder", "image_suffix", *RENDERING)
def predict(
    run: Run,
    paths: Annotated[list[Path], typer.Argument(help="Images; folders, archives (.zip, .tar) or tables of images.")],
    out: Annotated[
        Path | None, typer.Option(help="Write every class's probability here: a CSV, or JSON lines to a .jsonl.")
    ] = None,
    overwrite: Overwrite = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the file of --out that was broken off.")] = False,
    neighbours: Annotated[
        bool, typer.Option("--neighbours", help="Name the three training images most like each.")
    ] = False,
    abstain_below: Annotated[
        float | None, typer.Option("--abstain-below", help="Give no class to images of a smaller probability.")
    ] = None,
    at_recall: Annotated[
        list[str] | None,
        typer.Option(
            "--at-recall", help="CLASS=0.95: give CLASS so freely that it has this recall on held-out images."
        ),
    ] = None,
    at_precision: Annotated[
        list[str] | None,
        typer.Option("--at-precision", help="CLASS=0.9: give CLASS so rarely that it has this precision there."),
    ] = None,
    sort_into: Annotated[
        Path | None, typer.Option("--sort-into", help="Link the images here, a folder for each class; none is moved.")
    ] = None,
    copy: Annotated[bool, typer.Option("--copy", help="With --sort-into: copies in place of links.")] = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Predict the class of images. Every other file is listed with the reason."""
    from regraft.cli.predictions import predict_and_show
    from regraft.evaluation.deciding import Wanted

    wanted = Wanted(abstain_below, at_recall or (), at_precision or ())
    if copy and not sort_into:
        raise RecipeError("--copy goes with --sort-into DIR; give that, or leave it out")
    own = recipe_from(settings)
    predict_and_show(run, paths, out, overwrite, resume, neighbours, wanted, sort_into, copy, as_json, quiet, own)
