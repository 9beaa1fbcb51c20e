"""Progress on stderr, unless it is not wanted."""

from contextlib import AbstractContextManager, nullcontext

from regraft.errors import RecipeError
from regraft.progress import Progress
from regraft.progress.json_lines import JsonLines
from regraft.progress.shown import shown

AUTO, JSON = "auto", "json"


def progress_bar(quiet: bool, form: str = AUTO) -> AbstractContextManager[Progress]:
    """Bars on a terminal, lines elsewhere; by the form ``json`` an object a line, for programs."""
    if form not in {AUTO, JSON}:
        raise RecipeError(f"--progress is '{form}'; choose one of {AUTO}, {JSON}")
    return nullcontext(JsonLines()) if form == JSON and not quiet else shown(not quiet)
