"""A run as one self-contained page: the case, the evidence, the mistakes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from regraft.data.images import IGNORED, KEPT, LEFT_OUT, Fault, ImageFile
from regraft.features.label_issues import LabelIssue
from regraft.metrics import LEVEL
from regraft.planning.prepare import Prepared
from regraft.runs.charts import draw_confusion, draw_curves, draw_profile, draw_quadrant, draw_surgery
from regraft.runs.run import Run
from regraft.runs.thumbnails import augmentation_strips, thumbnail
from regraft.similarity.score import references
from regraft.training.result import Trained

MINUTES_IN_TWO_HOURS = 120
WORST = 18  # mistakes shown as pictures
PAIRS, DOUBTED = 12, 24  # near-duplicates and label issues shown as pictures
LISTED = 50  # faults of one kind
MOST_CLASSES_IN_TABLE = 20  # of the confusion matrix; more are drawn as a picture


@dataclass(frozen=True)
class Report:
    """All that the page shows."""

    title: str
    backbone: str
    run: Run
    cuts: Sequence[Mapping[str, Any]]
    classes: Sequence[str]
    counts: Mapping[str, Mapping[str, int]]
    faults: Sequence[Fault]
    near_duplicates: Sequence[tuple[ImageFile, ImageFile]]  # images reported on, and those that they are like
    label_issues: Sequence[tuple[ImageFile, LabelIssue]]  # images whose label is not believed, the worst first
    files: Sequence[ImageFile]  # the images that were reported on
    labels: np.ndarray  # (images,)
    probabilities: np.ndarray  # (images, classes)
    history: Sequence[Mapping[str, Any]] = ()  # one row an epoch, where the whole network was trained
    unfreeze_from: str | None = None  # the cut from which on fine-tuning trained
    augmentation: str = ""  # the preset that was trained under
    views: Mapping[str, str] = field(default_factory=dict)  # per preset a strip of random views, as a data URL


def report_of(prepared: Prepared, trained: Trained, run: Run, probabilities: np.ndarray) -> Report:
    """What the page shows of a run; ``probabilities``: of the images reported on, (images, classes)."""
    images, split, recipe = prepared.images, prepared.split, trained.recipe
    views = {}
    if not trained.frozen or recipe.head.views:
        examples = [images.files[row].content for row in split.train[:: max(1, len(split.train) // 2)][:2]]
        flip = recipe.augmentation.flip == "yes"
        views = augmentation_strips(examples, prepared.backbone.preprocessing, flip, recipe.seed)
    return Report(
        title=images.root.resolve().name or "data",
        backbone=prepared.recipe.network.backbone,
        run=run,
        cuts=[asdict(cut) for cut in prepared.backbone.traced.cuts],
        classes=images.classes,
        counts=images.counts(),
        faults=prepared.faults,
        near_duplicates=[(images.files[pair.row], images.files[pair.other]) for pair in prepared.near_duplicates],
        label_issues=[(images.files[issue.row], issue) for issue in prepared.label_issues],
        files=[images.files[row] for row in split.test],
        labels=images.labels[split.test],
        probabilities=probabilities,
        history=() if trained.frozen else trained.history,
        unfreeze_from=recipe.optimisation.unfreeze_from,
        augmentation=recipe.augmentation.preset,
        views=views,
    )


def write_report(path: Path, shown: Report) -> None:
    """Render the page to ``path``."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("regraft.runs"), autoescape=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["duration"] = duration
    environment.filters["percent"] = lambda value: f"{100 * value:.1f}%"
    plan, metrics = shown.run.plan.as_dict(), shown.run.metrics.as_dict()
    many = len(shown.classes) > MOST_CLASSES_IN_TABLE
    page = environment.get_template("report.html").render(
        shown=shown,
        plan=plan,
        metrics=metrics,
        summary=shown.run.as_dict(),
        level=LEVEL,
        quadrant=draw_quadrant(plan, references()),
        surgery=draw_surgery(plan, shown.unfreeze_from),
        profile=draw_profile(plan, shown.run.cuts),
        confusion=draw_confusion(metrics["confusion"], shown.classes) if many else None,
        curves=draw_curves(shown.history) if len(shown.history) > 1 else None,
        mistakes=worst_mistakes(shown),
        kinds=by_kind(shown.faults),
        copies=pairs(shown),
        label_issues=doubted(shown),
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
        {"kind": kind, "action": action, "count": len(alike), "faults": alike[:LISTED]}
        for (action, kind), alike in ordered
    ]


def pairs(shown: Report) -> list[dict[str, Any]]:
    """The first images reported on that are near-duplicates, beside what they are like."""
    return [
        {
            "picture": thumbnail(file.content),
            "other": thumbnail(other.content),
            "path": file.name,
            "other_path": other.name,
        }
        for file, other in shown.near_duplicates[:PAIRS]
    ]


def doubted(shown: Report) -> list[dict[str, Any]]:
    """The first label issues, with their images."""
    return [
        {
            "picture": thumbnail(file.content),
            "path": file.name,
            "label": shown.classes[file.label],
            "likely": shown.classes[issue.label],
            "probability": issue.probability,
        }
        for file, issue in shown.label_issues[:DOUBTED]
    ]


def worst_mistakes(shown: Report) -> list[dict[str, Any]]:
    """The wrong predictions that the model was surest of, as thumbnails."""
    predicted = shown.probabilities.argmax(axis=1)
    sure = shown.probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != shown.labels)
    mistakes = []
    for row in wrong[np.argsort(-sure[wrong], kind="stable")][:WORST]:
        if picture := thumbnail(shown.files[row].content):
            mistakes.append(
                {
                    "picture": picture,
                    "path": shown.files[row].name.rpartition("/")[2],
                    "truth": shown.classes[shown.labels[row]],
                    "predicted": shown.classes[predicted[row]],
                    "sure": float(sure[row]),
                }
            )
    return mistakes
