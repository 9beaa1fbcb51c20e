"""regraft: the best classifier that a folder of labelled images and a pre-trained network can make together."""

import importlib
from typing import Any

_HOMES = {
    "Reading": "regraft.data.images",
    "Recipe": "regraft.recipe",
    "RegraftError": "regraft.errors",
    "evaluate": "regraft.evaluation.predict",
    "find_images": "regraft.data.find",
    "from_arrays": "regraft.data.readers.memory",
    "from_dataset": "regraft.data.readers.memory",
    "open_run": "regraft.evaluation.predict",
    "predict_files": "regraft.evaluation.predict",
    "prepare": "regraft.planning.prepare",
    "scan": "regraft.data.find",
    "train": "regraft.runs.job",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for: torch takes seconds to import."""
    if name not in _HOMES:
        raise AttributeError(f"module 'regraft' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)
