"""Whether images are like those that a run was trained on: what it kept of them, and the eyes to see with."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regraft.errors import RegraftError
from regraft.features.familiar_file import FAMILIAR, HEAD, About, Kept, read_familiar
from regraft.network.engine import Engine, best_engine, compile_pass, device_name
from regraft.network.hub import is_at_hand
from regraft.network.load import load
from regraft.network.saved import Saved, damaged
from regraft.recipe.recipe import read_recipe

OLDER = (
    "the run keeps no training images to compare with, so known stays empty: it is of an earlier version,"
    " or had too few images held out"
)
NOT_HERE = "the pre-trained network of this run is not on this machine, so known stays empty"


@dataclass(frozen=True)
class Known:
    """What is known of one image."""

    known: bool
    nearest: tuple[str, ...]  # training images, the nearest first


@dataclass(frozen=True, eq=False)
class Familiarity:
    """What tells familiar images, or why nothing does."""

    kept: Kept | None = None
    eyes: Engine | None = None  # the pre-trained network; None: the features come with the logits
    note: str = ""

    def judged(self, pixels: np.ndarray, outputs: Sequence[np.ndarray]) -> list[Known | None]:
        """Of each image by its pixels, and its logits and features; None where that cannot be told."""
        if self.kept is None or (self.eyes is None and len(outputs) == 1):
            return [None] * len(pixels)
        names = self.kept.about.names
        features = self.eyes.run(pixels)[0] if self.eyes else outputs[1]
        judged = self.kept.familiar.judged(features, outputs[0])
        return [
            Known(known, tuple(names[place] for place in nearest))
            for known, nearest in zip(judged.known.tolist(), judged.nearest.tolist(), strict=True)
        ]


def familiarity_of(saved: Saved | None, run: Path | None, device: str) -> Familiarity:
    """What a run kept; RunError where that is damaged."""
    path = saved.folder / FAMILIAR if saved else None
    if saved is None or path is None or not path.is_file():
        return Familiarity(note=OLDER)
    try:
        kept = read_familiar(path)
    except Exception as error:  # safetensors raises its own kinds
        raise damaged(saved.folder, error) from None
    if kept.about.seen_by == HEAD:
        return Familiarity(kept)
    eyes = pretrained_eyes(saved, run, kept.about, device)
    return Familiarity(kept, eyes) if eyes else Familiarity(note=NOT_HERE)


def pretrained_eyes(saved: Saved, run: Path | None, about: About, device: str) -> Engine | None:
    """The network as it was before it was trained, up to its last cut; None where it is not at hand."""
    try:
        network = read_recipe((run or saved.folder.parent) / "recipe.json").network
        if not is_at_hand(network.backbone, network.weights):
            return None
        backbone = load(network.backbone, network.weights, network.image_size, network.weights_key)
        if backbone.fingerprint != about.fingerprint or backbone.preprocessing != saved.preprocessing:
            return None
        place = device_name(device)
        return compile_pass(backbone, [backbone.cut_of(about.cut)], ("mean",), False, place, best_engine(place))
    except (RegraftError, OSError):
        return None
