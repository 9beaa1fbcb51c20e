"""A similarity and a network made up, and plans for them."""

from typing import Any

import numpy as np

from regraft.planning.costs import NetworkSize
from regraft.planning.plan import Plan, make_plan
from regraft.planning.size import Size, size_of
from regraft.recipe import Recipe
from regraft.similarity.depth_profile import ProfilePoint
from regraft.similarity.measure import Similarity
from regraft.similarity.score import Evidence, Score

CUTS = ("early", "middle", "last")
NETWORK = NetworkSize(
    parameters={"early": 1_000, "middle": 10_000, "last": 100_000},
    channels={"early": 16, "middle": 32, "last": 64},
    activations=50_000,
    rate=100.0,
)


def similarity(value: float, **changes: Any) -> Similarity:
    """With this score; each cut's probe is better than the one before."""
    profile = tuple(ProfilePoint(name, 4, 0.5 + i / 10, 0.2 - i / 10, 0.01) for i, name in enumerate(CUTS))
    given: dict[str, Any] = {
        "profile": profile,
        "best_early_cut": "middle",
        "evidence": Evidence(0.3, None, 2 * value - 1),
        "score": Score(value, max(0, value - 0.1), min(1, value + 0.1), {"domain": 1.0}),
        "rows": np.arange(100),
        "best_hits": np.arange(100) < 70,
        "chance": 0.1,
        "judged": 100,
    }
    return Similarity(**given | changes)


def size_for(images: int, large_from: int = 20_000, distinct: int | None = None) -> Size:
    """Of two classes."""
    return size_of(np.arange(images) % 2, 2, large_from, distinct)


def plan_for(
    score: float | Similarity, images: int | Size = 100, sides: tuple[int, int] = (224, 224), **settings: Any
) -> Plan:
    """The plan for a score or similarity; ``settings``: of the recipe."""
    found = similarity(score) if isinstance(score, float) else score
    size = size_for(images) if isinstance(images, int) else images
    return make_plan(size, found, Recipe(**settings), NETWORK, sides, size.images)
