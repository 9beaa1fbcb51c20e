"""What a run was made with."""

import os
import platform
import sys
from importlib.metadata import version
from typing import Any

from regraft.data.address import without_secrets
from regraft.network.engine import gpu_may_be_here

LIBRARIES = ("regraft", "torch", "torchvision", "timm", "scikit-learn", "numpy", "pillow")


def environment(engine: str, seed: int) -> dict[str, Any]:
    """Versions, hardware, seed and command of this process."""
    return {
        "command": [*map(without_secrets, sys.argv)],
        "seed": seed,
        "versions": {"python": platform.python_version(), **{name: version(name) for name in LIBRARIES}},
        "machine": {
            "system": platform.platform(),
            "processors": os.cpu_count(),
            "gpu": gpu_name(),
        },
        "frozen_pass": engine,
    }


def gpu_name() -> str | None:
    """The first GPU that torch can use; torch is asked only where there may be one."""
    if not gpu_may_be_here():
        return None
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else None
