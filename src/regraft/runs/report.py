"""A run as one self-contained page: the case, the evidence, the mistakes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from regraft.runs.charts import draw_confusion, draw_curves, draw_profile, draw_quadrant, draw_surgery
from regraft.data.images import IGNORED, KEPT, LEFT_OUT, Fault, ImageFile
from regraft.features.label_issues import Suspect
from regraft.runs.thumbnails import thumbnail

MINUTES_IN_TWO_HOURS = 120
WORST = 18  # mistakes shown as pictures
PAIRS, DOUBTED = 12, 24  # copies and suspicious labels shown as pictures
LISTED = 50  # faults of one kind
MOST_CLASSES_IN_TABLE = 20  # of the confusion matrix; more are drawn as a picture


@dataclass(frozen=True)
class Report:
    """All that the page shows, as plain data."""

    title: str
    backbone: str
    plan: Mapping[str, Any]
    metrics: Mapping[str, Any]
    summary: Mapping[str, Any]
    cuts: Sequence[Mapping[str, Any]]
    classes: Sequence[str]
    counts: Mapping[str, Mapping[str, int]]
    faults: Sequence[Fault]
    leaks: Sequence[tuple[ImageFile, ImageFile]]  # images reported on, and those of which they are copies or nearly
    suspects: Sequence[tuple[ImageFile, Suspect]]  # images whose label is not believed, the worst first
    files: Sequence[ImageFile]  # the images that were reported on
    labels: np.ndarray  # (images,)
    probabilities: np.ndarray  # (images, classes)
    references: Sequence[Mapping[str, Any]] = ()  # the sets that the score was calibrated on, for the quadrant
    history: Sequence[Mapping[str, Any]] = ()  # one row an epoch, where the whole network was trained
    unfreeze_from: str | None = None  # the cut from which on fine-tuning trained
    augmentation: str = ""  # the preset that was trained under
    views: Mapping[str, str] = field(default_factory=dict)  # per preset a strip of random views, as a data URL


def write(path: Path, shown: Report) -> None:
    """Render the page to ``path``."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("regraft.runs"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["duration"] = duration
    environment.filters["percent"] = lambda value: f"{100 * value:.1f}%"
    many = len(shown.classes) > MOST_CLASSES_IN_TABLE
    page = environment.get_template("report.html").render(
        shown=shown,
        quadrant=draw_quadrant(shown.plan, shown.references),
        surgery=draw_surgery(shown.plan, shown.unfreeze_from),
        profile=draw_profile(shown.plan, shown.summary["cuts"]),
        confusion=draw_confusion(shown.metrics["confusion"], shown.classes) if many else None,
        curves=draw_curves(shown.history) if len(shown.history) > 1 else None,
        mistakes=worst_mistakes(shown),
        kinds=by_kind(shown.faults),
        copies=pairs(shown),
        suspects=doubted(shown),
        right=int((shown.probabilities.argmax(axis=1) == shown.labels).sum()),
    )
    path.write_text(page, encoding="utf-8", errors="backslashreplace")


def duration(seconds: float) -> str:
    """Seconds as people say them."""
    minutes = seconds / 60
    if minutes < 1:
        return f"{max(1, round(seconds))} s"
    return f"{minutes:.0f} min" if minutes < MINUTES_IN_TWO_HOURS else f"{minutes / 60:.1f} h"


def by_kind(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    """Faults of one kind and outcome together, what was left out first."""
    kinds: dict[tuple[str, str], list[Fault]] = {}
    for fault in faults:
        kinds.setdefault((fault.action, fault.kind), []).append(fault)
    ordered = sorted(kinds.items(), key=lambda item: (LEFT_OUT, KEPT, IGNORED).index(item[0][0]))
    return [
        {"kind": kind, "action": action, "count": len(found), "faults": found[:LISTED]}
        for (action, kind), found in ordered
    ]


def pairs(shown: Report) -> list[dict[str, Any]]:
    """The first images reported on that are copies, beside what they are copies of."""
    return [
        {
            "picture": thumbnail(file.content),
            "other": thumbnail(other.content),
            "path": file.name,
            "other_path": other.name,
        }
        for file, other in shown.leaks[:PAIRS]
    ]


def doubted(shown: Report) -> list[dict[str, Any]]:
    """The first suspicious labels, with their images."""
    return [
        {
            "picture": thumbnail(file.content),
            "path": file.name,
            "label": shown.classes[file.label],
            "likely": shown.classes[suspect.label],
            "probability": suspect.probability,
        }
        for file, suspect in shown.suspects[:DOUBTED]
    ]


def worst_mistakes(shown: Report) -> list[dict[str, Any]]:
    """The wrong predictions that the model was surest of, as thumbnails."""
    predicted = shown.probabilities.argmax(axis=1)
    sure = shown.probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != shown.labels)
    found = []
    for row in wrong[np.argsort(-sure[wrong], kind="stable")][:WORST]:
        picture = thumbnail(shown.files[row].content)
        if picture:
            found.append(
                {
                    "picture": picture,
                    "path": shown.files[row].name.rpartition("/")[2],
                    "truth": shown.classes[shown.labels[row]],
                    "predicted": shown.classes[predicted[row]],
                    "sure": float(sure[row]),
                }
            )
    return found
