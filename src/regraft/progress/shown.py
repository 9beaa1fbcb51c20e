"""Where progress is shown: in a notebook, on a terminal, or as lines."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext

from regraft.progress import Progress, silent
from regraft.progress.notebook import cell, in_notebook
from regraft.progress.plain import Plain
from regraft.progress.terminal import bars, is_terminal

Told = Callable[[str, int, int], None]  # what is under way, how many are done, of how many
ShowProgress = bool | Progress | Told


class ToFunction(Progress):
    """What passes on to a function of the caller's how far each stage is."""

    def __init__(self, told: Told) -> None:
        self.told = told

    def __call__(self, stage: str, done: int, total: int, unit: str = "") -> None:
        """Tell it."""
        self.told(stage, done, total)


@contextmanager
def shown(progress: ShowProgress) -> Iterator[Progress]:
    """Progress as it was asked for: True shows it here, False nothing; a function gets (stage, done, total)."""
    made: AbstractContextManager[Progress]
    if isinstance(progress, Progress):
        made = nullcontext(progress)
    elif callable(progress):
        made = nullcontext(ToFunction(progress))
    else:
        made = here() if progress else nullcontext(silent)
    with made as hears:
        yield hears


def here() -> AbstractContextManager[Progress]:
    """The display that fits where this runs."""
    if in_notebook():
        return cell()
    return bars() if is_terminal(sys.stderr) else nullcontext(Plain())
