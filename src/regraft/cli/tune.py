"""The command that searches settings."""

from pathlib import Path
from typing import Annotated, Any

import typer

from regraft.cli.app import INTERRUPTED, app, resume_command
from regraft.cli.commands import backbone_and_file, give
from regraft.cli.options import TRAINING, AsJson, Data, Overwrite, Quiet, RecipeFile, recipe_from, takes
from regraft.cli.progress_bar import progress_bar
from regraft.cli.screen import complain, say

TAKES = tuple(name for name in TRAINING if name not in {"backbone", "continue_from"})


@app.command()
@takes(*TAKES)
def tune(
    data: Data,
    backbone: Annotated[
        list[str] | None,
        typer.Option("--backbone", help="As train takes it; given again, as NAME or NAME=FILE, all are searched."),
    ] = None,
    recipe: RecipeFile = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The run folder of the winner; runs/DATA-tuned-N by default.")
    ] = None,
    overwrite: Overwrite = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with the search in --out, beside other processes that do.")
    ] = False,
    trials: Annotated[
        int | None,
        typer.Option(
            "--trials", help="Whole networks trained at most (default: 20, or what the time allows); else heads."
        ),
    ] = None,
    space: Annotated[
        Path | None, typer.Option("--space", help="A TOML file with what is searched (default: the usual ranges).")
    ] = None,
    sampler: Annotated[
        str, typer.Option("--sampler", help="Who proposes settings: tpe, random, or grid for all of --space.")
    ] = "tpe",
    max_latency: Annotated[
        str | None, typer.Option("--max-latency", help="For one image, measured on this machine when exported: 20ms.")
    ] = None,
    max_size: Annotated[
        str | None, typer.Option("--max-size", help="Of the exported network's files, as 10MB.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Search for better settings, and train with the best. It begins with what train tries."""
    from regraft.evaluation.tuning.tune import Interrupted
    from regraft.evaluation.tuning.tune import tune as search
    from regraft.network.hub import check_at_hand

    texts = backbone or []
    named = [backbone_and_file(text, settings["weights"] if len(texts) == 1 else None) for text in texts]
    wanted = recipe_from(settings | ({"backbone": named[0][0], "weights": named[0][1]} if named else {}), recipe)
    for name, path in named or [(wanted.network.backbone, wanted.network.weights)]:
        check_at_hand(name, path)
    with progress_bar(quiet) as progress:
        try:
            result = search(
                data, wanted, out, overwrite, resume, progress, trials=trials, space=space, sampler=sampler,
                backbones=named, max_latency=max_latency, max_size=max_size,
            )  # fmt: skip
        except Interrupted as stopped:
            complain(f"interrupted; go on with: {resume_command(str(stopped.folder))}")
            raise typer.Exit(INTERRUPTED) from None
    give(result.as_dict(), as_json, show)


def show(result: dict[str, Any]) -> None:
    """What was kept and what it is worth, and then the run as train shows it."""
    from regraft.cli import results

    if result["run"] is None:
        say(f"Another process is still searching; it writes {result['folder']}.")
        return
    for sentence in result["search"]["sentences"]:
        say(sentence, whole=False)
    say("")
    results.summary(result["run"])
    say(f"Trials: {result['folder']}/trials.csv; Optuna's journal: {result['journal']}")
