"""A backbone by its name: the embedded one, one for teaching, a finished run, timm's and torchvision's."""

import hashlib
import json
from dataclasses import replace
from functools import cache
from importlib.resources import as_file, files
from pathlib import Path
from typing import TYPE_CHECKING

from regraft.errors import BackboneError, reason_of
from regraft.network.architecture import Architecture
from regraft.network.backbone import RANDOM, Backbone
from regraft.network.config import read_config
from regraft.network.description import keep_description, path_of, read_description
from regraft.network.hub import TORCHVISION
from regraft.network.origin import of_file, origin_of_run, published
from regraft.network.preprocessing import Preprocessing, from_dict
from regraft.network.saved_state import filled, read_state
from regraft.recipe import DEMONSTRATION, EMBEDDED

if TYPE_CHECKING:
    from torch import nn

    from regraft.network.libraries import Pretrained

CONFIG, DESCRIPTION, STEPS = "config.json", "description.json", "steps.json"  # of the embedded network
STRIDE = 32  # pixels of the input to one position at the embedded network's end
UNTRAINED = "the demonstration network has random weights; train it, and use that run as a backbone"


def load(
    name: str, weights: str | None = None, image_size: int | None = None, weights_key: str | None = None
) -> Backbone:
    """The backbone ``name`` with its pre-trained weights, from the file ``weights`` where given.

    ``weights_key``: which state dict of that file, where it has several.
    It is built at once unless it was before: then its description is in the cache. Raises BackboneError for an
    unknown name, weights that are not on this machine and cannot be fetched, and weights of another architecture.
    """
    if weights_key and not weights:
        raise BackboneError(f"--weights-key {weights_key} goes with --weights FILE; give that, or leave it out")
    if name == EMBEDDED and weights:
        raise BackboneError("--weights goes with a named backbone; name one with --backbone, or leave --weights out")
    if name == EMBEDDED:
        return embedded_at(image_size)
    if name == DEMONSTRATION:
        return demonstration_backbone(weights, weights_key).resized_to(image_size)
    if is_run(name):
        if weights:
            raise BackboneError(f"{name} is a run, which has its own weights; leave --weights out")
        return run_backbone(Path(name)).resized_to(image_size)
    return named(name, weights, image_size, weights_key)


def embedded_at(size: int | None) -> Backbone:
    """The embedded network for inputs of ``size`` pixels (None: its own).

    Its layers halve their input five times, so that at a larger multiple of STRIDE the cuts are the same, and all but
    the pooled end grows with the area.
    """
    own = embedded()
    resized = own.resized_to(size)
    if resized is own:
        return own
    known, side = own.description, resized.preprocessing.size
    if side % STRIDE or side < known.preprocessing.size:
        return described(resized)
    area, pooled = (side / known.preprocessing.size) ** 2, 1 - known.cuts[-1].share
    growth = area * (1 - pooled) + pooled
    cuts = tuple(replace(cut, share=cut.share * area / growth) for cut in known.cuts)
    return resized.known_as(
        replace(
            known,
            preprocessing=resized.preprocessing,
            cuts=cuts,
            multiply_adds=round(known.multiply_adds * growth),
            activations=round(known.activations * area),
        )
    )


def described(backbone: Backbone) -> Backbone:
    """The same with its description from the cache, or newly made and kept there; BackboneError if it can't be cut."""
    place = path_of(backbone.name, backbone.weights, backbone.preprocessing.size)
    if known := read_description(place):
        return backbone.known_as(known.description)
    keep_description(place, backbone.description, backbone.weights, as_is=True)
    return backbone


def named(name: str, weights: str | None, image_size: int | None, key: str | None) -> Backbone:
    """A network of timm or torchvision."""
    file = Path(weights) if weights else None
    place = path_of(name, file, image_size, key)
    known = read_description(place)
    if known and known.weights and known.weights.is_file():
        return Backbone(
            name,
            known.description.architecture,
            lambda: pretrained(name, weights, key).model,
            known.description.preprocessing,
            known.description.source_classes,
            weights=known.weights if known.as_is else None,
            origin=known.origin,
        ).known_as(known.description)
    found = pretrained(name, weights, key)
    library = "torchvision" if name.startswith(TORCHVISION) else "timm"
    backbone = Backbone(
        name,
        Architecture(library, name.removeprefix(TORCHVISION)),
        lambda: found.model,
        found.preprocessing.resized_to(image_size),
        found.classes,
        found.notes,
        origin=found.origin,
    )
    keep_description(place, backbone.description, found.file, found.as_is, found.origin)
    return backbone


def pretrained(name: str, weights: str | None, key: str | None) -> "Pretrained":
    """The network that timm or torchvision builds, with weights from the file or from where they find them."""
    from regraft.network import libraries

    make = libraries.from_torchvision if name.startswith(TORCHVISION) else libraries.from_timm
    return make(name, weights, key)


@cache
def embedded() -> Backbone:
    """The small network inside the package, the same object each time: nobody trains it in place."""
    with as_file(files("regraft.network") / "embedded") as folder:
        config, weights = json.loads((folder / CONFIG).read_text()), folder / "model.safetensors"
        if hashlib.sha256(weights.read_bytes()).hexdigest() != config["sha256"]:
            raise BackboneError("the embedded weights are damaged (their SHA-256 differs); install regraft anew")
    architecture = Architecture("timm", config["architecture"], config["model_args"])

    def build() -> "nn.Module":
        from safetensors.torch import load_file

        model, state = architecture.build(len(config["classes"])), load_file(weights)
        own = model.state_dict()
        model.load_state_dict({key: value.to(own[key].dtype) for key, value in state.items()})
        return model

    preprocessing, classes = from_dict(config["preprocessing"]), tuple(config["classes"])
    origin = published(f"regraft's embedded network ({architecture.name})", config.get("license"), "its model card")
    own = Backbone(
        EMBEDDED, architecture, build, preprocessing, classes, weights=weights, steps=folder / STEPS, origin=origin
    )
    shipped = read_description(folder / DESCRIPTION, shipped=True)
    return own.known_as(shipped.description) if shipped else own


def demonstration_backbone(weights: str | None, key: str | None) -> Backbone:
    """The network for teaching, with random weights unless a file has some."""
    from regraft.network import demonstration
    from regraft.network.weights import load_weights

    model = demonstration.build()
    preprocessing = Preprocessing(demonstration.SIZE, crop_share=1.0, interpolation="bilinear")
    notes = load_weights(model, Path(weights), DEMONSTRATION, "fc3", key).notes if weights else (UNTRAINED,)
    architecture = Architecture("regraft", DEMONSTRATION)
    origin = of_file(weights) if weights else RANDOM
    return Backbone(DEMONSTRATION, architecture, lambda: model, preprocessing, loading_notes=notes, origin=origin)


def is_run(name: str) -> bool:
    """Whether a backbone's name is the folder of a finished run."""
    return (Path(name) / "model" / "config.json").is_file()


def run_backbone(run: Path) -> Backbone:
    """The network of a finished run, without its head; up to its last cut where it kept the early layers only."""
    try:
        _, config = read_config(run / "model" / "config.json")
        architecture, body = config.architecture, read_state(run / "model" / "model.safetensors", config.names).body
        architecture.check_holds(body)
        model = filled(architecture, body)
        backbone = Backbone(str(run), architecture, lambda: model, config.preprocessing, origin=origin_of_run(run))
        backbone = backbone if config.complete else backbone.ending_at(config.cuts)
        last = config.cuts if config.complete else tuple(body_names(backbone))
        missing = model.state_dict().keys() - body.keys()
        lacks = body.keys() - model.state_dict().keys() or any(key.startswith(last) for key in missing)
    except Exception as error:  # JSON, timm and torch each raise their own kinds
        why = reason_of(error)[:160]
        raise BackboneError(f"{run} holds no run that can be started from: {why}; train it again") from None
    if lacks:
        raise BackboneError(f"the weights in {run} do not fit their network {architecture.name}; train it again")
    return backbone


def body_names(backbone: Backbone) -> list[str]:
    """The names of every parameter and buffer up to the last cut."""
    from regraft.network.surgery import pooled_network

    return list(pooled_network(backbone.model, backbone.traced, backbone.traced.cuts[-1:]).state_dict())
