"""What a run was made with."""

import os
import platform
import sys
from importlib.metadata import version
from typing import Any

LIBRARIES = ("regraft", "torch", "torchvision", "timm", "scikit-learn", "numpy", "pillow")


def environment(engine: str, seed: int) -> dict[str, Any]:
    """Versions, hardware, seed and command of this process."""
    import torch

    return {
        "command": sys.argv,
        "seed": seed,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "machine": {
            "system": platform.platform(),
            "processors": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        },
        "frozen_pass": engine,
    }
