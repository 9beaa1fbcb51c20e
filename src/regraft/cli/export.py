"""The command that writes a run in other programs' formats."""

from pathlib import Path
from typing import Annotated, Any

import typer

from regraft.cli.app import app
from regraft.cli.commands import give
from regraft.cli.options import AsJson, Overwrite, Quiet, Run
from regraft.cli.progress_bar import progress_bar
from regraft.cli.screen import say

PARTS = {"val": "validation", "test": "test", "train": "training"}


@app.command()
def export(
    run: Run,
    to: Annotated[
        str, typer.Option("--to", help="Formats, with commas between: openvino, onnx, torch, timm, hub-folder, triton.")
    ] = "openvino",
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder for one folder a format; RUN/export by default.")
    ] = None,
    overwrite: Overwrite = False,
    data: Annotated[
        str | None, typer.Option("--data", help="Images to prove it with; by default those that validated the run.")
    ] = None,
    int8: Annotated[
        bool, typer.Option("--int8", help="OpenVINO in 8 bits too, unless it loses too much; needs NNCF.")
    ] = False,
    most_loss: Annotated[
        float, typer.Option("--most-loss", help="Points of accuracy that --int8 may lose on held-out images.")
    ] = 1.0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Write a run for other programs. Each file is proved first: it must give the run's own answers."""
    from regraft.evaluation.export.export import export as export_run

    with progress_bar(quiet) as progress:
        exports = export_run(run, to, out, overwrite, data, progress, int8, most_loss)
    give(exports.as_dict(), as_json, show)


def show(result: dict[str, Any]) -> None:
    """A line a format: where it is, and how well it agrees."""
    part = PARTS.get(result["proved_with"], "given")
    for one in result["exports"]:
        proof = one["proof"]
        images = f"{proof['images']:,} {part} image{'' if proof['images'] == 1 else 's'}"
        say(f"{one['folder']}: the run's class on all {images}, probabilities within {proof['largest_difference']:.0e}")
        if one["note"]:
            say(f"  Note: {one['note']}.")
        if proof["deeper"]:
            say(f"  {proof['deeper']:,} images of more than 16 bits a pixel were left out; it refuses such images.")
    for line in result["int8"]["lines"] if result["int8"] else ():
        say(line)
