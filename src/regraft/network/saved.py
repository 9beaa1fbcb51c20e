"""A graft on disk: model.safetensors and config.json, no pickle; of a frozen network its engine's graph too.

Where the graft is a whole timm network with one linear layer in place of its classifier, the file has
timm's own names, so that ``timm.create_model("local-dir:...", pretrained=True)`` opens it too.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regraft.errors import RunError, reason_of
from regraft.network.backbone import Backbone
from regraft.network.config import FORMAT, Config, HeadShape, read_config, write_config
from regraft.network.cuts import POOLINGS, find_cut
from regraft.network.engine import FLOAT32, PRECISIONS, Engine, best_engine, device_name, pytorch_engine
from regraft.network.graft import Graft
from regraft.network.head import Head
from regraft.network.preprocessing import Preprocessing
from regraft.network.saved_state import State, filled, read_state, write_state
from regraft.strict_json import Malformed

if TYPE_CHECKING:
    from torch import nn

    from regraft.network.surgery import Grafted

AGREEMENT = 0.001  # of probabilities by the graph and by torch
MODEL, CONFIG, GRAPH = "model.safetensors", "config.json", "openvino.xml"


def save(
    graft: Graft,
    classes: Sequence[str],
    preprocessing: Preprocessing,
    strategy: str,
    folder: Path,
    engine: str = "",
    rendering: Mapping[str, Any] | None = None,
    temperature: float = 1.0,
    conformal_threshold: float | None = None,
) -> None:
    """Write ``graft`` to ``folder``, which must not exist; with its graph where ``engine`` is OpenVINO's.

    ``rendering``: how files become the 8-bit RGB images that ``preprocessing`` takes, as plain data. ``temperature``:
    that the head's logits have been divided by; ``conformal_threshold``: from which probability on a class is in a set.
    """
    folder.mkdir(parents=True)
    head, classifier = graft.head, graft.timm_classifier
    named = {f"body.{name}": value for name, value in graft.body_state.items()}
    for layer, (weights, biases) in enumerate(zip(head.weights, head.biases, strict=True)):
        named |= {f"head.{2 * layer}.weight": weights, f"head.{2 * layer}.bias": biases}  # a ReLU lies between two
    names = {name: timm_name(name, classifier) for name in named} if classifier else {}
    state = {names.get(name, name): np.asarray(value, order="C") for name, value in named.items()}
    write_state(folder / MODEL, state)
    with_graph = engine in PRECISIONS and keep_graph(graft, folder)
    config = Config(
        format=FORMAT,
        strategy=strategy,
        architecture=graft.backbone.architecture,
        cuts=tuple(cut.name for cut in graft.cuts),
        pooling=graft.pooling,
        traced_at=preprocessing.size,
        head=HeadShape(len(head.weights), head.weights[0].shape[1], head.weights[0].shape[0]),
        preprocessing=preprocessing,
        names={value: key for key, value in names.items()},
        whole=graft.complete,
        rendering=dict(rendering) if rendering else None,
        graph_of=hash_of_file(folder / MODEL) if with_graph else None,
        temperature=temperature,
        conformal_threshold=conformal_threshold,
    )
    write_config(folder / CONFIG, list(classes), config, pretrained_cfg(len(classes), preprocessing))


def timm_name(name: str, classifier: str) -> str:
    """Timm's name for one of ours."""
    return name.removeprefix("body.") if name.startswith("body.") else name.replace("head.0", classifier)


def keep_graph(graft: Graft, folder: Path) -> bool:
    """Write the graph that OpenVINO runs beside the model; whether that could be done."""
    from regraft.network import openvino_graph

    with suppress(Exception):  # an operation that OpenVINO lacks: its errors share no kind
        graph, path = openvino_graph.graph_of_graft(graft), folder / GRAPH
        openvino_graph.keep(graph, path, hash_of_file(folder / MODEL))
        return True
    return False


def hash_of_file(path: Path) -> str:
    """A hash of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "blake2b").hexdigest()


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


@dataclass(frozen=True)
class Saved:
    """A graft read back: ready to predict. The torch network is built when ``module`` is first asked for."""

    folder: Path
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    strategy: str
    config: Config

    @cached_property
    def graft(self) -> Graft:
        """Its parts; RunError where they are damaged."""
        try:
            own, architecture = self.config, self.config.architecture
            state = read_state(self.folder / MODEL, own.names)
            head = head_of_state(state, own.head.layers)
            architecture.check_holds(state.body)
            backbone = Backbone(
                str(self.folder), architecture, lambda: filled(architecture, state.body), self.preprocessing
            )
            cuts = tuple(find_cut(backbone.traced.cuts, name) for name in own.cuts)
            graft = Graft(backbone, cuts, head, own.pooling)
            check_fits(graft, len(self.classes))
            missing = graft.module.body.state_dict().keys() - state.body.keys()
        except Exception as error:  # safetensors and torch each raise their own kinds
            raise damaged(self.folder, error) from None
        if missing:
            raise damaged(self.folder, ValueError(f"{sorted(missing)[0]} is missing"))
        return graft

    def __getstate__(self) -> dict[str, Any]:
        """All but the graft, which is read again from the folder where it is unpickled."""
        return {name: value for name, value in vars(self).items() if name != "graft"}

    @property
    def rendering(self) -> dict[str, Any] | None:
        """What ``save`` was given; None of a run that did not measure its images."""
        return self.config.rendering

    @property
    def module(self) -> "Grafted":
        """Images (n, 3, size, size), as ``preprocessing`` makes them -> logits (n, classes)."""
        return self.graft.module

    def engine(self, device: str, features: bool = False) -> Engine:
        """What runs it on ``device``: of a frozen network OpenVINO on CPUs, the graph from the run or made anew.

        In float32, so that it answers as the torch network does: probabilities to within AGREEMENT. With ``features``
        what the head takes comes after the logits.
        """
        place = device_name(device)
        if self.config.graph_of and best_engine(place) in PRECISIONS:
            from regraft.network import openvino_graph
            from regraft.network.engine import openvino_engine

            with suppress(Exception):  # damaged in ways that share no kind; torch answers then
                weights, path = hash_of_file(self.folder / MODEL), self.folder / GRAPH
                if self.config.graph_of != weights:
                    raise ValueError
                if not openvino_graph.is_sealed(path, weights):
                    keep_graph(self.graft, self.folder)
                if openvino_graph.is_sealed(path, weights):
                    graph = openvino_graph.read(path)
                    graph = openvino_graph.with_features(graph, self.config.head.layers) if features else graph
                    return openvino_engine(graph, FLOAT32)
        network: nn.Module = self.module
        if features:
            from regraft.network.surgery import WithFeatures

            network = WithFeatures(self.module)
        return pytorch_engine(network, self.preprocessing, place)


def head_of_state(state: State, layers: int) -> Head:
    """The head among a model's weights; KeyError where it is not there."""
    names = [f"head.{2 * layer}" for layer in range(layers)]
    weights, biases = (tuple(state.head[f"{name}.{part}"] for name in names) for part in ("weight", "bias"))
    return Head(weights, biases)


def load(folder: Path) -> Saved:
    """Read what ``save`` wrote; RunError where it is missing or damaged."""
    try:
        classes, config = read_config(folder / CONFIG)
        (folder / MODEL).stat()
        return Saved(folder, classes, config.preprocessing, config.strategy, config)
    except FileNotFoundError as error:
        missing = error.filename
        raise RunError(f"{folder.parent} holds no finished run: {missing} is missing; train one first") from None
    except Exception as error:  # as above
        raise damaged(folder, error) from None


def check_fits(graft: Graft, classes: int) -> None:
    """Raise Malformed where the head does not take what the cuts give, or has other classes."""
    check_head(graft.head, classes, sum(cut.channels for cut in graft.cuts) * len(POOLINGS[graft.pooling]))


def check_head(head: Head, classes: int, inputs: int | None = None) -> None:
    """Raise Malformed where a head's layers do not fit each other, its ``inputs`` or ``classes``."""
    inputs = head.weights[0].shape[-1] if inputs is None else inputs
    for weights, biases in zip(head.weights, head.biases, strict=True):
        if weights.ndim != 2 or weights.shape[1] != inputs or biases.shape != weights.shape[:1]:  # noqa: PLR2004
            raise Malformed(f"the head has weights of the shape {weights.shape} for {inputs} inputs")
        inputs = len(weights)
    if inputs != classes:
        raise Malformed(f"the head has {inputs} outputs, and there are {classes} classes")


def damaged(folder: Path, error: Exception) -> RunError:
    """The error for a model that cannot be read."""
    why = reason_of(error)[:160]
    return RunError(f"the model in {folder} is damaged or from another version: {why}; train it again")
