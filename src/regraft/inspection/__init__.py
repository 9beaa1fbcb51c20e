"""What each layer of a network sees, on the user's own images, before and after training.

``regraft.look`` makes a page of it; the functions here return arrays, each for a ``subject_of`` a run or a backbone.
"""

import importlib
from typing import Any

_HOMES = {
    "activation_maps": "activation_maps",
    "change": "before_after",
    "deep_dream": "deep_dream",
    "depthwise_filters": "filters",
    "faithfulness": "faithfulness",
    "filtered": "own_filter",
    "first_filters": "filters",
    "grad_cam": "attribution",
    "image_map": "image_map",
    "integrated_gradients": "attribution",
    "look": "look",
    "occlusion": "attribution",
    "receptive_fields": "receptive_field",
    "reconstruction": "rectified",
    "rewind": "rewind",
    "subject_of": "subject",
    "top_patches": "patches",
    "video": "video",
    "visualise": "feature_visualisation",
}

__all__ = sorted(_HOMES)  # noqa: PLE0605


def __getattr__(name: str) -> Any:
    """Load a public name when it is first asked for: torch takes seconds to import."""
    if name not in _HOMES:
        raise AttributeError(f"module 'regraft.inspection' has no attribute '{name}'")
    return getattr(importlib.import_module(f"regraft.inspection.{_HOMES[name]}"), name)
