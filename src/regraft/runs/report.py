"""A run as one self-contained page: the case, the evidence, the mistakes."""

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regraft.data.images import IGNORED, KEPT, LEFT_OUT, Fault, ImageSet
from regraft.features.label_issues import LabelIssue
from regraft.features.near_duplicates import NearDuplicate
from regraft.metrics.calibration import too_few_to_judge
from regraft.planning.cases import in_words
from regraft.planning.prepare import Job
from regraft.progress.pace import time_in_words
from regraft.runs.charts import draw_confusion, draw_curves, draw_profile, draw_quadrant
from regraft.runs.command import quoted
from regraft.runs.confusion import NAMED
from regraft.runs.four_cases import draw_cases, draw_cases_narrow, network_in
from regraft.runs.glossary import WORDS, anchor, link
from regraft.runs.probability_charts import draw_reliability, draw_risk_coverage
from regraft.runs.ran import Ran
from regraft.runs.roc import draw_roc
from regraft.runs.run import Run
from regraft.runs.svg import themed
from regraft.runs.thumbnails import augmentation_strips, thumbnail
from regraft.similarity.score import references
from regraft.training.result import Trained
from regraft.visible import isolated

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

WORST = 18  # mistakes shown as pictures
PAIRS, DOUBTED = 12, 24  # near-duplicates and label issues shown as pictures
LISTED = 50  # faults of one kind
MOST_CLASSES_IN_TABLE = 20  # of the confusion matrix; more are drawn as a picture


def write_report(
    path: Path, job: Job, trained: Trained, run: Run, probabilities: np.ndarray, command: str = ""
) -> None:
    """Render the page to ``path``.

    ``probabilities``: of the images reported on, (images, classes). ``command``: what made the run, as it was typed.
    """
    plan, metrics, images = run.plan.as_dict(), run.metrics.as_dict(), replace(job.images, files=job.features.files)
    many, curves = len(images.classes) > MOST_CLASSES_IN_TABLE, not trained.frozen and len(trained.history) > 1
    worth, ran = metrics["probabilities"], Ran.of(trained, run.cuts, [cut.name for cut in job.backbone.cuts])
    network, early = network_in(plan), plan["early_cut"]
    page = template().render(
        title=images.root.resolve().name or "data",
        backbone=job.recipe.network.backbone,
        classes=images.classes,
        counts=images.counts(),
        cuts=job.backbone.cuts,
        plan=plan,
        metrics=metrics,
        summary=run.as_dict(),
        augmentation=trained.recipe.augmentation.preset,
        views=views_of(job, trained),
        ran=ran,
        case=in_words(plan["case"], job.recipe.network.continue_from),
        cases=themed(draw_cases(network, early, plan, ran)),
        cases_narrow=themed(draw_cases_narrow(network, early, plan, ran)),
        quadrant=themed(draw_quadrant(plan, references())),
        profile=themed(draw_profile(plan, run.cuts)),
        confusion=themed(draw_confusion(metrics["confusion"], images.classes)) if many else None,
        numbered=len(images.classes) > NAMED,
        roc=themed(draw_roc(metrics["two_classes"])) if "two_classes" in metrics else None,
        curves=themed(draw_curves(trained.history)) if curves else None,
        reliability=themed(draw_reliability(worth["calibration"]["bins"])) if worth["calibration"] else None,
        few_to_judge=bool(worth["calibration"]) and too_few_to_judge(worth["calibration"]),
        risk_coverage=themed(draw_risk_coverage(worth["risk_coverage"]["kept"])),
        nothing={"likelihood": math.log(len(images.classes)), "brier": 1 - 1 / len(images.classes)},
        mistakes=worst_mistakes(images, job.split.test, probabilities),
        kinds=by_kind(job.faults),
        copies=pairs(images, job.near_duplicates),
        label_issues=doubted(images, job.label_issues),
        now=uses_of(run),
        next_steps=run.next_steps,
        words=WORDS,
        date=f"{datetime.now().astimezone():%Y-%m-%d %H:%M %Z}",
        version=version("regraft"),
        seed=trained.recipe.seed,
        command=command,
    )
    path.write_text(page, encoding="utf-8", errors="backslashreplace")


@cache
def template() -> "Template":
    """The page around what a run says, made once: that takes longer than to render it."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("regraft.runs"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        finalize=as_read,
        optimized=False,  # that takes longer than it spares
    )
    environment.filters |= {
        "coded": coded,
        "duration": time_in_words,
        "percent": lambda value: f"{100 * value:.1f}%",
        "anchor": anchor,
    }
    environment.globals["word"] = link
    return environment.get_template("report.html")


def uses_of(run: Run) -> list[tuple[str, str]]:
    """What can be done with the run at once, and the commands."""
    folder = str(run.folder)
    return [
        ("Name the classes of new images:", quoted("regraft", "predict", folder, "NEW-IMAGES")),
        ("See how good it is on other labelled images:", quoted("regraft", "evaluate", folder, "LABELLED-IMAGES")),
        ("Read its model card before you pass it on:", quoted("regraft", "card", folder)),
    ]


def as_read(value: Any) -> Any:
    """What the page says, names in it without power over the text around them; markup stays as it is."""
    if not isinstance(value, str) or hasattr(value, "__html__"):
        return value
    return isolated(value)


def coded(text: str) -> "Markup":
    """A sentence in which what stands in backticks is code; names in it have no power over the text around them."""
    from markupsafe import Markup, escape

    parts = isolated(text).split("`")
    if len(parts) % 2 == 0:  # the last one is somebody's own
        parts[-2:] = ["`".join(parts[-2:])]
    code = Markup('<code class="inline">{}</code>')  # not to be copied as a whole command
    return Markup("").join(code.format(part) if place % 2 else escape(part) for place, part in enumerate(parts))


def views_of(job: Job, trained: Trained) -> dict[str, str]:
    """Per preset a strip of random views of two training images, as a data URL; none where none was trained on."""
    if trained.frozen and not trained.recipe.head.views:
        return {}
    train, recipe = job.split.train, trained.recipe
    examples = [job.features.files[row].content for row in train[:: max(1, len(train) // 2)][:2]]
    flip = recipe.augmentation.flip == "yes"
    return augmentation_strips(examples, job.backbone.preprocessing, flip, recipe.seed, job.images.rendering)


def by_kind(faults: Sequence[Fault]) -> list[dict[str, Any]]:
    """Faults of one kind and outcome together, what was left out first."""
    kinds: dict[tuple[str, str], list[Fault]] = {}
    for fault in faults:
        kinds.setdefault((fault.action, fault.kind), []).append(fault)
    ordered = sorted(kinds.items(), key=lambda item: (LEFT_OUT, KEPT, IGNORED).index(item[0][0]))
    return [
        {
            "kind": kind,
            "action": action,
            "count": sum(fault.images for fault in alike),
            "faults": alike[:LISTED],
            "more": len(alike[LISTED:]),
        }
        for (action, kind), alike in ordered
    ]


def pairs(images: ImageSet, duplicates: Sequence[NearDuplicate]) -> list[dict[str, Any]]:
    """The first images reported on that are near-duplicates, beside what they are like."""
    files = [(images.files[pair.row], images.files[pair.other]) for pair in duplicates[:PAIRS]]
    how = images.rendering
    return [
        {
            "picture": thumbnail(a.content, how),
            "other": thumbnail(b.content, how),
            "path": a.name,
            "other_path": b.name,
        }
        for a, b in files
    ]


def doubted(images: ImageSet, issues: Sequence[LabelIssue]) -> list[dict[str, Any]]:
    """The first label issues, with their images."""
    return [
        {
            "picture": thumbnail(images.files[issue.row].content, images.rendering),
            "path": images.files[issue.row].name,
            "label": images.classes[images.files[issue.row].label],
            "likely": images.classes[issue.label],
            "probability": issue.probability,
        }
        for issue in issues[:DOUBTED]
    ]


def worst_mistakes(images: ImageSet, rows: np.ndarray, probabilities: np.ndarray) -> list[dict[str, Any]]:
    """The wrong predictions of the images ``rows`` that the model was surest of, with their thumbnails."""
    predicted, sure = probabilities.argmax(axis=1), probabilities.max(axis=1)
    wrong = np.flatnonzero(predicted != images.labels[rows])
    shown = [(place, images.files[rows[place]]) for place in wrong[np.argsort(-sure[wrong], kind="stable")][:WORST]]
    return [
        {
            "picture": thumbnail(file.content, images.rendering),
            "path": file.name.rpartition("/")[2],
            "truth": images.classes[file.label],
            "predicted": images.classes[predicted[place]],
            "sure": float(sure[place]),
        }
        for place, file in shown
    ]
