"""A model's config.json: what it says, and whether it is what was written.

What timm reads in it stands at the top, what regraft reads under "regraft".
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from regraft.network.architecture import Architecture
from regraft.network.cuts import POOLINGS
from regraft.network.preprocessing import Preprocessing, check_preprocessing
from regraft.strict_json import Malformed, build, checksum_of, read_json

FORMAT = 3  # 1: without a graph; 2: without checksums
CHECKSUM = "checksum"  # of all the rest


@dataclass(frozen=True)
class HeadShape:
    """The new layers."""

    layers: int  # one or two
    inputs: int
    hidden: int


@dataclass(frozen=True)
class Config:
    """What regraft keeps of a graft beside its weights."""

    format: int
    strategy: str
    architecture: Architecture
    cuts: tuple[str, ...]
    pooling: str  # a name in POOLINGS
    traced_at: int  # pixels a side
    head: HeadShape
    preprocessing: Preprocessing
    names: dict[str, str]  # regraft's names of weights by those in the file, where they differ
    whole: bool | None = None  # whether all of the network is there but its classifier
    rendering: dict[str, Any] | None = None  # how files become 8-bit RGB images
    graph_of: str | None = None  # the hash of the file of weights that the graph beside it was made of
    temperature: float = 1.0  # that the logits were divided by after training; the weights have it in them
    conformal_threshold: float | None = None  # from which probability on a class is in a set; None of older runs

    @property
    def complete(self) -> bool:
        """Whether all of the network is there but its classifier."""
        return self.strategy != "early-layers" if self.whole is None else self.whole


def write_config(path: Path, classes: list[str], config: Config, pretrained_cfg: dict[str, Any]) -> None:
    """Write config.json, with a checksum of what it says."""
    values: dict[str, Any] = {
        "architecture": config.architecture.name,
        "num_classes": len(classes),
        "label_names": classes,
        "model_args": config.architecture.args,
        "pretrained_cfg": pretrained_cfg,
        "regraft": asdict(config),
    }
    values["regraft"][CHECKSUM] = checksum_of(json.loads(json.dumps(values)))
    path.write_text(json.dumps(values, indent=2) + "\n")


def read_config(path: Path) -> tuple[tuple[str, ...], Config]:
    """The classes and the rest; Malformed, BackboneError or OSError where it is no such file or was changed since."""
    values = read_json(path)
    if not isinstance(values, dict) or not isinstance(values.get("regraft"), dict):
        raise Malformed("it has no part 'regraft'")
    own = values["regraft"]
    checksum = own.pop(CHECKSUM, None)
    config = build(Config, own, "regraft")
    if checksum is not None and checksum != checksum_of(values):
        raise Malformed(f"it was changed after it was written; if by you, take '{CHECKSUM}' out of it")
    check_preprocessing(config.preprocessing)
    if config.pooling not in POOLINGS or config.head.layers not in {1, 2} or not config.cuts:
        raise Malformed("it has no cut, or a pooling or a head that is unknown")
    if not config.temperature > 0 or not 0 <= (config.conformal_threshold or 0) <= 1:
        raise Malformed("its temperature is not above 0, or its conformal_threshold is no probability")
    classes = build(tuple[str, ...], values.get("label_names"), "label_names")
    if not classes or len(set(classes)) < len(classes):
        raise Malformed("label_names has no class, or one twice")
    return classes, config
