"""Several backbones side by side on the same images: who sees them best, at what cost."""

from collections.abc import Sequence
from typing import Any

from regraft.data.find import Data
from regraft.features.features import Progress
from regraft.features.logme import logme
from regraft.planning.prepare import Prepared, prepare
from regraft.recipe import Recipe
from regraft.similarity.measure import paired


def rank(data: Data, recipe: Recipe, named: Sequence[tuple[str, str | None]], progress: Progress) -> dict[str, Any]:
    """Plan ``data`` for each backbone (name, weights file or None); the most accurate probe comes first.

    All are judged on the same images and folds, so that differences from the best have paired standard errors.
    """
    looked = [(name, prepare(data, recipe.but(backbone=name, weights=file), progress)) for name, file in named]
    best = max((prepared for _, prepared in looked), key=lambda prepared: prepared.plan.similarity.best_hits.mean())
    rows = [row_of(name, prepared, best) for name, prepared in looked]
    return {
        "backbones": sorted(rows, key=lambda row: -row["accuracy"]),
        "images_through_backbone": sum(prepared.features.passed for _, prepared in looked),
    }


def row_of(name: str, prepared: Prepared, best: Prepared) -> dict[str, Any]:
    """One backbone's row."""
    similarity, traced, features = prepared.plan.similarity, prepared.traced, prepared.features
    behind, error = paired(best.plan.similarity.best_hits, similarity.best_hits)
    top = max(similarity.profile, key=lambda point: point.accuracy)
    labels = features.labels[similarity.rows]
    return {
        "backbone": name,
        "accuracy": top.accuracy,
        "cut": top.cut,
        "behind_best": behind,
        "standard_error": error,
        "logme": logme(features.pooled([traced.cut_of(top.cut)], similarity.rows), labels),
        "case": prepared.plan.case,
        "score": similarity.score.value,
        "parameters": sum(p.numel() for p in prepared.backbone.model.parameters()),
        "multiply_adds": traced.multiply_adds,
        "image_size": prepared.backbone.preprocessing.size,
        "images_a_second": features.rate,
    }
