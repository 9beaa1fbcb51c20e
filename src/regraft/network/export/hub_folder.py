"""A folder to upload to Hugging Face's hub: the model card, config.json and model.safetensors, no pickle, no image."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from regraft.network.export.format import Format, Runtime
from regraft.network.saved import CONFIG, MODEL, Saved, load


def write(saved: Saved, folder: Path, metadata: Mapping[str, str]) -> None:
    """Copy the run's model; ``metadata`` is in its config.json already, in other words."""
    del metadata
    for name in (CONFIG, MODEL):
        shutil.copyfile(saved.folder / name, folder / name)


def runtime(folder: Path) -> Runtime:
    """The network as regraft opens it, in torch."""
    import torch

    from regraft.network.export.deployed import Deployed

    saved = load(folder)
    model = Deployed(saved.module, saved.preprocessing)

    def run(pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return np.asarray(model(torch.from_numpy(pixels)).numpy())

    return run


FORMAT = Format("hub-folder", MODEL, write, runtime, with_card=True)
