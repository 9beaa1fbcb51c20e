"""Fit the classifier that regraft.likeness applies: images of the reference sets, similar ones against the others.

Ridge regression on the kind of the set, 1 or -1. Every set weighs as much as the others of its kind, and both kinds
as much; within a set so do its images as they are and each way of disturbing them.
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file

from disturb import TAUGHT, VERSIONS, read
from regraft.data.readers.memory import from_arrays
from regraft.features.features import Features, extract
from regraft.network import source
from regraft.network.backbone import Backbone
from regraft.network.cuts import Traced
from regraft.similarity.domain_classifier import OFFSET, TENTHS, WEIGHTS, marks
from regraft.similarity.score import jackknife
from regraft.similarity.shift import over_groups, short_side

MOST, DISTURBED = 150, 60  # images of a set that are shown as they are, and disturbed
PENALTY = 5e-4  # of the ridge; both kinds together weigh 2
PACKAGE = Path(__file__).parents[1] / "src" / "regraft"


@dataclass(frozen=True)
class Seen:
    """What the classifier sees of a set."""

    similar: bool
    versions: list[np.ndarray]  # (images, channels) each: as they are, and each way of disturbing them
    whole: np.ndarray  # (channels,): the mean over all of its images
    few: np.ndarray  # (images, channels) of the thinned set

    def design(self) -> tuple[np.ndarray, np.ndarray]:
        """Weighted rows (images, channels + 1), the last for the offset, and targets (images,)."""
        shares = [np.full(len(part), 1 / len(part) / len(self.versions)) for part in self.versions]
        roots = np.sqrt(np.concatenate(shares))
        rows = np.column_stack([np.concatenate(self.versions), np.ones(len(roots))]) * roots[:, None]
        return rows, roots * (1 if self.similar else -1)


def keep(path: Path, row: dict[str, Any], seen: Seen) -> None:
    """Write a set's row and what the classifier sees of it."""
    parts = {f"version{index}": part for index, part in enumerate(seen.versions)}
    np.savez(path, row=json.dumps(row), similar=seen.similar, whole=seen.whole, few=seen.few, **parts)


def kept(path: Path) -> tuple[dict[str, Any], Seen]:
    """What ``keep`` wrote."""
    with np.load(path) as found:
        versions = [found[f"version{index}"] for index in range(len(TAUGHT) + 1)]
        return json.loads(str(found["row"])), Seen(bool(found["similar"]), versions, found["whole"], found["few"])


def seen_of(
    root: Path, backbone: Backbone, traced: Traced, features: Features, rows: np.ndarray, few: np.ndarray
) -> Seen:
    """What the classifier sees of the set at ``root``, whose training images are ``rows``."""
    whole = marks_of(features, rows, backbone)
    draw = np.random.default_rng(0).permutation(len(rows))[:MOST]
    pictures, labels = read(root, DISTURBED)
    versions = [whole[draw]]
    for name in TAUGHT:
        changed = extract(from_arrays([VERSIONS[name](each) for each in pictures], labels), backbone, traced)
        versions.append(marks_of(changed, np.arange(len(changed.images.files)), backbone))
    return Seen(
        root.parent.name == "similar",
        versions,
        whole.mean(0),
        marks_of(features, few, backbone),
    )


def marks_of(features: Features, rows: np.ndarray, backbone: Backbone) -> np.ndarray:
    """What the classifier sees of the images ``rows``, against source images as small: (images, channels)."""
    known = backbone.statistics or {}
    found = marks(features, rows, known, source.level_for(known, short_side(features, rows)))
    if found is None:
        raise SystemExit(f"too little is known of the source of {backbone.name}")
    return found.astype(np.float32)


class Ridge:
    """The classifier's normal equations, from which single sets can be left out."""

    def __init__(self, sets: Sequence[Seen]) -> None:
        self.sets = sets
        kinds = [seen.similar for seen in sets]
        self.shares = [1 / kinds.count(kind) for kind in kinds]
        parts = [self.part(index) for index in range(len(sets))]
        self.gram, self.moment = sum(gram for gram, _ in parts), sum(moment for _, moment in parts)

    def part(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        """What a set adds: (channels + 1, channels + 1) and (channels + 1,)."""
        rows, targets = self.sets[index].design()
        return self.shares[index] * (rows.T @ rows), self.shares[index] * (rows.T @ targets)

    def solve(self, without: Collection[int] = ()) -> tuple[np.ndarray, float]:
        """Weights (channels,) and offset, with some sets left out or with none."""
        gram, moment = self.gram, self.moment
        for index in without:
            own = self.part(index)
            gram, moment = gram - own[0], moment - own[1]
        penalty = np.full(len(gram), PENALTY)
        penalty[-1] = 0
        found = np.linalg.solve(gram + np.diag(penalty), moment)
        return found[:-1], float(found[-1])


def words(seen: Seen, weights: np.ndarray, offset: float) -> tuple[float, float, float]:
    """The likeness of a set, of the thinned set, and the latter's standard error."""
    few = over_groups(seen.few @ weights + offset, np.mean)
    return float(seen.whole @ weights) + offset, few.value, jackknife(few.left_out)


def taken_wrongly(seen: Seen, weights: np.ndarray, offset: float) -> list[str]:
    """In which versions the likeness of a set lies on the other side of nought."""
    words = [float((part @ weights).mean()) + offset for part in seen.versions]
    return [name for name, word in zip(("as it is", *TAUGHT), words, strict=True) if (word > 0) != seen.similar]


def tenths_of(names: Sequence[str]) -> list[int]:
    """Which tenth of the reference sets each of ``names`` is in, 0 to TENTHS - 1: in turn, by their sorted names."""
    ordered = sorted(set(names))
    return [ordered.index(name) % TENTHS for name in names]


def write(backbone: Backbone, ridge: Ridge, names: Sequence[str]) -> None:
    """Add the classifier of the sets ``names``, and those without a tenth, to the network's file in the package."""
    tenths = tenths_of(names)
    left_out = [[index for index, own in enumerate(tenths) if own == tenth] for tenth in range(TENTHS)]
    found = [ridge.solve(without) for without in ([], *left_out)]
    own = PACKAGE / "statistics" / f"{backbone.fingerprint()}.safetensors"
    path = PACKAGE / "embedded" / "statistics.safetensors" if backbone.name == "embedded" else own
    file = load_file(path)
    file[WEIGHTS] = torch.from_numpy(np.stack([weights for weights, _ in found])).float()
    file[OFFSET] = torch.tensor([offset for _, offset in found]).float()
    save_file(file, path)
