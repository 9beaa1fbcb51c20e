"""regraft: the best classifier that a folder of labelled images and a pre-trained network can make together."""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers and editors, which run nothing
    from regraft.data.images import ImageSet as ImageSet
    from regraft.data.readers.memory import from_arrays as from_arrays
    from regraft.data.readers.memory import from_dataset as from_dataset
    from regraft.data.scan import scan as scan
    from regraft.errors import BackboneError as BackboneError
    from regraft.errors import DataError as DataError
    from regraft.errors import RecipeError as RecipeError
    from regraft.errors import RegraftError as RegraftError
    from regraft.errors import RunError as RunError
    from regraft.evaluation.classifier import Classifier as Classifier
    from regraft.evaluation.classifier import load as load
    from regraft.evaluation.comparison.compare import compare as compare
    from regraft.evaluation.comparison.runs import compare_runs as compare_runs
    from regraft.evaluation.estimator import ImageClassifier as ImageClassifier
    from regraft.evaluation.export.export import export as export
    from regraft.evaluation.labelled_features import LabelledFeatures as LabelledFeatures
    from regraft.evaluation.labelled_features import features_of as features_of
    from regraft.evaluation.rank import rank as rank
    from regraft.evaluation.suggest import suggest as suggest
    from regraft.evaluation.transferability import transferability as transferability
    from regraft.inspection.look import look as look
    from regraft.planning.plan import Plan as Plan
    from regraft.recipe import Reading as Reading
    from regraft.recipe import Recipe as Recipe
    from regraft.runs.card import card as card
    from regraft.runs.job import plan as plan
    from regraft.runs.job import train as train
    from regraft.runs.plots import plots as plots
    from regraft.runs.run import Run as Run
    from regraft.similarity.reference import reference as reference

    __version__: str

_HOMES = {
    "BackboneError": "regraft.errors",
    "Classifier": "regraft.evaluation.classifier",
    "DataError": "regraft.errors",
    "ImageClassifier": "regraft.evaluation.estimator",
    "ImageSet": "regraft.data.images",
    "LabelledFeatures": "regraft.evaluation.labelled_features",
    "Plan": "regraft.planning.plan",
    "Reading": "regraft.recipe",
    "Recipe": "regraft.recipe",
    "RecipeError": "regraft.errors",
    "RegraftError": "regraft.errors",
    "Run": "regraft.runs.run",
    "RunError": "regraft.errors",
    "card": "regraft.runs.card",
    "compare": "regraft.evaluation.comparison.compare",
    "compare_runs": "regraft.evaluation.comparison.runs",
    "export": "regraft.evaluation.export.export",
    "features_of": "regraft.evaluation.labelled_features",
    "from_arrays": "regraft.data.readers.memory",
    "from_dataset": "regraft.data.readers.memory",
    "load": "regraft.evaluation.classifier",
    "look": "regraft.inspection.look",
    "plan": "regraft.runs.job",
    "plots": "regraft.runs.plots",
    "rank": "regraft.evaluation.rank",
    "reference": "regraft.similarity.reference",
    "scan": "regraft.data.scan",
    "suggest": "regraft.evaluation.suggest",
    "train": "regraft.runs.job",
    "transferability": "regraft.evaluation.transferability",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for: torch takes seconds to import."""
    if name == "__version__":
        from importlib.metadata import version

        return version("regraft")
    if name not in _HOMES:
        raise AttributeError(f"module 'regraft' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    """The public names."""
    return __all__
