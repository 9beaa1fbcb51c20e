"""Every later use of a run: predict single images, evaluate on a labelled folder."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from regraft.data.content import Content, OnDisk, hash_of
from regraft.data.decoding import Undecodable, allow_pixels, decode
from regraft.data.find import AS_USUAL, Data, find_images
from regraft.data.images import LEFT_OUT, Fault, Reading
from regraft.data.prefetch import map_ahead
from regraft.errors import DataError, RunError
from regraft.features.features import Progress, silent
from regraft.metrics import measure, softmax
from regraft.network import saved
from regraft.network.engine import device_of
from regraft.network.saved import Saved

BATCH = 32


@dataclass(frozen=True)
class Prediction:
    """One file: its probabilities (classes,), or why there are none."""

    path: Path
    probabilities: np.ndarray | None
    fault: Fault | None = None
    pixels: str = ""  # the hash of what it shows


@dataclass(frozen=True)
class Read:
    """One image read: its network input and the hash of its pixels, or its fault."""

    name: str
    tensor: torch.Tensor | None = None
    pixels: str = ""
    fault: Fault | None = None


def open_run(run: Path, device: str = "auto") -> Saved:
    """The network of a run folder (or of a model folder), on ``device``; RunError where there is none."""
    if not run.is_dir():
        raise RunError(f"there is no run folder {run}; give one that `regraft train` made")
    network = saved.load(run / "model" if (run / "model").is_dir() else run)
    network.model.to(device_of(device))
    return network


def predict_files(
    network: Saved, paths: Sequence[Path], progress: Progress = silent, max_pixels: int = AS_USUAL.max_pixels
) -> Iterator[Prediction]:
    """Class probabilities of image files, in order; broken files, and larger ones, come with their fault."""
    allow_pixels(max_pixels)
    yield from predict_contents(network, [(str(path), OnDisk(path)) for path in paths], progress)


def predict_contents(
    network: Saved, contents: Sequence[tuple[str, Content]], progress: Progress = silent
) -> Iterator[Prediction]:
    """Class probabilities of images (name, content), in order."""
    transform = network.preprocessing.transform()

    def read(item: tuple[str, Content]) -> Read:
        name, content = item
        try:
            image = decode(content.read())
            return Read(name, transform(image), hash_of(image))
        except Undecodable as error:
            return Read(name, fault=Fault(name, error.kind, str(error)))

    batch: list[Read] = []
    for done, (_, item) in enumerate(map_ahead(read, contents), 1):
        batch.append(item)
        if len(batch) == BATCH or done == len(contents):
            yield from predict_batch(network, batch)
            progress("Predicting", done, len(contents))
            batch = []


@torch.inference_mode()
def predict_batch(network: Saved, batch: Sequence[Read]) -> Iterator[Prediction]:
    """Predictions for one batch of read images, in order."""
    tensors = [read.tensor for read in batch if read.tensor is not None]
    device = next(network.model.parameters()).device
    probabilities = iter(softmax(network.model(torch.stack(tensors).to(device)).cpu().numpy()) if tensors else [])
    for read in batch:
        found = None if read.tensor is None else next(probabilities)
        yield Prediction(Path(read.name), found, read.fault, read.pixels)


def evaluate(
    run: Path,
    data: Data,
    reading: Reading = AS_USUAL,
    seed: int = 0,
    progress: Progress = silent,
    device: str = "auto",
) -> dict[str, Any]:
    """Metrics of a run on labelled images: their test part, else their val part, else all of them.

    Classes are matched by name; one that the run does not know raises DataError. Images that the run was trained on
    are counted, and the accuracy without them is given beside.
    """
    allow_pixels(reading.max_pixels)
    network = open_run(run, device)
    images = find_images(data, reading, fewest_classes=1)
    unknown = sorted(set(images.classes) - set(network.classes))
    if unknown:
        raise DataError(
            f"the run does not know the class '{unknown[0]}' (it knows {', '.join(network.classes)});"
            f" rename or remove that folder below {data}"
        )
    split = next((name for name in ("test", "val") if name in images.splits), "all")
    chosen = [file for file in images.files if split in {"all", file.split}]
    predictions = list(predict_contents(network, [(file.name, file.content) for file in chosen], progress))
    ids = {name: label for label, name in enumerate(network.classes)}
    judged = [(p, file) for p, file in zip(predictions, chosen, strict=True) if p.probabilities is not None]
    if not judged:
        raise DataError(f"none of the {len(predictions)} images in {images.root} can be read; give other images")
    labels = np.array([ids[images.classes[file.label]] for _, file in judged])
    probabilities = np.stack([p.probabilities for p, _ in judged if p.probabilities is not None])
    return {
        "run": str(run),
        "metrics": measure(probabilities, labels, network.classes, split, seed, [file.group for _, file in judged]),
        "trained_on": trained_on(run, [p.pixels for p, _ in judged], probabilities.argmax(1) == labels),
        "left_out": [
            *(vars(fault) for fault in images.faults if fault.action == LEFT_OUT),
            *(vars(p.fault) for p in predictions if p.fault),
        ],
    }


def trained_on(run: Path, pixels: Sequence[str], right: np.ndarray) -> dict[str, Any] | None:
    """How many of the images, by the hash of their pixels, chose or trained the run; None where it does not say.

    With them the accuracy on the others, None where there are none.
    """
    try:
        files = json.loads((run / "data.json").read_text())["files"]
        chose = {"train", "val"} if any(file["split"] == "test" for file in files) else {"train"}
        known = {file["pixels"] for file in files if file["split"] in chose}
    except (OSError, ValueError, KeyError, TypeError):
        return None
    seen = np.array([one in known for one in pixels])
    return {
        "images": int(seen.sum()),
        "of": len(seen),
        "accuracy_on_the_others": float(right[~seen].mean()) if (~seen).any() else None,
    }
