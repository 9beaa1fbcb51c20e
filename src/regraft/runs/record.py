"""The files of a run folder."""

from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from regraft.features.familiar_file import FAMILIAR
from regraft.network.origin import ENVIRONMENT
from regraft.network.saved import save
from regraft.planning.prepare import Job
from regraft.recipe import Recipe
from regraft.runs.charts import draw_profile, draw_quadrant
from regraft.runs.environment import environment
from regraft.runs.familiar import keep_familiar
from regraft.runs.folder import write_json, write_json_with
from regraft.runs.four_cases import draw_cases, network_in
from regraft.runs.held_out import HELD_OUT, write_held_out
from regraft.runs.overlap import groups_as_dict
from regraft.runs.ran import Ran
from regraft.runs.rows import write_rows
from regraft.runs.run import Run
from regraft.runs.seen import DATA, describe_data, describe_files
from regraft.similarity.score import references
from regraft.training.result import Trained


def write_plan(place: Path, job: Job) -> None:
    """plan.json, the recipe that it leads to, and its pictures."""
    recipe, shown = job.recipe, job.plan_with_faults().as_dict()
    write_json(place / "plan.json", shown)
    with_absolute_weights(job.planned_recipe()).write(place / "recipe.json")
    pictures = {
        "quadrant": draw_quadrant(shown, references()),
        "surgery": draw_cases(network_in(shown), shown["early_cut"], shown, Ran.planned(shown, recipe)),
        "profile": draw_profile(shown, job.plan.cuts),
    }
    for name, picture in pictures.items():
        (place / f"{name}.svg").write_text(picture, encoding="utf-8")


def write_run(place: Path, job: Job, trained: Trained, run: Run, probabilities: np.ndarray) -> None:
    """Every file of the run but the report."""
    images, recipe = job.images, trained.recipe
    write_json(place / "plan.json", run.plan.as_dict())
    with_absolute_weights(recipe).but(time_limit=None).write(place / "recipe.json")
    made_with = environment(job.features.engine, recipe.seed) | {
        "frozen_hash": trained.frozen_hash,
        "parameters": {"trained": run.trainable_parameters, "frozen": run.frozen_parameters},
        "origin": asdict(trained.graft.backbone.origin),
    }
    write_json(place / ENVIRONMENT, made_with)
    if trained.tried:
        write_json(place / "tried.json", [asdict(attempt) for attempt in trained.tried])
    write_json_with(place / DATA, describe_data(job), "files", describe_files(job))
    write_json(place / "metrics.json", all_metrics(trained, run))
    if trained.history:
        write_rows(place / "history.csv", trained.history)
    engine = job.features.engine if trained.frozen else ""
    rendering = images.rendering.as_dict()
    save(
        trained.graft,
        images.classes,
        job.backbone.preprocessing,
        trained.strategy,
        place / "model",
        engine,
        rendering,
        trained.temperature,
        trained.calibration.threshold,
    )
    keep_familiar(place / "model" / FAMILIAR, job, trained)
    write_held_out(place / HELD_OUT, trained.held_out, job.features.labels)
    write_rows(place / "predictions.csv", predictions_of(job, probabilities))


def all_metrics(trained: Trained, run: Run) -> dict[str, Any]:
    """The metrics with what they are to be compared with."""
    return run.metrics.as_dict() | {
        "remarks": [asdict(remark) for remark in run.remarks],
        "baselines": dict(run.baselines),
        "near_duplicates": asdict(run.near_duplicates),
        "shared_groups": groups_as_dict(run.shared_groups),
        "validation": asdict(run.validation),
        "calibration": {
            "temperature": trained.temperature,
            "conformal_threshold": trained.calibration.threshold,
            "images": trained.calibration.images,
            "by": run.validation.by,
        },
        "rule": asdict(run.rule) if run.rule else None,
        "seconds": asdict(run.seconds),
        "interrupted": run.interrupted,
        "continued": asdict(run.continued) if run.continued else None,
        "gained": asdict(run.gained) if run.gained else None,
        "notes": list(run.notes),
    }


def predictions_of(job: Job, probabilities: np.ndarray) -> Iterator[dict[str, str]]:
    """A row for each image reported on; ``probabilities``: (images, classes)."""
    images, predicted = job.images, probabilities.argmax(axis=1)
    columns = [f"p({name})" for name in images.classes]
    for i, row in enumerate(job.split.test.tolist()):
        yield {
            "path": images.files.names[row],
            "label": images.classes[images.labels[row]],
            "predicted": images.classes[predicted[i]],
            **{name: f"{own:.6f}" for name, own in zip(columns, probabilities[i].tolist(), strict=True)},
        }


def with_absolute_weights(recipe: Recipe) -> Recipe:
    """The recipe with the paths of weights, of corrections and of a run gone on from as they hold from any folder."""
    weights, run, table = recipe.network.weights, recipe.network.continue_from, recipe.reading.corrections
    recipe = recipe.but(corrections=str(Path(table).resolve())) if table else recipe
    recipe = recipe.but(weights=str(Path(weights).resolve())) if weights else recipe
    place = str(Path(run).resolve()) if run else None
    return recipe.but(continue_from=place, backbone=place) if place else recipe
