"""timm's local-dir form: config.json and model.safetensors, which timm.create_model("local-dir:...") opens."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from regraft.errors import RunError
from regraft.network.export.format import Format, Runtime
from regraft.network.saved import CONFIG, MODEL, Saved, pretrained_cfg

RUN = """model = timm.create_model(f"local-dir:{HERE}", pretrained=True).eval()
mean, std = (torch.tensor(model.pretrained_cfg[name]) for name in ("mean", "std"))


def run(batch):
    with torch.inference_mode():
        images = (torch.from_numpy(batch).float() / 255 - mean) / std
        return model(images.permute(0, 3, 1, 2)).softmax(1).numpy()
"""


def write(saved: Saved, folder: Path, metadata: Mapping[str, str]) -> None:
    """Copy the weights, which have timm's names already, and say in timm's words what they are of."""
    check_opens(saved)
    shutil.copyfile(saved.folder / MODEL, folder / MODEL)
    values = {
        "architecture": saved.config.architecture.name,
        "num_classes": len(saved.classes),
        "label_names": list(saved.classes),
        "model_args": saved.config.architecture.args,
        "pretrained_cfg": pretrained_cfg(len(saved.classes), saved.preprocessing),
        "regraft_export": dict(metadata),
    }
    (folder / CONFIG).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def check_opens(saved: Saved) -> None:
    """Raise RunError where the network is none of timm's with one linear layer in place of its classifier."""
    own = saved.config
    if own.architecture.library != "timm":
        why = f"{own.architecture.name} is {own.architecture.library}'s"
    elif not own.complete:
        why = f"it ends at {own.cuts[-1]}"
    elif len(own.cuts) > 1:
        why = f"it joins the features of {' and '.join(own.cuts)}"
    elif own.head.layers > 1:
        why = f"its head has {own.head.layers} layers"
    elif not own.names:
        why = "its head is no layer that timm has"
    else:
        return
    raise RunError(f"timm cannot open this network: {why}; export it to openvino, onnx or torch")


def runtime(folder: Path) -> Runtime:
    """The network as timm opens it."""
    import timm
    import torch

    model: Any = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    mean, std = (torch.tensor(model.pretrained_cfg[name]) for name in ("mean", "std"))

    def run(pixels: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            images = (torch.from_numpy(pixels).float() / 255 - mean) / std
            return np.asarray(model(images.permute(0, 3, 1, 2)).softmax(1).numpy())

    return run


FORMAT = Format(
    "timm", MODEL, write, runtime, ("timm", "torch"), "timm", imports=("import timm", "import torch"), run=RUN.rstrip()
)
