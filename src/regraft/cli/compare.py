"""The command that puts strategies, or runs, side by side."""

from pathlib import Path
from typing import Annotated, Any

import typer

from regraft.cli.app import INTERRUPTED, app
from regraft.cli.commands import give
from regraft.cli.options import NETWORK, READING, AsJson, Overwrite, Quiet, recipe_from, settings_of, takes
from regraft.cli.progress_bar import progress_bar
from regraft.cli.screen import add, complain, say, show, table
from regraft.errors import RecipeError
from regraft.evaluation.comparison.decided import DECIDED

SETTINGS = settings_of("planning", "head", "optimisation", "augmentation", "stopping", "general", without=DECIDED)
TAKES = ("backbone", *NETWORK, *READING, *SETTINGS)


@app.command()
@takes(*TAKES)
def compare(
    data: Annotated[list[str], typer.Argument(metavar="DATA|RUN", help="Labelled images, or two or more run folders.")],
    repeats: Annotated[
        int | None,
        typer.Option("--repeats", help="Random splits (default: 5; one where the data has a test part of its own)."),
    ] = None,
    choices: Annotated[
        int, typer.Option("--settings", help="Settings that each strategy chooses from by validation, 1 to 3.")
    ] = 1,
    budget: Annotated[
        list[str] | None,
        typer.Option(
            "--budget",
            help="Of each training of a whole network: epochs, as 10, or a time, as 5m; 10,5m for a table of each"
            " (default: each strategy's own epochs).",
        ),
    ] = None,
    sizes: Annotated[
        str | None,
        typer.Option("--sizes", help="Numbers of training images for learning curves, as 100,300,1000."),
    ] = None,
    on: Annotated[
        str | None, typer.Option("--on", help="Of runs: labelled images to judge them on (default: their test images).")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The folder, which keeps every training (default: runs/DATA-compare)."),
    ] = None,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Put every strategy, or several runs, side by side. All of them are judged on the same images."""
    if len(data) > 1 or on is not None:
        own = {"--repeats": repeats, "--budget": budget, "--sizes": sizes, "--out": out, "--overwrite": overwrite}
        given = [name for name, value in own.items() if value] + ["--settings"] * (choices != 1)
        compare_runs(data, on, given, as_json, quiet, settings)
        return
    from regraft.evaluation.comparison.compare import compare as compare_strategies
    from regraft.network.hub import check_at_hand

    recipe = recipe_from(settings)
    check_at_hand(recipe.network.backbone, recipe.network.weights)
    with progress_bar(quiet) as progress:
        try:
            result = compare_strategies(
                data[0], recipe, repeats, choices, budget or (), numbers_of(sizes), out, overwrite, progress
            )
        except KeyboardInterrupt:
            complain("interrupted; what was trained is kept: give the same command again to go on")
            raise typer.Exit(INTERRUPTED) from None
    give(result.as_dict(), as_json, show_strategies)


def compare_runs(
    runs: list[str], on: str | None, others: list[str], as_json: bool, quiet: bool, settings: dict[str, Any]
) -> None:
    """Runs on one test set; RecipeError for options that go with strategies."""
    from regraft.evaluation.comparison.runs import compare_runs as compare_them

    flags = {name: f"--{name.replace('_', '-')}" for name, value in settings.items() if value is not None}
    of_images = [flags.pop(name) for name in ("device", *READING) if name in flags]
    if others := [*others, *flags.values()]:
        keep = "; the result is printed, and `--json > FILE` keeps it" if "--out" in others else ""
        raise RecipeError(
            f"a comparison of runs takes no {' and no '.join(others)}: that is for comparing strategies on DATA;"
            f" leave it out{keep}"
        )
    if of_images and on is None:
        raise RecipeError(f"{', '.join(of_images)} says how images are read, and none is; add --on, or leave it out")
    recipe = recipe_from(settings)
    with progress_bar(quiet) as progress:
        result = compare_them(runs, on, recipe.reading, recipe.network.device, progress)
    give(result.as_dict(), as_json, show_runs)


def numbers_of(text: str | None) -> list[int]:
    """Numbers with commas between; RecipeError where they are none."""
    words = [word.strip().replace("_", "") for word in (text or "").split(",") if word.strip()]
    if bad := next((word for word in words if not word.isascii() or not word.isdigit()), None):
        raise RecipeError(f"--sizes has '{bad[:40]}'; give numbers of images with commas between, as 100,300,1000")
    return [int(word) for word in words]


def show_strategies(result: dict[str, Any]) -> None:
    """The sentences, each table, and where the page is."""
    for note in result["notes"]:
        say(f"Note: {note}", whole=False)
    say((result["headline"], "bold"), whole=False)
    for one in result["tables"]:
        show_table(one, len(result["tables"]) > 1)
        show_contrasts(one)
        say(one["regret_in_words"], whole=False)
    for sentence in result["sentences"]:
        say(sentence, whole=False)
    say(f"Page: {result['page']}")


def show_contrasts(one: dict[str, Any]) -> None:
    """The plan against the others: the effect first, the p last."""
    made = table("the plan against", "points", "95% interval", "better", "equal", "worse", "p")
    for row in one["contrasts"]:
        add(made, row["against"], *row["in_words"], row["p_in_words"])
    show(made)


def show_table(one: dict[str, Any], named: bool) -> None:
    """The strategies under one budget."""
    made = table(
        "strategy" if not named else f"with {one['budget']}", "accuracy", "95% interval", "log loss", "epochs", "time"
    )
    for row in one["rows"]:
        epochs = f"{row['epochs']:.0f}" if row["epochs"] else ""
        figures = (f"{row['accuracy']:.1%}", ends(row), f"{row['negative_log_likelihood']:.3f}", epochs)
        style = "bold" if row["strategy"] == one["usual"] else None
        add(made, row["strategy"], *figures, seconds(row["seconds"]), style=style)
    show(made)


def ends(row: dict[str, Any]) -> str:
    """The ends of an interval of shares."""
    return f"{row['low']:.1%} to {row['high']:.1%}"


def seconds(taken: float) -> str:
    """A duration in short."""
    return f"{taken:.1f} s" if taken < 100 else f"{taken / 60:.0f} min"  # noqa: PLR2004


def show_runs(result: dict[str, Any]) -> None:
    """The runs, and each against the first."""
    for note in result["notes"]:
        say(f"Note: {note}", whole=False)
    made = table("run", "accuracy", "95% interval", "log loss")
    for row in result["runs"]:
        add(made, row["run"], f"{row['accuracy']:.1%}", ends(row), f"{row['negative_log_likelihood']:.3f}")
    show(made)
    for sentence in result["sentences"]:
        say(sentence, whole=False)
