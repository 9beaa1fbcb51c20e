"""A backbone by its name: the embedded one, one for teaching, a finished run, timm's and torchvision's."""

import hashlib
import json
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path

from safetensors.torch import load_file

from regraft.errors import BackboneError, reason_of
from regraft.network import demonstration
from regraft.network.backbone import Architecture, Backbone
from regraft.network.hub import TORCHVISION
from regraft.network.libraries import from_timm, from_torchvision
from regraft.network.preprocessing import Preprocessing, from_dict
from regraft.network.weights import load_weights, read_weights
from regraft.recipe import DEMONSTRATION, EMBEDDED

RANDOM = "the demonstration network has random weights; train it, and use that run as a backbone"


def load(name: str, weights: str | None = None, image_size: int | None = None) -> Backbone:
    """The backbone ``name`` with its pre-trained weights, from the file ``weights`` where given.

    Raises BackboneError for an unknown name, weights that are not on this machine and cannot be
    fetched, and weights of another architecture.
    """
    if name == EMBEDDED and weights:
        raise BackboneError("--weights goes with a named backbone; name one with --backbone, or leave --weights out")
    if name == EMBEDDED:
        backbone = embedded()
    elif name == DEMONSTRATION:
        backbone = demonstration_backbone(weights)
    elif is_run(name):
        if weights:
            raise BackboneError(f"{name} is a run, which has its own weights; leave --weights out")
        backbone = run_backbone(Path(name))
    else:
        theirs = name.startswith(TORCHVISION)
        known = from_torchvision(name, weights) if theirs else from_timm(name, weights)
        architecture = Architecture("torchvision" if theirs else "timm", name.removeprefix(TORCHVISION))
        backbone = Backbone(name, architecture, known.model.eval(), known.preprocessing, known.classes, known.notes)
    return backbone.resized_to(image_size)


@cache
def embedded() -> Backbone:
    """The small network inside the package, the same object each time: nobody trains it in place."""
    with as_file(files("regraft.network") / "embedded") as folder:
        config = json.loads((folder / "config.json").read_text())
        data = (folder / "model.safetensors").read_bytes()
        if hashlib.sha256(data).hexdigest() != config["sha256"]:
            raise BackboneError("the embedded weights are damaged (their SHA-256 differs); install regraft anew")
        state = load_file(folder / "model.safetensors")
    architecture = Architecture("timm", config["architecture"], config["model_args"])
    model = architecture.build(len(config["classes"]))
    own = model.state_dict()
    model.load_state_dict({key: value.to(own[key].dtype) for key, value in state.items()})
    preprocessing = from_dict(config["preprocessing"])
    return Backbone(EMBEDDED, architecture, model.eval(), preprocessing, tuple(config["classes"]))


def demonstration_backbone(weights: str | None) -> Backbone:
    """The network for teaching, with random weights unless a file has some."""
    model = demonstration.build()
    preprocessing = Preprocessing(demonstration.SIZE, crop_share=1.0, interpolation="bilinear")
    notes = load_weights(model, Path(weights), DEMONSTRATION, "fc3") if weights else (RANDOM,)
    return Backbone(DEMONSTRATION, Architecture("regraft", DEMONSTRATION), model.eval(), preprocessing, notes=notes)


def is_run(name: str) -> bool:
    """Whether a backbone's name is the folder of a finished run."""
    return (Path(name) / "model" / "config.json").is_file()


def run_backbone(run: Path) -> Backbone:
    """The network of a finished run, without its head; BackboneError where it kept the early layers only."""
    weights = read_weights(run / "model" / "model.safetensors")
    try:
        own = json.loads((run / "model" / "config.json").read_text())["regraft"]
        architecture, preprocessing = Architecture(**own["architecture"]), from_dict(own["preprocessing"])
        model = architecture.build()
        named = {own["names"].get(key, key): value for key, value in weights.items()}
        body = {key.removeprefix("body."): value for key, value in named.items() if key.startswith("body.")}
        missing, unexpected = model.load_state_dict(body, strict=False)
        kept_all = own.get("whole", own["strategy"] != "early-layers")
        lacks = bool(unexpected) or any(key.startswith(tuple(own["cuts"])) for key in missing)
    except Exception as error:  # JSON, timm and torch each raise their own kinds
        why = reason_of(error)[:120]
        raise BackboneError(f"{run} holds no run that can be started from: {why}; train it again") from None
    if not kept_all:
        raise BackboneError(f"{run} kept the early layers only; name a run of head, fine-tune or from-scratch")
    if lacks:
        raise BackboneError(f"the weights in {run} do not fit their network {architecture.name}; train it again")
    return Backbone(str(run), architecture, model.eval(), preprocessing)
