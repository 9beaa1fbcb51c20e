"""What one run of a contender gave, read from what it printed; regraft's from its run folder too."""

import csv
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.peers.contenders import EMBEDDED, SQUEEZENET
from benchmarks.peers.measure import Process

FOLDS = (
    5  # regraft validates a fine-tuning on one of so many, where there is no validation part beside the reported one
)


@dataclass(frozen=True)
class Result:
    """The figures of one run."""

    contender: str
    data: str
    wall: float
    cpu: float
    memory: int
    accuracy: float = 0.0
    forward: int = 0  # images through the network
    backward: int = 0  # of them, those that took a gradient back into it
    operations: float = 0.0  # floating-point, of those passes
    training: float = 0.0  # seconds, as the contender counts them
    failure: str | None = None


@dataclass(frozen=True)
class Answer:
    """What a contender says of itself."""

    accuracy: float
    forward: int
    backward: int
    judged: int  # images that also went through regraft's judge, the embedded network
    training: float


def last_json(output: str) -> dict[str, Any]:
    """The last JSON object that begins at the start of a line."""
    text = "\n" + output
    return json.loads(text[text.rindex("\n{") :])


def peer_answer(output: str) -> Answer:
    """A peer's one line."""
    said = last_json(output)
    return Answer(said["accuracy"], said["images_forward"], said["images_backward"], 0, said["seconds_training"])


def regraft_answer(output: str, run: Path) -> Answer:
    """The answer of ``regraft train --json``; what a fine-tuning passed through follows from its history."""
    said = last_json(output)
    passed, fresh = said["images_through_backbone"], said["images_through_backbone"] > 0
    plan, counts = (json.loads((run / name).read_text()) for name in ("plan.json", "data.json"))
    parts = {part: sum(classes.values()) for part, classes in counts["counts"].items()}
    train, separate = parts["train"], len(parts) > 2
    with (run / "history.csv").open(newline="") as file:
        epochs = sum(row.get("phase") == "fine-tune" and row["epoch"] != "0" for row in csv.DictReader(file))
    held_out = parts[next(part for part in parts if part not in ("train", "test"))] if separate else train // FOLDS
    trained = epochs * (train if separate else train - held_out)
    tested = parts[said["metrics"]["split"]] if epochs else 0
    forward = passed + trained + (epochs + 1) * held_out * bool(epochs) + tested
    judged = plan["similarity"]["images_judged"] if fresh else 0
    return Answer(said["metrics"]["accuracy"], forward, trained, judged, said["seconds"]["training"])


def result_of(
    names: tuple[str, str], network: str, process: Process, run: Path | None, costs: dict[str, int]
) -> Result:
    """The figures of one process; ``names``: contender and data, ``run``: regraft's folder, ``costs``: of an image."""
    measured = (*names, process.wall, process.cpu, process.memory)
    if process.failure:
        return Result(*measured, failure=process.failure)
    try:
        answer = regraft_answer(process.output, run) if run else peer_answer(process.output)
    except (ValueError, KeyError, OSError) as error:
        return Result(*measured, failure=f"its answer could not be read ({type(error).__name__})")
    operations = 2.0 * costs[network] * (answer.forward + 2 * answer.backward)
    if network == SQUEEZENET:  # of the embedded network the judge takes what has passed already
        operations += 2.0 * costs[EMBEDDED] * answer.judged
    return Result(*measured, answer.accuracy, answer.forward, answer.backward, operations, answer.training)
