"""Progress for programs: a JSON object a line on stderr."""

import json
import math
import sys
import time
from collections.abc import Mapping
from typing import Any

from regraft.progress.display import Display
from regraft.progress.pace import Pace, counted_in_words


class JsonLines(Display):
    """How far a stage is, a line that stays, or an epoch's figures; each with the seconds since the command began."""

    def __init__(self) -> None:
        super().__init__()
        self.began = time.monotonic()

    def update(self, stage: str, done: int, total: int, said: str) -> None:
        """How far it is; a total of 0 or 1 counts nothing. ``share``: with the time, where that is limited."""
        share = {"share": round(self.reached(stage, done, total) / total, 4)} if stage in self.limits and total else {}
        self.write(stage=stage, done=done, total=total, said=said, **share)

    def end(self, stage: str, done: int, total: int, unit: str, pace: Pace) -> None:
        """The stage is done."""
        said = counted_in_words(done, total, unit) if done < total else ""
        self.write(stage=stage, done=total, total=total, said=said)

    def say(self, line: str) -> None:
        """A line that stays."""
        self.write(line=line)

    def epoch(self, strategy: str, epochs: int, figures: Mapping[str, float]) -> None:
        """An epoch's figures; null where there is none."""
        known = {name: value if math.isfinite(value) else None for name, value in figures.items() if name != "seconds"}
        self.write(strategy=strategy, epochs=epochs, **known)

    def write(self, **values: Any) -> None:
        """Write a line; where nobody can read it, it is not written."""
        values["seconds"] = round(time.monotonic() - self.began, 3)
        try:
            sys.stderr.write(json.dumps(values) + "\n")
            sys.stderr.flush()
        except (AttributeError, OSError, ValueError):  # there is none; full, or its reader has gone; closed
            pass
