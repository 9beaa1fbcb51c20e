"""The whole job, top to bottom: recipe + images -> run."""

import math
import re
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from regraft.runs import report
from regraft.runs.charts import draw_profile, draw_quadrant, draw_surgery
from regraft.data.find import Data
from regraft.data.images import ImageSet
from regraft.features.features import Progress, silent
from regraft.features.near_duplicates import with_and_without
from regraft.metrics import baselines, measure
from regraft.network import saved
from regraft.planning.prepare import Prepared, prepare
from regraft.recipe import Recipe
from regraft.runs.folder import check_goes_on, choose_folder, environment, write_json, write_rows, writing
from regraft.similarity.score import references_for
from regraft.runs.thumbnails import augmentation_strips
from regraft.training.anytime import climb
from regraft.training.result import Trained
from regraft.training.strategy import carrier, carry_out, planned_recipe, probabilities_of

CHECKPOINTS = "checkpoints"
FINISH_SHARE = 0.1  # of a time limit
FINISH_PASSES = 4.0  # the test predictions take so many times the frozen pass of as many images


def train(
    data: Data,
    recipe: Recipe,
    out: Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train on ``data``, which find_images takes, as ``recipe`` and the plan say; write the run, return the summary.

    ``resume`` goes on with the training of ``out`` that was interrupted. Raises RegraftError for what the user
    can mend; then nothing is left behind but the feature cache and the checkpoints of a training under way.
    """
    started = time.perf_counter()
    folder = choose_folder(name_of(data), out, overwrite, resume)
    prepared = prepare(data, recipe, progress)
    if out is None:
        folder = choose_folder(name_of(data), out, overwrite)  # another training may have begun in it meanwhile
    if resume and not climbs(recipe):
        check_goes_on(folder, prepared.plan.strategy)
    with writing(folder, resume) as place:
        trained = train_in_time(prepared, place / CHECKPOINTS, resume, progress, started)
        return finish(prepared, trained, folder, place, started)


def plan_only(
    data: Data, recipe: Recipe, out: Path | None = None, overwrite: bool = False, progress: Progress = silent
) -> dict[str, Any]:
    """Look at the images and plan; ``out`` gets plan.json, recipe.json and the pictures."""
    folder = choose_folder(name_of(data), out, overwrite) if out else None
    prepared = prepare(data, recipe, progress)
    shown = prepared.plan_shown
    if folder:
        with writing(folder) as place:
            write_json(place / "plan.json", shown)
            planned_recipe(prepared).but(weights=absolute(recipe.weights)).write(place / "recipe.json")
            pictures = {
                "quadrant": draw_quadrant(shown, references_for(prepared.recipe.backbone)),
                "surgery": draw_surgery(shown, recipe.unfreeze_from),
                "profile": draw_profile(shown, prepared.plan.cuts),
            }
            for name, picture in pictures.items():
                (place / f"{name}.svg").write_text(picture, encoding="utf-8")
    return shown | {
        "images_through_backbone": prepared.features.passed,
        "faults": [asdict(fault) for fault in prepared.faults],
    }


def train_in_time(prepared: Prepared, folder: Path, resume: bool, progress: Progress, started: float) -> Trained:
    """Climb the ladder where a time is given and no strategy, else carry out the plan's."""
    recipe, carry = prepared.recipe, carrier(prepared, folder, resume, progress)
    if recipe.time_limit is None:
        return carry_out(prepared, carry, math.inf)
    spent = time.perf_counter() - started
    deadline = time.monotonic() + recipe.time_limit - spent - time_to_finish(prepared)
    return climb(prepared, carry, deadline) if climbs(recipe) else carry_out(prepared, carry, deadline)


def climbs(recipe: Recipe) -> bool:
    """Whether more than the plan's strategy is to be tried: where a time is given and nothing else was asked for."""
    return recipe.time_limit is not None and not (recipe.strategy or recipe.cut or recipe.cuts)


def time_to_finish(prepared: Prepared) -> float:
    """Seconds to keep for validation, the test predictions and the report, from what the pass took where it ran."""
    features, limit = prepared.features, prepared.recipe.time_limit or 0.0
    an_image = features.seconds / features.passed if features.passed else 0.0
    return max(FINISH_SHARE * limit, FINISH_PASSES * an_image * len(prepared.split.test))


def finish(prepared: Prepared, trained: Trained, folder: Path, place: Path, started: float) -> dict[str, Any]:
    """Evaluate, write the run's files to ``place``, which becomes ``folder``, and return the summary."""
    features, split, recipe = prepared.features, prepared.split, prepared.recipe
    labels = features.labels
    probabilities = probabilities_of(prepared, trained, split.test)
    groups = [prepared.images.files[row].group for row in split.test]
    metrics = measure(probabilities, labels[split.test], prepared.images.classes, split.reported, recipe.seed, groups)
    last = prepared.traced.cuts[-1]
    metrics["baselines"] = baselines(
        features.pooled([last], split.train),
        labels[split.train],
        features.pooled([last], split.test),
        labels[split.test],
    )
    right = probabilities.argmax(axis=1) == labels[split.test]
    metrics["leaks"] = with_and_without(prepared.leaks, split.test, right)
    carved = "cross-validation inside train" if trained.frozen else "a fold of train"
    metrics["validation"] = {
        "accuracy": trained.judged.accuracy,
        "by": "the validation images" if len(split.val) else carved,
    }
    summary = summarise(prepared, trained, metrics, folder)
    write_run(place, prepared, trained, probabilities, metrics)
    summary["seconds"]["total"] = time.perf_counter() - started
    report.write(place / "report.html", gather_report(prepared, trained, probabilities, metrics, summary))
    return summary


def summarise(prepared: Prepared, trained: Trained, metrics: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What ``train --json`` prints."""
    frozen = sum(trained.model.parameter_counts()) - trained.trainable
    cuts = [cut.name for cut in trained.model.cuts]
    return {
        "run": str(folder),
        "case": prepared.plan.case,
        "planned_strategy": prepared.plan.strategy,
        "strategy": trained.strategy,
        "cut": cuts[-1] if trained.frozen else None,
        "cuts": cuts,
        "trainable_parameters": trained.trainable,
        "frozen_parameters": frozen,
        "metrics": {key: metrics[key] for key in ("accuracy", "balanced_accuracy", "macro_f1", "split", "intervals")},
        "baselines": metrics["baselines"],
        "leaks": metrics["leaks"],
        "seconds": {"total": 0.0, "features": prepared.features.seconds, "training": trained.seconds},
        "images_through_backbone": prepared.features.passed + trained.passed,
        "report": str(folder / "report.html"),
        "left_out": prepared.images.left_out,
        "found": dict(Counter(fault.kind for fault in prepared.faults)),
        "tried": [asdict(rung) for rung in trained.tried],
        "interrupted": trained.interrupted,
        "notes": notes_of(prepared, trained, metrics["leaks"]),
    }


def name_of(data: Data) -> str:
    """What a run on ``data`` is called after."""
    place = data.root if isinstance(data, ImageSet) else Path(data)
    name = place.resolve().name.partition(".")[0]
    return re.sub(r"[^\w.-]+", "-", name).strip("-") or "data"


def notes_of(prepared: Prepared, trained: Trained, leaks: Mapping[str, Any]) -> list[str]:
    """What the user should know beside the numbers."""
    notes = [*prepared.backbone.notes, *([prepared.traced.note] if prepared.traced.note else [])]
    return [*notes, *trained.notes, *leak_notes(leaks)]


def leak_notes(leaks: Mapping[str, Any]) -> list[str]:
    """What leaks from train into test did to the accuracy."""
    if not leaks["images"]:
        return []
    without = leaks["accuracy_without"]
    rest = "no image is left without them" if without is None else f"without them the accuracy is {without:.1%}"
    return [
        f"{leaks['images']:,} of the {leaks['of']:,} images reported on are copies, or nearly, of images that trained"
        f" or chose: with them the accuracy is {leaks['accuracy_with']:.1%}, {rest}"
    ]


def write_run(
    place: Path, prepared: Prepared, trained: Trained, probabilities: np.ndarray, metrics: Mapping[str, Any]
) -> None:
    """Every file of the run but the report."""
    recipe, images, split = trained.recipe, prepared.images, prepared.split
    write_json(place / "plan.json", prepared.plan_shown)
    recipe.but(weights=absolute(recipe.weights), time_limit=None).write(place / "recipe.json")
    write_json(
        place / "environment.json",
        environment(prepared.features.engine, recipe.seed) | {"frozen_hash": trained.frozen_hash},
    )
    if trained.tried:
        write_json(place / "tried.json", [asdict(rung) for rung in trained.tried])
    write_json(place / "data.json", describe_data(prepared))
    write_json(place / "metrics.json", metrics)
    if trained.history:
        write_rows(place / "history.csv", trained.history)
    whole = prepared.traced.cuts[-1] in trained.model.cuts
    saved.save(trained.model, images.classes, prepared.backbone.preprocessing, trained.strategy, place / "model", whole)
    predicted = probabilities.argmax(axis=1)
    write_rows(
        place / "predictions.csv",
        [
            {
                "path": images.files[row].name,
                "class": images.classes[images.files[row].label],
                "predicted": images.classes[predicted[i]],
                **{f"p({name})": f"{probabilities[i, c]:.6f}" for c, name in enumerate(images.classes)},
            }
            for i, row in enumerate(split.test)
        ],
    )


def absolute(weights: str | None) -> str | None:
    """The weights' path as it holds from any folder."""
    return str(Path(weights).resolve()) if weights else None


def describe_data(prepared: Prepared) -> dict[str, Any]:
    """Classes, counts, every file's split, the faults and a fingerprint of the bytes."""
    images, part = prepared.images, prepared.split.part_of()
    return {
        "root": str(images.root.resolve()),
        "classes": list(images.classes),
        "counts": images.counts(),
        "fingerprint": prepared.features.fingerprint(),
        "pixel_fingerprint": prepared.features.pixel_fingerprint(),
        "faults": [asdict(fault) for fault in prepared.faults],
        "files": [
            {
                "path": file.name,
                "class": images.classes[file.label],
                "split": part[row],
                "pixels": prepared.features.pixels[row],
                **({"group": file.group} if file.group else {}),
            }
            for row, file in enumerate(images.files)
        ],
    }


def gather_report(
    prepared: Prepared,
    trained: Trained,
    probabilities: np.ndarray,
    metrics: Mapping[str, Any],
    summary: Mapping[str, Any],
) -> report.Report:
    """What the report shows."""
    images, split, recipe = prepared.images, prepared.split, trained.recipe
    test, views = split.test, {}
    if not trained.frozen or recipe.views:
        examples = [images.files[row].content for row in split.train[:: max(1, len(split.train) // 2)][:2]]
        preprocessing = prepared.backbone.preprocessing
        views = augmentation_strips(examples, preprocessing, recipe.flip == "yes", recipe.seed)
    return report.Report(
        title=images.root.resolve().name or "data",
        backbone=prepared.recipe.backbone,
        references=references_for(prepared.recipe.backbone),
        plan=prepared.plan_shown,
        metrics=metrics,
        summary=summary,
        cuts=[asdict(cut) for cut in prepared.traced.cuts],
        classes=images.classes,
        counts=images.counts(),
        faults=prepared.faults,
        leaks=[(images.files[leak.row], images.files[leak.other]) for leak in prepared.leaks],
        suspects=[(images.files[suspect.row], suspect) for suspect in prepared.suspects],
        files=[images.files[row] for row in test],
        labels=np.array([images.files[row].label for row in test]),
        probabilities=probabilities,
        history=() if trained.frozen else trained.history,
        unfreeze_from=recipe.unfreeze_from,
        augmentation=recipe.augmentation,
        views=views,
    )
