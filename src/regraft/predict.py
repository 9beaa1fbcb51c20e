"""Every later use of a run: predict single images, evaluate on a labelled folder."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from regraft import saved
from regraft.decoding import Undecodable, decode
from regraft.errors import DataError, RunError
from regraft.features import Progress, silent
from regraft.images import Fault, ImageSet, find_images
from regraft.metrics import measure, softmax
from regraft.saved import Saved
from regraft.stream import map_ahead

BATCH = 32


@dataclass(frozen=True)
class Prediction:
    """One file: its probabilities (classes,), or why there are none."""

    path: Path
    probabilities: np.ndarray | None
    fault: Fault | None = None


def open_run(run: Path) -> Saved:
    """The network of a run folder (or of a model folder); RunError where there is none."""
    if not run.is_dir():
        raise RunError(f"there is no run folder {run}; give one that `regraft train` made")
    return saved.load(run / "model" if (run / "model").is_dir() else run)


def predict_files(network: Saved, paths: Sequence[Path], progress: Progress = silent) -> Iterator[Prediction]:
    """Class probabilities of image files, in order; broken files come with their fault."""
    transform = network.preprocessing.transform()

    def read(path: Path) -> torch.Tensor | Fault:
        try:
            return transform(decode(path.read_bytes()))
        except Undecodable as error:
            return Fault(str(path), error.kind, str(error))
        except OSError as error:
            return Fault(str(path), "unreadable", error.strerror or str(error))

    batch: list[tuple[Path, torch.Tensor | Fault]] = []
    for done, item in enumerate(map_ahead(read, paths), 1):
        batch.append(item)
        if len(batch) == BATCH or done == len(paths):
            yield from predict_batch(network, batch)
            progress("Predicting", done, len(paths))
            batch = []


@torch.inference_mode()
def predict_batch(network: Saved, batch: Sequence[tuple[Path, torch.Tensor | Fault]]) -> Iterator[Prediction]:
    """Predictions for one batch of read files, in order."""
    tensors = [value for _, value in batch if isinstance(value, torch.Tensor)]
    probabilities = iter(softmax(network.model(torch.stack(tensors)).numpy()) if tensors else [])
    for path, value in batch:
        if isinstance(value, Fault):
            yield Prediction(path, None, value)
        else:
            yield Prediction(path, next(probabilities))


def evaluate(run: Path, data: Path, seed: int = 0, progress: Progress = silent) -> dict[str, Any]:
    """Metrics of a run on a labelled folder: its test part, else its val part, else all of it.

    Classes are matched by name; one that the run does not know raises DataError.
    """
    network = open_run(run)
    images = find_images(data, fewest_classes=1)
    unknown = sorted(set(images.classes) - set(network.classes))
    if unknown:
        raise DataError(
            f"the run does not know the class '{unknown[0]}' (it knows {', '.join(network.classes)});"
            f" rename or remove that folder below {data}"
        )
    split = next((name for name in ("test", "val") if name in images.splits), "all")
    chosen = [file for file in images.files if split in {"all", file.split}]
    predictions = list(predict_files(network, [file.path for file in chosen], progress))
    return {
        "run": str(run),
        "metrics": metrics_of(network, images, predictions, [file.label for file in chosen], split, seed),
        "left_out": [vars(p.fault) for p in predictions if p.fault],
    }


def metrics_of(
    network: Saved, images: ImageSet, predictions: Sequence[Prediction], labels: Sequence[int], split: str, seed: int
) -> dict[str, Any]:
    """Metrics over the predictions that succeeded."""
    ids = {name: label for label, name in enumerate(network.classes)}
    truth = [ids[images.classes[label]] for p, label in zip(predictions, labels, strict=True) if p.fault is None]
    probabilities = [p.probabilities for p in predictions if p.probabilities is not None]
    if not probabilities:
        raise DataError(f"none of the {len(predictions)} images below {images.root} can be read; give other images")
    return measure(np.stack(probabilities), np.array(truth), network.classes, split, seed)
