"""regraft: the best classifier that a folder of labelled images and a pre-trained network can make together."""

import importlib
from typing import Any

_HOMES = {
    "BackboneError": "regraft.errors",
    "Classifier": "regraft.evaluation.classifier",
    "DataError": "regraft.errors",
    "ImageClassifier": "regraft.evaluation.estimator",
    "ImageSet": "regraft.data.images",
    "Plan": "regraft.planning.plan",
    "Reading": "regraft.recipe",
    "Recipe": "regraft.recipe",
    "RecipeError": "regraft.errors",
    "RegraftError": "regraft.errors",
    "Run": "regraft.runs.run",
    "RunError": "regraft.errors",
    "from_arrays": "regraft.data.readers.memory",
    "from_dataset": "regraft.data.readers.memory",
    "load": "regraft.evaluation.classifier",
    "look": "regraft.inspection.look",
    "plan": "regraft.runs.job",
    "rank": "regraft.evaluation.rank",
    "reference": "regraft.similarity.reference",
    "scan": "regraft.data.scan",
    "train": "regraft.runs.job",
    "transferability": "regraft.evaluation.transferability",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for: torch takes seconds to import."""
    if name not in _HOMES:
        raise AttributeError(f"module 'regraft' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return __all__
