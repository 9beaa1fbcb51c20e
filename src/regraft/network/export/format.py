"""What every format has: how it is written, and how its own runtime runs what was written."""

import importlib.util
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regraft.network.saved import Saved

Runtime = Callable[[np.ndarray], np.ndarray]  # (images, size, size, 3) uint8 -> probabilities (images, classes)
PIXELS, PROBABILITIES = "pixels", "probabilities"  # the graph's input and output


@dataclass(frozen=True)
class Format:
    """A form in which a run leaves regraft."""

    name: str
    file: str  # the one that is run; where its folder has the run's name, a pattern
    write: Callable[[Saved, Path, Mapping[str, str]], None]  # into a folder, with metadata
    runtime: Callable[[Path], Runtime]  # of the folder that was written
    needs: tuple[str, ...] = ()  # modules, to write and to run it
    install: str = ""  # what brings them
    imports: tuple[str, ...] = ()  # of check.py
    run: str = ""  # lines of check.py that define run(); empty: there is no check, and no image is copied
    note: str = ""  # what who runs it must know
    with_card: bool = False  # whether the model card lies beside it

    def file_in(self, folder: Path) -> Path:
        """The one that is run, of what was written to ``folder``."""
        return next(folder.glob(self.file), folder / self.file)

    @property
    def missing(self) -> str | None:
        """The first of the modules that is not installed."""
        return next((name for name in self.needs if importlib.util.find_spec(name) is None), None)
