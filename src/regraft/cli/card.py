"""The command that writes a run's model card."""

from pathlib import Path
from typing import Annotated

import typer

from regraft.cli.app import app
from regraft.cli.commands import check_file
from regraft.cli.options import Overwrite, Run
from regraft.errors import RunError, reason_not_written


@app.command()
def card(
    run: Run,
    out: Annotated[Path | None, typer.Option("--out", help="Write the card here, and not to the screen.")] = None,
    overwrite: Overwrite = False,
) -> None:
    """Print the model card of a run. Data, split, method, figures, limits and licence, as Hugging Face takes it."""
    check_file(out, overwrite)
    from regraft.runs.card import card as card_of

    text = card_of(run)
    if out is None:
        typer.echo(text, nl=False)
        return
    try:
        out.write_text(text, encoding="utf-8")
    except OSError as error:
        raise RunError(f"{out} cannot be written: {reason_not_written(error)}; name another --out") from None
