"""One plan or training that was asked for in the page: what is known of it, and its files."""

import json
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from regraft.strict_json import Malformed, build, read_json

MOST_LINES, MOST_EPOCHS, MOST_STAGES = 400, 10_000, 30  # that are kept in memory
MOST_BYTES = 1 << 25  # of its output that is written, and of its files that are read
RECORD, OUTPUT, RESULT = "job.json", "output.txt", "result.json"
COMPLAINT = "regraft: "


class State(StrEnum):
    """How far a job is."""

    QUEUED = "waiting"
    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"
    LOST = "ended with its server"

    @property
    def ended(self) -> bool:
        """Whether nothing more comes of it by itself."""
        return self not in {State.QUEUED, State.RUNNING}


@dataclass(frozen=True)
class Asked:
    """What was asked for."""

    verb: str  # plan or train
    name: str  # of the data, as it is shown
    words: tuple[str, ...]  # of the command line, after ``regraft``
    out: str  # the folder that it makes
    data: str  # what the data is known as to the page, so that a plan can be trained
    options: Mapping[str, Any] = field(default_factory=dict)  # as the page has them


@dataclass
class Job:
    """A job; ``version`` grows with everything that is heard of it."""

    id: str
    folder: Path  # of its files
    asked: Asked
    created: float  # seconds since 1970, as all times here
    state: State = State.QUEUED
    started: float | None = None
    ended: float | None = None
    process: int | None = None
    message: str = ""  # why it failed, or what it said last
    stages: dict[str, dict[str, Any]] = field(default_factory=dict)
    epochs: list[dict[str, Any]] = field(default_factory=list)
    lines: "deque[str]" = field(default_factory=lambda: deque(maxlen=MOST_LINES))
    version: int = 0
    stopping: bool = False  # whether it was asked to stop

    def hear(self, line: str) -> None:
        """Take in a line of its output."""
        self.version += 1
        try:
            told = json.loads(line) if line.startswith("{") else None
        except ValueError:
            told = None
        if not isinstance(told, dict):
            self.lines.append(line)
            self.message = line.removeprefix(COMPLAINT) if line.startswith(COMPLAINT) else self.message
        elif "stage" in told:
            self.stages.pop(told["stage"], None)  # the latest is last
            self.stages[told["stage"]] = told
            if len(self.stages) > MOST_STAGES:
                self.stages.pop(next(iter(self.stages)))
        elif "epoch" in told:
            self.epochs = [*self.epochs[-MOST_EPOCHS:], told]
        elif "line" in told:
            self.lines.append(str(told["line"]))

    def result(self) -> dict[str, Any] | None:
        """What it printed with --json; None where it printed nothing that can be read."""
        try:
            values = read_json(self.folder / RESULT, MOST_BYTES)
        except (OSError, Malformed):
            return None
        return values if isinstance(values, dict) else None

    def record(self) -> dict[str, Any]:
        """What job.json keeps."""
        return {
            "id": self.id,
            "verb": self.asked.verb,
            "name": self.asked.name,
            "words": list(self.asked.words),
            "out": self.asked.out,
            "data": self.asked.data,
            "options": dict(self.asked.options),
            "created": self.created,
            "state": self.state.value,
            "started": self.started,
            "ended": self.ended,
            "process": self.process,
            "message": self.message,
        }

    def keep(self) -> None:
        """Write job.json, whole or not at all."""
        self.version += 1
        part = self.folder / f".{RECORD}"
        part.write_text(json.dumps(self.record(), indent=2) + "\n", encoding="utf-8")
        part.replace(self.folder / RECORD)


def read_job(folder: Path) -> Job | None:
    """A job of earlier, with what its output told; None where the folder holds none that can be read."""
    try:
        values = read_json(folder / RECORD, MOST_BYTES)
        job = job_of(folder, values)
    except (OSError, Malformed, LookupError, TypeError, ValueError):
        return None
    for line in lines_of(folder / OUTPUT):
        job.hear(line)
    job.message = str(values.get("message") or job.message)
    return job


def job_of(folder: Path, values: Any) -> Job:
    """A job from what job.json keeps."""
    verb, name, out, data = (build(str, values[key], key) for key in ("verb", "name", "out", "data"))
    asked = Asked(verb, name, tuple(map(str, values["words"])), out, data, dict(values["options"]))
    job = Job(folder.name, folder, asked, float(values["created"]), State(values["state"]))
    job.started, job.ended, job.process = values["started"], values["ended"], values["process"]
    return job


def lines_of(path: Path) -> Sequence[str]:
    """The lines of a job's output."""
    try:
        with path.open(encoding="utf-8", errors="replace") as file:
            return file.read(MOST_BYTES).splitlines()
    except OSError:
        return ()
