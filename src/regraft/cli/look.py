"""The command that shows what each layer of a network sees."""

from pathlib import Path
from typing import Annotated, Any

import typer

from regraft.cli.app import app
from regraft.cli.commands import give
from regraft.cli.options import READING, AsJson, Overwrite, Quiet, recipe_from, takes
from regraft.cli.progress_bar import progress_bar
from regraft.cli.screen import say

Network = Annotated[str, typer.Argument(help="A run folder, or a backbone as --backbone names it.")]


@app.command()
@takes("weights", "weights_key", "image_size", "seed", *READING)
def look(
    network: Network,
    data: Annotated[
        str | None, typer.Option("--data", help="Labelled images to look with; by default those of the run.")
    ] = None,
    only: Annotated[
        str | None,
        typer.Option("--only", help="Some of the methods, with commas between: patches,maps (default: all)."),
    ] = None,
    cut: Annotated[str | None, typer.Option("--cut", help="One layer alone, by its cut's name.")] = None,
    channel: Annotated[int | None, typer.Option("--channel", help="One channel of that layer, from 0.")] = None,
    image: Annotated[
        Path | None, typer.Option("--image", help="The image for maps, dreams and your own filter.")
    ] = None,
    kernel: Annotated[
        str | None,
        typer.Option("--kernel", help='Your own filter: sobel-x, blur, ... or numbers "-1,0,1;-2,0,2;-1,0,1".'),
    ] = None,
    stride: Annotated[int, typer.Option("--stride", help="Of your own filter.")] = 1,
    padding: Annotated[
        int | None, typer.Option("--padding", help="Of your own filter (default: the size stays).")
    ] = None,
    pooling: Annotated[int, typer.Option("--pooling", help="After your own filter; 1 for none.")] = 2,
    label: Annotated[
        str | None, typer.Option("--class", help="A class that patches are ranked by and dreams are about.")
    ] = None,
    video: Annotated[str | None, typer.Option("--video", help="A video file, or camera, with answer and map.")] = None,
    most: Annotated[int, typer.Option("--images", help="Images to look at; of more a sample is taken.", min=1)] = 5000,
    out: Annotated[Path | None, typer.Option("--out", help="The folder to make; RUN/look by default.")] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Show what each layer of a network sees. Patches, maps, attributions, dreams, before and after."""
    from regraft.network.hub import check_at_hand

    recipe = recipe_from(settings)
    own = recipe.network
    if not Path(network).is_dir():
        check_at_hand(network, own.weights)
    if video is not None:
        show_video((network, own.weights, own.image_size, own.weights_key), video, out, quiet)
        return
    from regraft.inspection.look import check_folder, default_folder
    from regraft.inspection.look import look as look_at

    folder = out or default_folder(network)
    check_folder(folder, overwrite)
    names = [name.strip() for name in only.split(",")] if only else []
    with progress_bar(quiet) as progress:
        seen = look_at(
            network, data, names, cut, channel, image, kernel, stride, padding, pooling, label, own.weights,
            own.weights_key, own.image_size, recipe.reading, most, recipe.seed, progress,
        )  # fmt: skip
        page = seen.write(folder, overwrite)
    give({"page": str(page), **seen.as_dict()}, as_json, pictures)


def show_video(network: tuple[Any, ...], source: str, out: Path | None, quiet: bool) -> None:
    """Answer and map over the frames of a video, or of a camera by its number; ``network``: what subject_of takes."""
    from regraft.inspection.subject import subject_of
    from regraft.inspection.video import video

    with progress_bar(quiet) as progress:
        seen = video(subject_of(*network), int(source) if source.isdecimal() else source, out, progress=progress)
    for note in seen.notes:
        say(f"Note: {note}")
    say(f"{len(seen.frames):,} frames{f' in {out}' if out else ''}.")


def pictures(result: dict[str, Any]) -> None:
    """How many pictures there are of what, and where the page is."""
    for note in result["notes"]:
        say(f"Note: {note}")
    for chapter in result["chapters"]:
        count = len(chapter["figures"])
        say(f"{chapter['title']}: {count} picture{'' if count == 1 else 's'}.")
        for note in chapter["notes"]:
            say(f"  {note}")
    say(f"Open {result['page']}")
