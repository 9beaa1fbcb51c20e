"""Progress on stderr, unless it is not wanted."""

from contextlib import AbstractContextManager

from regraft.progress import Progress
from regraft.progress.shown import shown


def progress_bar(quiet: bool) -> AbstractContextManager[Progress]:
    """Bars on a terminal, lines elsewhere."""
    return shown(not quiet)
