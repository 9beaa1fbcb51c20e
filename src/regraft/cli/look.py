"""The command that shows what each layer of a network sees."""

from pathlib import Path
from typing import Annotated, Any

import typer

from regraft.cli.app import app
from regraft.cli.options import READING, AsJson, Overwrite, Quiet, recipe_from, takes
from regraft.cli.progress_bar import progress_bar

Network = Annotated[str, typer.Argument(help="A run folder, or a backbone as --backbone names it.")]


@app.command()
@takes("weights", "weights_key", "image_size", "seed", *READING)
def look(
    network: Network,
    data: Annotated[
        str | None, typer.Option("--data", help="Labelled images to look with; by default those of the run.")
    ] = None,
    only: Annotated[
        str | None, typer.Option("--only", help="Some of the methods, with commas between: patches,maps (default: all).")
    ] = None,
    cut: Annotated[str | None, typer.Option("--cut", help="One layer alone, by its cut's name.")] = None,
    channel: Annotated[int | None, typer.Option("--channel", help="One channel of that layer, from 0.")] = None,
    image: Annotated[Path | None, typer.Option("--image", help="The image for maps, dreams and your own filter.")] = None,
    kernel: Annotated[
        str | None, typer.Option("--kernel", help='Your own filter: sobel-x, blur, ... or numbers "-1,0,1;-2,0,2;-1,0,1".')
    ] = None,
    video: Annotated[str | None, typer.Option("--video", help="A video file, or camera, with answer and map.")] = None,
    most: Annotated[int, typer.Option("--images", help="Images to look at; of more a sample is taken.", min=1)] = 5000,
    out: Annotated[Path | None, typer.Option("--out", help="The folder to make; RUN/look by default.")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Show what each layer sees: patches, maps, attributions, dreams, before and after."""
