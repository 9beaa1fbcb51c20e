"""The whole job, top to bottom: recipe + images -> run."""

import hashlib
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from regraft import backbone as backbones
from regraft import report, saved
from regraft.backbone import Backbone, stages_of
from regraft.cuts import Cut, Traced, trace
from regraft.errors import BackboneError, RecipeError
from regraft.features import Features, Progress, extract, silent
from regraft.graft import Grafted, graft, state_hash
from regraft.head import Fold, HeadSettings, Trial, best_trial, choose_decay, folds_from, solve
from regraft.images import ImageSet, find_images
from regraft.metrics import baselines, measure, softmax
from regraft.plan import Plan, make_plan, size_of
from regraft.recipe import FROZEN_STRATEGIES, Recipe
from regraft.run import choose_folder, environment, write_json, write_rows, writing
from regraft.similarity import measure_similarity
from regraft.split import Split, split_images


@dataclass(frozen=True)
class Prepared:
    """All that is known before anything is trained."""

    recipe: Recipe
    backbone: Backbone
    traced: Traced
    features: Features
    split: Split
    plan: Plan

    @property
    def images(self) -> ImageSet:
        """The images that could be decoded."""
        return self.features.images


@dataclass(frozen=True)
class Trained:
    """A grafted network with its test predictions and how it was chosen."""

    strategy: str
    model: Grafted
    trials: tuple[Trial, ...]  # weight decays tried
    decay: float
    frozen_hash: str  # of the body's parameters and buffers, the same before and after
    seconds: float


def prepare(data: Path, recipe: Recipe, progress: Progress = silent) -> Prepared:
    """Look at every image once, measure, and plan."""
    images = find_images(data)
    backbone = backbones.load(recipe.backbone, recipe.weights, recipe.image_size)
    try:
        traced = trace(backbone.model, backbone.preprocessing.size, stages_of(backbone.model))
    except BackboneError as error:
        raise BackboneError(f"{recipe.backbone}: {error}") from None
    names = [(cut.name, *cut.aliases) for cut in traced.cuts]
    if recipe.cut:
        traced.cut_of(recipe.cut)  # refused now rather than after the pass
    features = extract(
        images,
        backbone,
        traced,
        batch_size=recipe.batch_size,
        workers=recipe.workers,
        device=recipe.device,
        progress=progress,
    )
    split = split_images(features.images, features.pixels, recipe.split_seed)
    size = size_of(features.labels[split.train], len(images.classes), recipe.large_from)
    similarity = measure_similarity(features, split.train, split.folds, backbone.statistics, progress)
    return Prepared(recipe, backbone, traced, features, split, make_plan(size, similarity, recipe, names))


def train(
    data: Path,
    recipe: Recipe,
    out: Path | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> dict[str, Any]:
    """Train on the folder ``data`` as ``recipe`` and the plan say, write the run folder, return the summary.

    Raises RegraftError for what the user can mend; then nothing is left behind but the feature cache.
    """
    started = time.perf_counter()
    if recipe.strategy in {"fine-tune", "from-scratch"}:
        raise RecipeError(f"--strategy {recipe.strategy} is not built yet; use --strategy head or early-layers")
    folder = choose_folder(data, out, overwrite)
    prepared = prepare(data, recipe, progress)
    trained = train_frozen(prepared, progress)
    return finish(prepared, trained, folder, started)


def train_frozen(prepared: Prepared, progress: Progress) -> Trained:
    """Cases 1 and 2: solve a head on cached features; everything else stays as it was."""
    started = time.perf_counter()
    recipe, features, split = prepared.recipe, prepared.features, prepared.split
    strategy = prepared.plan.strategy if prepared.plan.strategy in FROZEN_STRATEGIES else "head"
    cuts = [prepared.traced.cut_of(prepared.plan.cut) if prepared.plan.cut else prepared.traced.cuts[-1]]
    settings = HeadSettings(recipe.head_layers, recipe.hidden, recipe.initialiser, recipe.class_weights, recipe.seed)
    classes = len(prepared.images.classes)
    progress("Training the head", 0, 1)
    trials: tuple[Trial, ...] = ()
    decay = recipe.weight_decay
    if decay is None:
        rows, folds = choosing_rows(split)
        trials, decay = choose_decay(features.pooled(cuts, rows), features.labels[rows], classes, folds, settings)
    body_before = state_hash(prepared.backbone.model)
    head = solve(features.pooled(cuts, split.train), features.labels[split.train], classes, decay, settings)
    if state_hash(prepared.backbone.model) != body_before:
        raise AssertionError("the frozen backbone changed while its head was trained")
    model = graft(prepared.backbone.model, prepared.backbone.architecture, prepared.traced, cuts, head)
    progress("Training the head", 1, 1)
    return Trained(strategy, model, trials, decay, state_hash(model.body), time.perf_counter() - started)


def choosing_rows(split: Split) -> tuple[np.ndarray, list[Fold]]:
    """The rows that choose the settings, and their folds: validation where given, else folds inside train."""
    if not len(split.val):
        return split.train, folds_from(split.folds)
    rows = np.concatenate([split.train, split.val])
    return rows, [Fold(np.arange(len(split.train)), np.arange(len(split.train), len(rows)))]


@torch.inference_mode()
def test_probabilities(prepared: Prepared, model: Grafted) -> np.ndarray:
    """The model's probabilities (test images, classes), from the cached features."""
    return softmax(model.head(torch.from_numpy(prepared.features.pooled(model.cuts, prepared.split.test))).numpy())


def finish(prepared: Prepared, trained: Trained, folder: Path, started: float) -> dict[str, Any]:
    """Evaluate, write the run folder and its report, and return the summary."""
    features, split, recipe = prepared.features, prepared.split, prepared.recipe
    labels = features.labels
    probabilities = test_probabilities(prepared, trained.model)
    metrics = measure(probabilities, labels[split.test], prepared.images.classes, split.reported, recipe.seed)
    last = prepared.traced.cuts[-1]
    metrics["baselines"] = baselines(
        features.pooled([last], split.train),
        labels[split.train],
        features.pooled([last], split.test),
        labels[split.test],
    )
    if trained.trials:
        metrics["validation"] = {
            "accuracy": best_trial(trained.trials).accuracy,
            "by": "the validation images" if len(split.val) else "cross-validation inside train",
        }
    summary = summarise(prepared, trained, metrics, folder)
    with writing(folder) as place:
        write_run(place, prepared, trained, metrics, probabilities)
        summary["seconds"]["total"] = time.perf_counter() - started
        report.write(place / "report.html", gather_report(prepared, probabilities, metrics, summary))
    summary["seconds"]["total"] = time.perf_counter() - started
    return summary


def summarise(prepared: Prepared, trained: Trained, metrics: dict[str, Any], folder: Path) -> dict[str, Any]:
    """What ``train --json`` prints."""
    trainable, frozen = trained.model.parameter_counts()
    cuts: list[Cut] = list(trained.model.cuts)
    return {
        "run": str(folder),
        "case": prepared.plan.case,
        "planned_strategy": prepared.plan.strategy,
        "strategy": trained.strategy,
        "cut": cuts[-1].name,
        "cuts": [cut.name for cut in cuts],
        "trainable_parameters": trainable,
        "frozen_parameters": frozen,
        "metrics": {key: metrics[key] for key in ("accuracy", "balanced_accuracy", "macro_f1", "split", "intervals")},
        "baselines": metrics["baselines"],
        "seconds": {"total": 0.0, "features": prepared.features.seconds, "training": trained.seconds},
        "images_through_backbone": prepared.features.passed,
        "report": str(folder / "report.html"),
        "left_out": len(prepared.images.faults),
        "notes": notes_of(prepared, trained),
    }


def notes_of(prepared: Prepared, trained: Trained) -> list[str]:
    """What the user should know beside the numbers."""
    notes = [*prepared.backbone.notes, *([prepared.traced.note] if prepared.traced.note else [])]
    if trained.strategy != prepared.plan.strategy:
        notes.append(f"the plan's strategy is {prepared.plan.strategy}; this version trains a head in its place")
    return notes


def write_run(
    place: Path, prepared: Prepared, trained: Trained, metrics: dict[str, Any], probabilities: np.ndarray
) -> None:
    """Every file of the run but the report."""
    recipe, images, split = prepared.recipe, prepared.images, prepared.split
    write_json(place / "plan.json", prepared.plan.as_dict())
    recipe.but(strategy=trained.strategy, cut=trained.model.cuts[-1].name, weights=absolute(recipe.weights)).write(
        place / "recipe.json"
    )
    write_json(
        place / "environment.json",
        environment(prepared.features.engine, recipe.seed) | {"frozen_hash": trained.frozen_hash},
    )
    write_json(place / "data.json", describe_data(prepared))
    write_json(place / "metrics.json", metrics)
    if trained.trials:
        rows = [{"weight_decay": t.decay, "accuracy": t.accuracy, "loss": t.loss} for t in trained.trials]
        write_rows(place / "history.csv", rows)
    saved.save(trained.model, images.classes, prepared.backbone.preprocessing, trained.strategy, place / "model")
    predicted = probabilities.argmax(axis=1)
    write_rows(
        place / "predictions.csv",
        [
            {
                "path": images.name_of(images.files[row]),
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
    images, contents = prepared.images, prepared.features.contents
    part = prepared.split.part_of()
    labelled = sorted(f"{images.classes[f.label]}/{c}" for f, c in zip(images.files, contents, strict=True))
    return {
        "root": str(images.root.resolve()),
        "classes": list(images.classes),
        "counts": images.counts(),
        "fingerprint": hashlib.blake2b("\n".join(labelled).encode(), digest_size=16).hexdigest(),
        "faults": [asdict(fault) for fault in images.faults],
        "files": [
            {"path": images.name_of(file), "class": images.classes[file.label], "split": part[row]}
            for row, file in enumerate(images.files)
        ],
    }


def gather_report(
    prepared: Prepared, probabilities: np.ndarray, metrics: dict[str, Any], summary: dict[str, Any]
) -> report.Report:
    """What the report shows."""
    images, test = prepared.images, prepared.split.test
    return report.Report(
        title=images.root.resolve().name,
        backbone=prepared.recipe.backbone,
        plan=prepared.plan.as_dict(),
        metrics=metrics,
        summary=summary,
        cuts=[asdict(cut) for cut in prepared.traced.cuts],
        classes=images.classes,
        counts=images.counts(),
        faults=images.faults,
        paths=[images.files[row].path for row in test],
        labels=np.array([images.files[row].label for row in test]),
        probabilities=probabilities,
    )
