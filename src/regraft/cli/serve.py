"""The command that serves runs over HTTP."""

import importlib.util
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from regraft.cli.app import app
from regraft.cli.options import recipe_from, takes
from regraft.cli.screen import complain, say
from regraft.errors import RecipeError

__all__ = ["serve"]

WANTED = ("fastapi", "uvicorn", "python_multipart", "prometheus_client")
MEGABYTE = 1 << 20


@app.command()
@takes("device", "max_pixels")
def serve(
    runs: Annotated[
        list[Path] | None, typer.Argument(help="Run folders; without any those in the folder runs.")
    ] = None,
    host: Annotated[
        str, typer.Option("--host", help="The address to listen at; one that others reach wants a token.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="The port; 0 for any free one.", min=0, max=65535)] = 8000,
    token: Annotated[
        str | None,
        typer.Option(
            "--token", help="What every request must bring; better kept in REGRAFT_TOKEN.", envvar="REGRAFT_TOKEN"
        ),
    ] = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="A further name that browsers call this server by; may be given again."),
    ] = None,
    data_root: Annotated[
        Path | None, typer.Option("--data-root", help="The page may train on folders in here, and on no others.")
    ] = None,
    store: Annotated[Path, typer.Option("--store", help="Where the page keeps uploads and what its jobs said.")] = Path(
        "regraft-serve"
    ),
    max_megabytes: Annotated[
        int, typer.Option("--max-megabytes", help="Of one request; larger ones are refused.", min=1)
    ] = 32,
    most_waiting: Annotated[
        int, typer.Option("--most-waiting", help="Requests that may wait at once; more are told to come again.", min=1)
    ] = 256,
    **settings: Any,
) -> None:
    """Answer over HTTP, with a page in the browser. Wants regraft[serve]; ends with Ctrl-C."""
    if not all(map(importlib.util.find_spec, WANTED)):
        raise RecipeError('serving needs FastAPI and uvicorn; install them with pip install "regraft[serve]"')
    from regraft.runs.folder import RUNS
    from regraft.server.serve import serve as serve_runs
    from regraft.server.served import finished_runs
    from regraft.server.settings import Settings

    own = recipe_from(settings)
    if data_root and not data_root.is_dir():
        raise RecipeError(f"--data-root {data_root} is no folder; name the folder that holds the data sets")
    if store.exists() and not store.is_dir():
        raise RecipeError(f"--store {store} is no folder; name one, or a place where one can be made")
    wanted = Settings(
        runs=tuple(runs or ()),
        found=() if runs else finished_runs(RUNS),
        host=host,
        port=port,
        token=token,
        names=tuple(allow_host or ()),
        data_root=data_root,
        store=store,
        device=own.network.device,
        max_bytes=max_megabytes * MEGABYTE,
        max_pixels=own.reading.max_pixels,
        most_waiting=most_waiting,
    )

    def started(address: str) -> None:
        if not wanted.runs and not wanted.found:
            complain("there is no finished run in the folder runs; the page is served without one")
        say(f"Open {address} (Ctrl-C ends it)")
        sys.stdout.flush()

    serve_runs(wanted, started)
    complain("stopped")
