"""A grafted network on disk: model.safetensors and config.json, no pickle.

Where the graft is a whole timm network with one linear layer in place of its classifier, the file has
timm's own names, so that ``timm.create_model("local-dir:...", pretrained=True)`` opens it too.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import nn

from regraft.errors import RunError, reason_of
from regraft.network.backbone import Architecture, Backbone
from regraft.network.preprocessing import Preprocessing, from_dict
from regraft.network.surgery import Grafted, graft, new_head

AGREEMENT = 1e-4  # largest relative difference at which timm's network counts as the same


@dataclass(frozen=True)
class Saved:
    """A network read back: ready to predict."""

    model: Grafted
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    strategy: str


def save(
    model: Grafted, classes: Sequence[str], preprocessing: Preprocessing, strategy: str, folder: Path, complete: bool
) -> None:
    """Write ``model`` to ``folder``, which must not exist; ``complete``: it kept all but the source's classifier."""
    folder.mkdir(parents=True)
    state = {name: value.detach().cpu().contiguous() for name, value in model.state_dict().items()}
    linears = [module for module in model.head if isinstance(module, nn.Linear)]
    names = timm_names(model, state, preprocessing.size)
    save_file({names[key] if names else key: value for key, value in state.items()}, folder / "model.safetensors")
    config: dict[str, Any] = {
        "architecture": model.architecture.name,
        "num_classes": len(classes),
        "label_names": list(classes),
        "model_args": model.architecture.args,
        "pretrained_cfg": pretrained_cfg(len(classes), preprocessing),
        "regraft": {
            "format": 1,
            "strategy": strategy,
            "whole": complete,
            "architecture": asdict(model.architecture),
            "cuts": [cut.name for cut in model.cuts],
            "pooling": model.pooling,
            "traced_at": preprocessing.size,
            "head": {"layers": len(linears), "inputs": linears[0].in_features, "hidden": linears[0].out_features},
            "preprocessing": preprocessing.as_dict(),
            "names": {value: key for key, value in names.items()},
        },
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def pretrained_cfg(classes: int, preprocessing: Preprocessing) -> dict[str, Any]:
    """What timm wants to know of a network's input."""
    return {
        "num_classes": classes,
        "input_size": [3, preprocessing.size, preprocessing.size],
        "crop_pct": preprocessing.crop_share,
        "crop_mode": preprocessing.crop_mode,
        "interpolation": preprocessing.interpolation,
        "mean": list(preprocessing.mean),
        "std": list(preprocessing.std),
    }


def timm_names(model: Grafted, state: dict[str, torch.Tensor], size: int) -> dict[str, str]:
    """Our names -> timm's, or nothing where timm's network would not give the same logits (it is tried)."""
    if model.architecture.library != "timm" or len(model.head) != 1:
        return {}
    head = model.head[0]
    assert isinstance(head, nn.Linear)
    original = model.architecture.build(head.out_features).eval()
    classifier = getattr(original, "pretrained_cfg", {}).get("classifier")
    if not isinstance(classifier, str):
        return {}
    names = {key: key.removeprefix("body.") for key in state if key.startswith("body.")}
    names |= {"head.0.weight": f"{classifier}.weight", "head.0.bias": f"{classifier}.bias"}
    images = torch.rand(1, 3, size, size, generator=torch.Generator().manual_seed(0))
    try:
        original.load_state_dict({names[key]: value for key, value in state.items()})
        with torch.no_grad():
            theirs, ours = original(images), model.cpu()(images)
    except RuntimeError:  # other keys or shapes: not a whole network
        return {}
    same = torch.allclose(theirs, ours, rtol=AGREEMENT, atol=AGREEMENT * float(ours.abs().max()))
    return names if same else {}


def load(folder: Path) -> Saved:
    """Read a network that ``save`` wrote; RunError where it is missing or damaged."""
    try:
        config = json.loads((folder / "config.json").read_text())
        own = config["regraft"]
        state = load_file(folder / "model.safetensors")
        architecture = Architecture(**own["architecture"])
        preprocessing = from_dict(own["preprocessing"])
        backbone = Backbone(str(folder), architecture, architecture.build().eval(), preprocessing)
        with torch.random.fork_rng(devices=[]):  # layers draw weights when they are made
            head = new_head(outputs=config["num_classes"], initialiser="zeros_", **own["head"])
        cuts = [backbone.traced.cut_of(name) for name in own["cuts"]]
        model = graft(backbone, cuts, head, own["pooling"])
        model.load_state_dict({own["names"].get(key, key): value for key, value in state.items()})
        return Saved(model, tuple(config["label_names"]), preprocessing, own["strategy"])
    except FileNotFoundError as error:
        raise RunError(f"{folder.parent} holds no finished run: {error.filename} is missing; train one first") from None
    except Exception as error:  # JSON, safetensors and torch each raise their own kinds
        why = reason_of(error)[:120]
        raise RunError(f"the model in {folder} is damaged or from another version: {why}; train it again") from None
