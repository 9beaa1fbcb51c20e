"""A network -> the files that ship inside the package, with source statistics at every cut."""

import dataclasses
import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn.functional import interpolate

from pretraining.augment import MEAN, STD, normalise
from pretraining.train import ARCHITECTURE, ARCHITECTURE_ARGS, build
from regraft.network import backbone as backbones
from regraft.network import source
from regraft.network.backbone import Architecture, Backbone
from regraft.network.cuts import Traced, trace
from regraft.network.preprocessing import Preprocessing
from regraft.network.surgery import pooled_network
from regraft.similarity import distance, rooted

STATISTICS_IMAGES = 4_000  # of the source, that are measured
SETTLING_IMAGES = 12_000  # of the source, that batch norm's statistics are taken from, and how many at once
SETTLING_BATCH = 250


def export(
    packs: Sequence[Path], checkpoint: Path, folder: Path, size: int, names: Path | None, settle_at: Sequence[int]
) -> None:
    """Write the files for the network that ``train`` made; ``names`` gives each class folder's name in words.

    The other arguments are those of ``write``.
    """
    state = torch.load(checkpoint, "cpu", weights_only=True)
    words = read_names(names) if names else {}
    classes: list[str] = state["classes"]
    model = build(len(classes))
    model.load_state_dict(
        {key.removeprefix("network."): v for key, v in state["student"].items() if key.startswith("network.")}
    )
    mean, std = (tuple(round(float(value), 3) for value in values.flatten()) for values in (MEAN, STD))
    trained = Backbone(
        "embedded",
        Architecture("timm", ARCHITECTURE, ARCHITECTURE_ARGS),
        model,
        Preprocessing(size, crop_share=1.0, interpolation="bicubic", mean=mean, std=std),
        source_classes=tuple(words.get(name, name) for name in classes),
    )
    write(trained, packs, folder, settle_at, {"epochs": state["epoch"], **state["settings"]})


def adopt(packs: Sequence[Path], name: str, weights: str, folder: Path, size: int, settle_at: Sequence[int]) -> None:
    """Write the files for a network that others trained: timm's ``name`` with ``weights``, on whole pictures.

    The other arguments are those of ``write``.
    """
    given = backbones.load(name, weights, size)
    whole = dataclasses.replace(given.preprocessing, crop_share=1.0)
    write(dataclasses.replace(given, preprocessing=whole), packs, folder, settle_at, {"epochs": 0})


def write(
    backbone: Backbone, packs: Sequence[Path], folder: Path, settle_at: Sequence[int], training: Mapping[str, Any]
) -> None:
    """Write model.safetensors (half precision), statistics.safetensors and config.json to ``folder``.

    ``packs`` are the source and, where there were any, the photographs beside it; ``settle_at`` the sides in pixels at
    which batch norm's statistics are taken anew, none to keep those that the network has.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model, preprocessing = backbone.model, backbone.preprocessing
    if settle_at:
        settle(model, preprocessing, packs, settle_at)
    halves = {key: v.half().contiguous() if v.is_floating_point() else v for key, v in model.state_dict().items()}
    save_file(halves, folder / "model.safetensors")
    model.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in halves.items()})
    save_file(statistics(model, preprocessing, packs), folder / "statistics.safetensors")
    config: dict[str, Any] = {
        "architecture": backbone.architecture.name,
        "model_args": backbone.architecture.args,
        "classes": backbone.source_classes,
        "preprocessing": dataclasses.asdict(preprocessing),
        "training": {**training, "settled_at": list(settle_at)},
        "sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


@torch.no_grad()
def settle(model: torch.nn.Module, preprocessing: Preprocessing, packs: Sequence[Path], sizes: Sequence[int]) -> None:
    """Take batch norm's running statistics anew, from whole pictures at ``sizes`` pixels, in turn batch by batch.

    Training shows crops, in which things look larger than in the whole pictures that the network is used on (Touvron
    et al., 2019, "Fixing the train-test resolution discrepancy").
    """
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.reset_running_stats()
            module.momentum = None  # a plain average over the batches
    drawn = [draw(packed, SETTLING_IMAGES // len(packs)) for packed in packs]
    each = SETTLING_BATCH // len(packs)
    model.train()
    for turn, start in enumerate(range(0, max(map(len, drawn)), each)):
        size = sizes[turn % len(sizes)]
        parts = [images[start : start + each] for images in drawn if start < len(images)]
        model(torch.cat([resize(normalised(part, preprocessing), size) for part in parts]))
    model.eval()


def normalised(images: np.ndarray, preprocessing: Preprocessing) -> torch.Tensor:
    """(images, height, width, 3) uint8 -> (images, 3, height, width) float32, as the network wants them."""
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (preprocessing.mean, preprocessing.std))
    return normalise(torch.from_numpy(images), mean, std)


def draw(packed: Path, count: int) -> np.ndarray:
    """At most ``count`` of the pictures that were trained on, in random order: (images, side, side, 3) uint8."""
    images, held_out = np.load(packed / "images.npy", mmap_mode="r"), np.load(packed / "held_out.npy")
    drawn: np.ndarray = images[np.random.default_rng(0).permutation(np.flatnonzero(~held_out))[:count]]
    return drawn


def resize(images: torch.Tensor, side: int) -> torch.Tensor:
    """(images, 3, height, width) -> (images, 3, side, side), as the package does."""
    return interpolate(images, size=(side, side), mode="bicubic", antialias=side < images.shape[-1])


@torch.inference_mode()
def statistics(model: torch.nn.Module, preprocessing: Preprocessing, packs: Sequence[Path]) -> dict[str, torch.Tensor]:
    """Mean and standard deviation of every channel at every cut, over training images as they are and shrunk.

    Each of the ``packs`` gives the same number to every level that its images are large enough for; single images'
    places are those of the largest ones at every level. The keys are those of regraft.source.
    """
    chosen = sorted((draw(packed, STATISTICS_IMAGES) for packed in packs), key=lambda images: -images.shape[1])
    size = preprocessing.size
    side = min(max(images.shape[1] for images in chosen), size)
    found = {source.SIDE: torch.tensor(float(side)), source.SIZE: torch.tensor(float(size))}
    single: dict[int | None, list[np.ndarray]] = {}
    traced = trace(model, size)
    cuts = [cut.name for cut in traced.cuts]
    largest = sum(len(images) for images in chosen if images.shape[1] >= side)
    for level in (None, *source.levels_below(side)):
        enough = [images for images in chosen if images.shape[1] >= (level or side)]
        moments, features = statistics_at(model, traced, preprocessing, enough, level)
        found |= moments
        single[level] = [part[:largest] for part in features]
        for cut, part in zip(cuts, single[level], strict=True):
            found |= rooted.moments(cut, part, level)
    return found | distance.tensors(cuts, single, found)


def statistics_at(
    model: torch.nn.Module,
    traced: Traced,
    preprocessing: Preprocessing,
    packs: Sequence[np.ndarray],
    level: int | None,
) -> tuple[dict[str, torch.Tensor], list[np.ndarray]]:
    """The same at one level, of ``packs`` of (images, side, side, 3) uint8, and the features at each cut."""
    size = preprocessing.size
    network = pooled_network(model, traced, traced.cuts, ("mean", "rms"))
    totals: list[torch.Tensor] = []
    single: list[list[np.ndarray]] = []
    images = [part for images in packs for part in np.array_split(images, math.ceil(len(images) / 100))]
    for part in images:
        batch = normalised(part, preprocessing)
        outputs = network(resize(resize(batch, level) if level else batch, size))
        means, squares = outputs[: len(traced.cuts)], [rms.square() for rms in outputs[len(traced.cuts) :]]
        sums = [value.double().sum(0) for value in (*means, *squares)]
        totals = [a + b for a, b in zip(totals, sums, strict=True)] if totals else sums
        single.append([value.numpy() for value in means])
    count = sum(map(len, images))
    found: dict[str, torch.Tensor] = {}
    for index, cut in enumerate(traced.cuts):
        mean = totals[index] / count
        square = totals[index + len(traced.cuts)] / count
        found[source.name_of(cut.name, "mean", level)] = mean.float()
        found[source.name_of(cut.name, "std", level)] = (square - mean.square()).clamp(min=0).sqrt().float()
    return found, [np.concatenate(parts) for parts in zip(*single, strict=True)]


def read_names(path: Path) -> dict[str, str]:
    """Lines of "folder<TAB>words" -> folder: the first of the words."""
    lines = (line.split("\t", 1) for line in path.read_text().splitlines() if "\t" in line)
    return {folder: words.split(",")[0].strip() for folder, words in lines}
