"""What is known of a network without its weights: all that planning and a frozen head need.

A description is made once, from the built network, and kept in the cache: building a network takes the seconds that
torch and timm take to import, and its engine has the graph kept beside.
"""

import hashlib
import json
import uuid
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from regraft.cache_folder import cache_folder
from regraft.errors import BackboneError
from regraft.network.architecture import Architecture
from regraft.network.cuts import Cut
from regraft.network.origin import NOT_KNOWN, Origin
from regraft.network.preprocessing import Preprocessing, check_preprocessing
from regraft.strict_json import build, checksum_of, read_json

FORMAT = 3  # of a description; a change makes older ones unused
MAKERS = ("torch", "torchvision", "timm")  # whose versions a description hangs on


@dataclass(frozen=True)
class Description:
    """A network that was built, loaded and traced at the size of its preprocessing."""

    architecture: Architecture
    preprocessing: Preprocessing
    source_classes: tuple[str, ...]  # that the classifier tells apart, in order; () where it was left out
    notes: tuple[str, ...]  # what the user should know of how the weights were loaded and the cuts were found
    fingerprint: str  # a hash of the architecture and of every weight and buffer
    cuts: tuple[Cut, ...]
    stages: tuple[tuple[str, ...], ...]  # names of the parameters and buffers that each cut adds
    parameters: tuple[int, ...]  # that each cut adds
    all_parameters: int
    multiply_adds: int  # for one image, up to the output
    activations: int  # values that one image leaves behind in a forward pass
    classifier: str  # timm's name of the last layer, where a linear one on the last cut's averages can stand for it

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def description_from(values: Any) -> Description:
    """Read what ``Description.as_dict`` gave, through JSON; Malformed or BackboneError where it is no such thing."""
    read = build(Description, values, "description")
    check_preprocessing(read.preprocessing)
    return read


@dataclass(frozen=True)
class Written:
    """A file with a description."""

    description: Description
    weights: str | None
    as_is: bool = False
    origin: Origin = NOT_KNOWN
    place: str = ""  # the file's own name
    checksum: int | None = None  # of all the rest; those in the package have none


@dataclass(frozen=True)
class Kept:
    """A description in the cache, and the file that has the network's weights."""

    description: Description
    weights: Path | None
    as_is: bool  # whether that is a safetensors file with the network's own names and shapes
    origin: Origin  # of the weights


def path_of(name: str, weights: Path | None, image_size: int | None, weights_key: str | None = None) -> Path:
    """Where the description of a named network is kept; a file of weights is known by its place, size and time."""
    state = None
    if weights and weights.is_file():
        found = weights.stat()
        state = str(weights.resolve()), found.st_size, found.st_mtime_ns
    key = [FORMAT, name, str(weights), state, weights_key, image_size, [version(library) for library in MAKERS]]
    digest = hashlib.blake2b(json.dumps(key).encode(), digest_size=16).hexdigest()
    return cache_folder() / "networks" / f"{digest}.json"


def read_description(path: Path, shipped: bool = False) -> Kept | None:
    """What is in a file; None where there is none that is what was written there. One ``shipped`` has no checksum."""
    with suppress(OSError, ValueError, BackboneError):
        values = read_json(path)
        written = build(Written, values)
        values.pop("checksum", None)
        if shipped or (written.checksum, written.place) == (checksum_of(values), path.name):
            check_preprocessing(written.description.preprocessing)
            weights = Path(written.weights) if written.weights else None
            return Kept(written.description, weights, written.as_is, written.origin)
    return None


def keep_description(
    path: Path, description: Description, weights: Path | None, as_is: bool = False, origin: Origin = NOT_KNOWN
) -> None:
    """Write a description so that no reader finds half of it; it is worth no failure."""
    unfinished = path.with_name(f".{uuid.uuid4().hex}")
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        said = {"description": description.as_dict(), "weights": weights and str(weights), "as_is": as_is}
        said |= {"origin": asdict(origin)}
        values = json.loads(json.dumps(said | {"place": path.name}))
        unfinished.write_text(json.dumps(values | {"checksum": checksum_of(values)}))
        unfinished.replace(path)
