"""The trained checkpoint -> the files that ship inside the package, with source statistics at every cut."""

import hashlib
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch.nn.functional import interpolate

from pretraining.augment import MEAN, STD, normalise
from pretraining.train import ARCHITECTURE, ARCHITECTURE_ARGS, build
from regraft import source
from regraft.cuts import trace
from regraft.graft import pooled_network

STATISTICS_IMAGES = 4_000  # of the source, that are measured
SETTLING_IMAGES = 12_000  # of the source, that batch norm's statistics are taken from, and how many at once
SETTLING_BATCH = 250


def export(
    packs: Sequence[Path], checkpoint: Path, folder: Path, size: int, names: Path | None, settle_at: Sequence[int]
) -> None:
    """Write model.safetensors (half precision), statistics.safetensors and config.json to ``folder``.

    ``packs`` are the source and, where there were any, the photographs beside it. ``size`` is the side in pixels that
    the network is to be used at; ``names`` a tab-separated file that gives each class folder's name in words;
    ``settle_at`` the sides at which batch norm's statistics are taken anew, none to keep the training's.
    """
    state = torch.load(checkpoint, "cpu", weights_only=True)
    classes: list[str] = state["classes"]
    folder.mkdir(parents=True, exist_ok=True)
    model = build(len(classes))
    model.load_state_dict(
        {key.removeprefix("network."): v for key, v in state["student"].items() if key.startswith("network.")}
    )
    if settle_at:
        settle(model, packs, settle_at)
    halves = {key: v.half().contiguous() if v.is_floating_point() else v for key, v in model.state_dict().items()}
    save_file(halves, folder / "model.safetensors")
    model.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in halves.items()})
    save_file(statistics(model, packs, size), folder / "statistics.safetensors")
    words = read_names(names) if names else {}
    config: dict[str, Any] = {
        "architecture": ARCHITECTURE,
        "model_args": ARCHITECTURE_ARGS,
        "classes": [words.get(name, name) for name in classes],
        "preprocessing": {
            "size": size,
            "crop_share": 1.0,
            "interpolation": "bicubic",
            "mean": [round(float(value), 3) for value in MEAN.flatten()],
            "std": [round(float(value), 3) for value in STD.flatten()],
        },
        "training": {"epochs": state["epoch"], **state["settings"], "settled_at": list(settle_at)},
        "sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
    }
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")


@torch.no_grad()
def settle(model: torch.nn.Module, packs: Sequence[Path], sizes: Sequence[int]) -> None:
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
        model(torch.cat([resize(normalise(torch.from_numpy(part)), size) for part in parts]))
    model.eval()


def draw(packed: Path, count: int) -> np.ndarray:
    """At most ``count`` of the pictures that were trained on, in random order: (images, side, side, 3) uint8."""
    images, held_out = np.load(packed / "images.npy", mmap_mode="r"), np.load(packed / "held_out.npy")
    drawn: np.ndarray = images[np.random.default_rng(0).permutation(np.flatnonzero(~held_out))[:count]]
    return drawn


def resize(images: torch.Tensor, side: int) -> torch.Tensor:
    """(images, 3, height, width) -> (images, 3, side, side), as the package does."""
    return interpolate(images, size=(side, side), mode="bicubic", antialias=side < images.shape[-1])


@torch.inference_mode()
def statistics(model: torch.nn.Module, packs: Sequence[Path], size: int) -> dict[str, torch.Tensor]:
    """Mean and standard deviation of every channel at every cut, over training images as they are and shrunk.

    Each of the ``packs`` gives the same number to every level that its images are large enough for. The keys are those
    of regraft.source.
    """
    chosen = [draw(packed, STATISTICS_IMAGES) for packed in packs]
    side = min(max(images.shape[1] for images in chosen), size)
    found = {source.SIDE: torch.tensor(float(side)), source.SIZE: torch.tensor(float(size))}
    for level in (None, *source.levels_below(side)):
        found |= statistics_at(model, [c for c in chosen if c.shape[1] >= (level or side)], size, level)
    return found


def statistics_at(
    model: torch.nn.Module, packs: Sequence[np.ndarray], size: int, level: int | None
) -> dict[str, torch.Tensor]:
    """The same at one level, of ``packs`` of (images, side, side, 3) uint8."""
    traced = trace(model, size)
    network = pooled_network(model, traced, traced.cuts, ("mean", "rms"))
    totals: list[torch.Tensor] = []
    images = [part for images in packs for part in np.array_split(images, math.ceil(len(images) / 100))]
    for part in images:
        batch = normalise(torch.from_numpy(part))
        outputs = network(resize(resize(batch, level) if level else batch, size))
        means, squares = outputs[: len(traced.cuts)], [rms.square() for rms in outputs[len(traced.cuts) :]]
        sums = [value.double().sum(0) for value in (*means, *squares)]
        totals = [a + b for a, b in zip(totals, sums, strict=True)] if totals else sums
    count = sum(map(len, images))
    found: dict[str, torch.Tensor] = {}
    for index, cut in enumerate(traced.cuts):
        mean = totals[index] / count
        square = totals[index + len(traced.cuts)] / count
        found[source.name_of(cut.name, "mean", level)] = mean.float()
        found[source.name_of(cut.name, "std", level)] = (square - mean.square()).clamp(min=0).sqrt().float()
    return found


def read_names(path: Path) -> dict[str, str]:
    """Lines of "folder<TAB>words" -> folder: the first of the words."""
    lines = (line.split("\t", 1) for line in path.read_text().splitlines() if "\t" in line)
    return {folder: words.split(",")[0].strip() for folder, words in lines}
