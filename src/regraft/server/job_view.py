"""A job as the page shows it."""

import time
from pathlib import Path
from typing import Any

from regraft.progress.pace import time_in_words
from regraft.runs.command import quoted
from regraft.server.job import Job, State
from regraft.server.run_rows import BALANCED, WORDS
from regraft.server.service import Service

TITLES = {"plan": "Plan of", "train": "Training on"}
SHOWN_LINES = 80
FOR_PROGRAMS = ("--json", "--progress", "json")  # words of the command that a person would not type


def view(job: Job, service: Service) -> dict[str, Any]:
    """All that the page shows of a job, as plain data."""
    with service.workshop.jobs.lock:  # nothing is heard of it meanwhile
        return seen(job, service)


def seen(job: Job, service: Service) -> dict[str, Any]:
    """The same, with the lock."""
    asked, run = job.asked, Path(job.asked.out).name
    took = (job.ended or time.time()) - job.started if job.started else 0.0
    result = job.result() if job.state.ended and asked.verb == "train" else None
    return {
        "id": job.id,
        "verb": asked.verb,
        "title": f"{TITLES[asked.verb]} {asked.name}",
        "state": job.state.value,
        "ended": job.state.ended,
        "stopping": job.stopping and not job.state.ended,
        "resumable": job.state.ended and job.state is not State.DONE,
        "waits_for": waits_for(job, service),
        "created": job.created,
        "seconds": round(took, 1),
        "took": time_in_words(took) if job.started else "",
        "message": job.message if job.state in {State.FAILED, State.LOST} else "",
        "stages": list(job.stages.values()),
        "epochs": job.epochs,
        "lines": list(job.lines)[-SHOWN_LINES:],
        "command": quoted("regraft", *(word for word in asked.words if word not in FOR_PROGRAMS)),
        "planned": job.state is State.DONE and asked.verb == "plan",
        "run": run if asked.verb == "train" and job.state.ended and run in service.runs.by_name else "",
        "figure": figure_of(result["metrics"]) if result and isinstance(result.get("metrics"), dict) else "",
        "gained": f"{result['gained']['said']}." if result and result.get("gained") else "",
    }


def waits_for(job: Job, service: Service) -> int:
    """How many jobs of its kind come before one that waits."""
    if job.state is not State.QUEUED:
        return 0
    same = [other for other in service.workshop.jobs.listed() if other.asked.verb == job.asked.verb]
    return sum(not other.state.ended for other in same[: same.index(job)])


def figure_of(metrics: dict[str, Any]) -> str:
    """The figure that decides, with its interval, in words."""
    name = BALANCED if metrics.get("uneven") else "accuracy"
    low, high = metrics["intervals"][name]
    said = name.replace("_", " ").capitalize()
    return (
        f"{said} {metrics[name]:.1%} (95% interval {low:.1%} to {high:.1%}),"
        f" on {metrics['images']:,} {WORDS.get(metrics['split'], metrics['split'])} images"
    )
