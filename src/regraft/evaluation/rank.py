"""Several backbones side by side on the same images: who sees them best, at what cost."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from regraft.data.find import Data
from regraft.features.logme import logme
from regraft.metrics import paired
from regraft.planning.prepare import Job, prepare
from regraft.progress.shown import ShowProgress, shown
from regraft.recipe import Recipe
from regraft.visible import Shown


@dataclass(frozen=True)
class Ranked:
    """One backbone."""

    backbone: str
    accuracy: float  # of the probe at its best cut
    cut: str
    behind_best: float  # the best backbone's accuracy minus this one's
    standard_error: float  # of that difference, paired over the images
    logme: float
    case: str
    score: float
    parameters: int
    multiply_adds: int  # for one image
    image_size: int  # pixels a side
    images_a_second: float | None
    notes: tuple[str, ...]  # what the user should know of the network


@dataclass(frozen=True, repr=False)
class Ranking(Shown):
    """Backbones, the most accurate probe first."""

    backbones: tuple[Ranked, ...]
    images_through_backbone: int

    def in_lines(self) -> Iterator[str]:
        """The first three."""
        for row in self.backbones[:3]:
            yield f"{row.backbone}: a simple classifier gets {row.accuracy:.1%} at {row.cut}"

    def as_dict(self) -> dict[str, Any]:
        """What ``plan --json`` prints for several backbones."""
        rows = [asdict(row) for row in self.backbones]
        return {"backbones": rows, "images_through_backbone": self.images_through_backbone}


def rank(
    data: Data,
    backbones: Sequence[str | tuple[str, str | None]],
    recipe: Recipe = Recipe(),
    progress: ShowProgress = True,
    **settings: Any,
) -> Ranking:
    """Plan ``data`` for each of ``backbones``, a name or (name, weights file or None).

    All are judged on the same images and folds, so that differences from the best have paired standard errors.
    ``settings``: of the recipe, by their names.
    """
    recipe = recipe.but(**settings) if settings else recipe
    named = [(one, None) if isinstance(one, str) else one for one in backbones]
    key = recipe.network.weights_key
    recipes = [recipe.but(backbone=name, weights=file, weights_key=key if file else None) for name, file in named]
    with shown(progress) as shows:
        looked = [(one.network.backbone, prepare(data, one, shows, plan_alone=True)) for one in recipes]
    best = max((job for _, job in looked), key=lambda job: job.plan.similarity.best_hits.mean())
    rows = [ranked(name, job, best) for name, job in looked]
    passed = sum(job.features.passed for _, job in looked)
    return Ranking(tuple(sorted(rows, key=lambda row: -row.accuracy)), passed)


def ranked(name: str, job: Job, best: Job) -> Ranked:
    """One backbone against the best one."""
    similarity, backbone, features = job.plan.similarity, job.backbone, job.features
    behind, error = paired(best.plan.similarity.best_hits, similarity.best_hits)
    top = max(similarity.profile, key=lambda point: point.accuracy)
    pooled = features.pooled([backbone.cut_of(top.cut)], similarity.rows)
    return Ranked(
        backbone=name,
        accuracy=top.accuracy,
        cut=top.cut,
        behind_best=behind,
        standard_error=error,
        logme=logme(pooled, features.labels[similarity.rows]),
        case=job.plan.case,
        score=similarity.score.value,
        parameters=backbone.description.all_parameters,
        multiply_adds=backbone.description.multiply_adds,
        image_size=backbone.preprocessing.size,
        images_a_second=features.rate,
        notes=backbone.notes,
    )
