"""The commands of the label loop: what to look at again, and what to label next."""

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from regraft.cli.app import app
from regraft.cli.commands import check_file, give
from regraft.cli.options import AsJson, Quiet, Run, recipe_from, takes
from regraft.cli.progress_bar import progress_bar
from regraft.cli.screen import add, complain, say, show, table
from regraft.errors import RecipeError

if TYPE_CHECKING:
    from regraft.evaluation.review.review import Review

__all__ = ["review", "suggest"]

MOST_ROWS = 40
WANTED = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")
COUNT = 50
Csv = Annotated[Path | None, typer.Option("--csv", help="Write the list here, as CSV.")]
OverwriteCsv = Annotated[bool, typer.Option("--overwrite", help="Replace what --csv names, where it exists.")]


@app.command()
def review(
    run: Run,
    data: Annotated[
        str | None, typer.Option("--data", help="Where the run's images lie now (default: where they lay).")
    ] = None,
    corrections: Annotated[
        Path | None,
        typer.Option("--corrections", help="The table of decisions (default: corrections.csv beside the data)."),
    ] = None,
    most: Annotated[
        int | None, typer.Option("--most", help="Images to look at, at most (default: all).", min=1)
    ] = None,
    as_list: Annotated[bool, typer.Option("--list", help="Print the list, and open no page.")] = False,
    csv: Csv = None,
    overwrite: OverwriteCsv = False,
    port: Annotated[int, typer.Option("--port", help="Of the page; 0 for any free one.", min=0, max=65535)] = 0,
    as_json: AsJson = False,
    quiet: Quiet = False,
) -> None:
    """Look at doubtful labels, one by one, in the browser. Decisions are kept in a table; no image is touched."""
    check_file(csv, overwrite, "--csv")
    page = not (as_list or as_json or csv)
    if page and not all(map(importlib.util.find_spec, WANTED)):
        raise RecipeError('the page needs FastAPI and uvicorn; pip install "regraft[serve]", or print it with --list')
    from regraft.evaluation.review.review import review as review_run

    with progress_bar(quiet) as progress:
        made = review_run(run, data, corrections, most, progress)
    if csv:
        made.write(csv)
    if page:
        open_page(made, port)
    else:
        give(made.as_dict(), as_json, lambda result: show_items(result, csv))


def open_page(made: "Review", port: int) -> None:
    """Serve the page until Ctrl-C."""
    if not made.items:
        say("No label is doubted: there is nothing to look at.")
        return
    from fastapi import FastAPI

    from regraft.server.serve import serve
    from regraft.server.settings import Settings

    name = made.run.resolve().name

    def ready(app: FastAPI) -> None:
        app.state.reviews.by_name[name] = made

    def started(address: str) -> None:
        from urllib.parse import quote

        say(f"Open {address}/review/{quote(name)} (Ctrl-C ends it)")
        say(f"{len(made.items):,} images to look at; decisions are kept in {made.decisions.path}")

    serve(Settings(runs=(made.run,), port=port), started, ready)
    complain(f"stopped; train with them: {made.command}")


def show_items(result: dict[str, Any], written: Path | None = None) -> None:
    """What to look at, the first rows of it."""
    items = result["items"]
    for place, item in enumerate(items[:MOST_ROWS], 1):
        show_item(str(place), item)
    if items:
        say()
    before = f"; {result['reviewed']:,} were looked at before" if result["reviewed"] else ""
    more = f" (the first {MOST_ROWS} are shown; --json or --csv gives all)" if len(items) > MOST_ROWS else ""
    say(f"{len(items):,} images to look at{before}{more}.")
    if written:
        say(f"Written: {written}")


def show_item(place: str, item: dict[str, Any]) -> None:
    """An image: its name, its label and another, and a line for each reason; a terminal breaks no name."""
    left = " " * (len(place) + 2)
    say((f"{place}. {item['path']}", "bold"))
    said = f"labelled '{item['label']}', perhaps '{item['suggested']}' ({item['probability']:.0%})"
    for line in (said, *(f"- {reason}" for reason in item["reasons"])):
        say(left + line, whole=False, hang=len(left) + 2)


@app.command()
@takes("device", "max_pixels")
def suggest(
    run: Run,
    images: Annotated[list[Path], typer.Argument(help="Unlabelled images: folders, archives, or image files.")],
    count: Annotated[int, typer.Option("-n", "--count", help="How many to suggest.", min=1)] = COUNT,
    link_into: Annotated[
        Path | None, typer.Option("--link-into", help="Link them into this folder, or copy where no link can be.")
    ] = None,
    csv: Csv = None,
    overwrite: OverwriteCsv = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Say which unlabelled images to label next. Those that the run hesitates about, and unlike each other."""
    check_file(csv, overwrite, "--csv")
    from regraft.evaluation.suggest import suggest as suggest_images

    own = recipe_from(settings)
    with progress_bar(quiet) as progress:
        made = suggest_images(run, images, count, own.network.device, own.reading.max_pixels, progress)
    if link_into:
        made.link_into(link_into)
    if csv:
        made.write(csv)
    give(made.as_dict(), as_json, lambda result: show_suggested(result, csv, link_into))


def show_suggested(result: dict[str, Any], written: Path | None, linked: Path | None) -> None:
    """The images to label, the first rows of them."""
    made = table("", "image", "looks like", "or", "margin")
    for place, image in enumerate(result["images"][:MOST_ROWS], 1):
        likely = f"{image['label']} ({image['probability']:.0%})"
        add(made, str(place), image["path"], likely, image["second"], f"{image['margin']:.0%}")
    show(made)
    chosen = len(result["images"])
    more = f" (the first {MOST_ROWS} are shown; --json or --csv gives all)" if chosen > MOST_ROWS else ""
    say(f"{chosen:,} of {result['pool']:,} images to label next{more}.", whole=False)
    for count, why in ((result["labelled"], "the run knows them already"), (result["copies"], "copies of others")):
        if count:
            say(f"{count:,} were passed over: {why}.")
    if result["left_out"]:
        first = result["left_out"][0]
        say(f"{len(result['left_out']):,} files cannot be used, as {first['path']}: {first['reason']}.", whole=False)
    for file in filter(None, (written, linked)):
        say(f"Written: {file}")
