"""The command that shows how well a network's layers transfer, by depth."""

import shlex
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from regraft.cli.app import INTERRUPTED, app
from regraft.cli.commands import give
from regraft.cli.options import NETWORK, READING, AsJson, Data, Quiet, recipe_from, takes
from regraft.cli.progress_bar import progress_bar
from regraft.cli.screen import add, complain, say, show, table
from regraft.errors import RecipeError

SETTINGS = (
    "backbone", *NETWORK, *READING, "split_seed", "class_weights", "epochs", "optimiser", "learning_rate",
    "weight_decay", "schedule", "label_smoothing", "augmentation", "flip", "seed",
)  # fmt: skip


@app.command()
@takes(*SETTINGS)
def transferability(
    data: Data,
    teach: Annotated[
        bool, typer.Option("--teach", help="Halves of the classes, and the demonstration network from random weights.")
    ] = False,
    cuts: Annotated[
        str, typer.Option("--cuts", help="How many cuts to try, all, or their names with commas between.")
    ] = "5",
    seeds: Annotated[int, typer.Option("--seeds", help="Repetitions, each with random weights of its own.")] = 3,
    images: Annotated[
        int | None,
        typer.Option("--images", help="Images used at most (default: 2,000; with --teach 12,000); of more a sample."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The folder of results, gone on with; runs/DATA-transferability.")
    ] = None,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Show how well layers transfer, cut by cut. Frozen, trained on, random, and those of the data's own network."""
    from regraft.network.hub import check_at_hand

    if teach and settings["backbone"] not in {None, "demonstration"}:
        raise RecipeError("--teach trains the demonstration network from random weights; leave --backbone out")
    recipe = recipe_from(settings)
    check_at_hand(recipe.network.backbone, recipe.network.weights)
    from regraft.evaluation.transferability import transferability as study

    try:
        with progress_bar(quiet) as progress:
            result = study(data, recipe, teach, cuts, seeds, images, out, progress, unheard if quiet else complain)
    except KeyboardInterrupt:
        from regraft.data.address import without_secrets

        again = shlex.join(["regraft", *map(without_secrets, sys.argv[1:])])
        complain(f"interrupted; what was trained is kept; go on with: {again}")
        raise typer.Exit(INTERRUPTED) from None
    give(result.as_dict(), as_json, lambda _: shown(result))


def unheard(_text: str) -> None:
    """Where nothing is to be said."""


def shown(result: Any) -> None:
    """The table, what it says, and where the page is."""
    made = table(f"n ({result.measure})", *result.kinds())
    for name, points in result.cells():
        add(made, name, *("" if point is None else figure(point) for point in points))
    show(made)
    for name, point in result.others():
        say(f"{name}: {figure(point)}", whole=False)
    say()
    for sentence in result.reading:
        say(sentence, whole=False)
    for note in result.notes:
        say(f"Note: {note}.", whole=False)
    say(f"Open {result.page}")


def figure(point: Any) -> str:
    """A share with its interval."""
    found = point.accuracy
    return f"{found.value:.1%} ({100 * found.low:.1f}-{100 * found.high:.1f})"
