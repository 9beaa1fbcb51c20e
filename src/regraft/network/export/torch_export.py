"""torch.export: a .pt2, which PyTorch runs without regraft, timm or torchvision."""

import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from regraft.network.export.format import Format, Runtime
from regraft.network.saved import Saved

FILE = "model.pt2"
METADATA = "regraft.json"  # the name of the extra file in it
RUN = """model = torch.export.load(HERE / "model.pt2").module()


def run(batch):
    with torch.inference_mode():
        return model(torch.from_numpy(batch)).numpy()
"""


def write(saved: Saved, folder: Path, metadata: Mapping[str, str]) -> None:
    """Write the program; ``metadata`` is one of its extra files."""
    import torch

    from regraft.network.export.deployed import program_of

    torch.export.save(program_of(saved), folder / FILE, extra_files={METADATA: json.dumps(dict(metadata))})


def runtime(folder: Path) -> Runtime:
    """The file as torch runs it."""
    import torch

    model = torch.export.load(folder / FILE).module()

    def run(pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return np.asarray(model(torch.from_numpy(pixels)).numpy())

    return run


FORMAT = Format("torch", FILE, write, runtime, ("torch",), "torch", imports=("import torch",), run=RUN.rstrip())
