"""Fit the judge's classifier: images of the reference sets, photographs against everything else.

Ridge regression on the kind of the set, 1 or -1. Every set weighs as much as the others of its kind, and both kinds
as much; within a set so do its images as they are and each way of disturbing them.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

from regraft.data.decoding import Undecodable, decode
from regraft.data.find import find_images
from regraft.data.readers.memory import from_arrays
from regraft.data.split import subsample
from regraft.features.extract import extract
from regraft.features.features import Features
from regraft.network.load import embedded
from regraft.similarity.domain_classifier import TENTHS, shipped
from regraft.similarity.groups import over_groups
from regraft.similarity.score import jackknife

MOST, DISTURBED = 150, 60  # images of a set that are shown as they are, and disturbed
SIDE = 256  # pixels of the short side that disturbed images start from, at most
PENALTY = 5e-4  # of the ridge; both kinds together weigh 2
FILE = Path(__file__).parents[1] / "src" / "regraft" / "network" / "embedded" / "domain_classifier.safetensors"


def small(image: Image.Image) -> Image.Image:
    """Shrunk to 32 pixels, as a set of small images is."""
    return image.resize((32, 32), Image.Resampling.BOX) if min(image.size) > 32 else image


def far(image: Image.Image) -> Image.Image:
    """The image at half its size, before a plain ground of its mean colour."""
    ground = image.resize((1, 1), Image.Resampling.BOX).resize(image.size)
    half = image.resize((max(1, image.width // 2), max(1, image.height // 2)))
    ground.paste(half, (image.width // 4, image.height // 4))
    return ground


def near(image: Image.Image) -> Image.Image:
    """The middle quarter of the image."""
    left, top = image.width // 4, image.height // 4
    return image.crop((left, top, image.width - left, image.height - top))


DISTURBANCES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "grey": lambda image: image.convert("L"),
    "32 pixels": small,
    "objects half as large": far,
    "objects twice as large": near,
}


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
    with np.load(path) as file:
        versions = [file[f"version{index}"] for index in range(len(DISTURBANCES) + 1)]
        return json.loads(str(file["row"])), Seen(bool(file["similar"]), versions, file["whole"], file["few"])


def seen_of(root: Path, features: Features, rows: np.ndarray, few: np.ndarray) -> Seen:
    """What the classifier sees of the set at ``root``, whose training images are ``rows``."""
    whole = inputs_of(features, rows)
    draw = np.random.default_rng(0).permutation(len(rows))[:MOST]
    pictures, labels = read(root, DISTURBED)
    versions = [whole[draw]]
    for change in DISTURBANCES.values():
        changed = extract(from_arrays([change(picture) for picture in pictures], labels), embedded())
        versions.append(inputs_of(changed, np.arange(len(changed.images.files))))
    return Seen(root.parent.name == "similar", versions, whole.mean(0), inputs_of(features, few))


def inputs_of(features: Features, rows: np.ndarray) -> np.ndarray:
    """What the classifier sees of the images ``rows``: (images, channels)."""
    return shipped().inputs(features, rows, embedded().preprocessing.size).astype(np.float32)


def read(root: Path, most: int) -> tuple[list[Image.Image], list[str]]:
    """At most so many images of a set, of SIDE pixels at most, and their labels; without those that cannot be read."""
    images = find_images(root)
    pictures, labels = [], []
    for row in subsample(images.labels, most):
        file = images.files[row]
        try:
            image = decode(file.content.read())
        except Undecodable:
            continue
        scale = min(1, SIDE / min(image.size))
        pictures.append(image.resize((round(image.width * scale), round(image.height * scale))))
        labels.append(images.classes[file.label])
    return pictures, labels


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
        solution = np.linalg.solve(gram + np.diag(penalty), moment)
        return solution[:-1], float(solution[-1])


def opinions(seen: Seen, weights: np.ndarray, offset: float) -> tuple[float, float, float]:
    """What a classifier says of a set and of the thinned set, and the latter's standard error."""
    few = over_groups(seen.few @ weights + offset, np.mean)
    return float(seen.whole @ weights) + offset, few.value, jackknife(few.left_out)


def tenths_of(names: Sequence[str]) -> list[int]:
    """Which tenth of the reference sets each of ``names`` is in, 0 to TENTHS - 1: in turn, by their sorted names."""
    ordered = sorted(set(names))
    return [ordered.index(name) % TENTHS for name in names]


def write(ridge: Ridge, names: Sequence[str]) -> None:
    """Put the classifier of the sets ``names``, and those without a tenth, into the package's file."""
    tenths = tenths_of(names)
    left_out = [[index for index, own in enumerate(tenths) if own == tenth] for tenth in range(TENTHS)]
    solutions = [ridge.solve(without) for without in ([], *left_out)]
    file = load_file(FILE)
    file["weights"] = torch.from_numpy(np.stack([weights for weights, _ in solutions])).float()
    file["offset"] = torch.tensor([offset for _, offset in solutions]).float()
    save_file(file, FILE)
