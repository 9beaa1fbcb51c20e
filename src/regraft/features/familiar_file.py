"""The training images that a run keeps to tell familiar images by, as a file beside its model: no pickle, sealed."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from regraft.features.familiar import Familiar, Measure
from regraft.network.saved_state import arrays_in, write_state
from regraft.strict_json import Malformed, build, parse_json

FAMILIAR, FORMAT = "known.safetensors", 1
HEAD, PRETRAINED = "head", "pretrained"  # whose eyes the images are seen with


@dataclass(frozen=True)
class About:
    """What the file says beside its arrays."""

    format: int
    seen_by: str  # HEAD: as the head sees them; PRETRAINED: by the network before it was trained
    cut: str  # of the pre-trained network
    fingerprint: str  # its own
    measure: Measure
    names: tuple[str, ...]  # of the images, as the data named them


@dataclass(frozen=True, eq=False)
class Kept:
    """The file, read."""

    about: About
    familiar: Familiar  # whose rows are places among the names


def write_familiar(path: Path, familiar: Familiar, about: About) -> None:
    """Write what a run keeps; ``about`` has the names in the order of the familiar images."""
    text = json.dumps(asdict(about)).encode()
    features = np.ascontiguousarray(familiar.features)
    write_state(path, {"features": features, "about": np.frombuffer(text, np.uint8)})


def read_familiar(path: Path) -> Kept:
    """What was written; Malformed, OSError or safetensors' own where it is missing, damaged or of another version."""
    state, sealed = arrays_in(path)
    if not sealed or not {"features", "about"} <= state.keys():
        raise Malformed(f"{path.name} was damaged after it was written")
    about = build(About, parse_json(state["about"].tobytes()), path.name)
    features = state["features"]
    fits = features.ndim == 2 and len(features) == len(about.names) > 0  # noqa: PLR2004
    if about.format != FORMAT or not fits or not about.measure.near >= 1:
        raise Malformed(f"{path.name} is of another version")
    return Kept(about, Familiar(features, np.arange(len(features)), about.measure))
