"""A trained run, loaded: predict, evaluate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from regraft.data.content import CHANNELS, COLOUR, GREY, Content, Given, OnDisk, hash_of
from regraft.data.decoding import Undecodable, decode
from regraft.data.find import Data, find_images
from regraft.data.images import Fault
from regraft.data.prefetch import map_ahead
from regraft.data.readers.folder import images_at
from regraft.errors import DataError, RunError
from regraft.evaluation.evaluate import Evaluation, evaluation_of, part_to_evaluate
from regraft.evaluation.prediction import Prediction
from regraft.metrics import softmax
from regraft.network.engine import device_of
from regraft.network.preprocessing import Preprocessing
from regraft.network.saved import load as load_network
from regraft.network.surgery import Grafted
from regraft.progress import Progress, silent
from regraft.recipe import MAX_PIXELS, Reading

BATCH = 32
Named = tuple[str, Content]  # an image and what it is called


@dataclass(frozen=True)
class Read:
    """One image read: its network input and the hash of its pixels, or its fault."""

    name: str
    tensor: torch.Tensor | None = None
    pixels: str = ""
    fault: Fault | None = None


@dataclass(frozen=True)
class Classifier:
    """A trained network, ready to use."""

    module: Grafted  # images (n, 3, size, size), as ``preprocessing`` makes them -> logits (n, classes)
    classes: tuple[str, ...]
    preprocessing: Preprocessing
    strategy: str  # that it was trained by
    folder: Path | None = None  # of its run

    def predict(self, images: Any, progress: Progress = silent, max_pixels: int = MAX_PIXELS) -> list[Prediction]:
        """The classes of images, in order.

        ``images``: a path or several (files, and folders of images); a Pillow image or several; an array (images,
        height, width, 3) or (height, width, 3) of uint8, or a list of such images. A file that cannot be read, or has
        more than ``max_pixels`` pixels, comes back with its fault. Raises DataError for a path that is not there.
        """
        return list(self.predict_contents(contents_of(images), progress, max_pixels))

    def predict_contents(
        self, contents: Sequence[Named], progress: Progress = silent, max_pixels: int = MAX_PIXELS
    ) -> Iterator[Prediction]:
        """The same of images wherever they lie."""
        transform = self.preprocessing.transform()

        def read(item: Named) -> Read:
            name, content = item
            try:
                image = decode(content.read(), max_pixels)
                return Read(name, transform(image), hash_of(image))
            except Undecodable as error:
                return Read(name, fault=Fault(name, error.kind, str(error)))

        batch: list[Read] = []
        for done, (_, item) in enumerate(map_ahead(read, contents), 1):
            batch.append(item)
            if len(batch) == BATCH or done == len(contents):
                yield from self.predict_batch(batch)
                progress("Predicting", done, len(contents))
                batch = []

    @torch.inference_mode()
    def predict_batch(self, batch: Sequence[Read]) -> list[Prediction]:
        """Predictions for one batch of read images, in order."""
        tensors = [read.tensor for read in batch if read.tensor is not None]
        device = next(self.module.parameters()).device
        rows = iter(softmax(self.module(torch.stack(tensors).to(device)).cpu().numpy()) if tensors else [])
        return [
            Prediction(read.name, self.classes, None if read.tensor is None else next(rows), read.fault, read.pixels)
            for read in batch
        ]

    def evaluate(self, data: Data, reading: Reading = Reading(), progress: Progress = silent) -> Evaluation:
        """Metrics on labelled images: their test part, else their val part, else all of them.

        Classes are matched by name; one that the classifier does not know raises DataError. Images that the run was
        trained on are counted, and the accuracy without them is given beside.
        """
        images = find_images(data, reading, fewest_classes=1)
        split, chosen = part_to_evaluate(images, self.classes)
        contents = [(file.name, file.content) for file in chosen]
        predictions = list(self.predict_contents(contents, progress, reading.max_pixels))
        return evaluation_of(predictions, images, chosen, split, self.folder)


def load(run: Path | str, device: str = "auto") -> Classifier:
    """The classifier of a run folder (or of a model folder), on ``device``; RunError where there is none."""
    folder = Path(run)
    if not folder.is_dir():
        raise RunError(f"there is no run folder {folder}; give one that `regraft train` made")
    saved = load_network(folder / "model" if (folder / "model").is_dir() else folder)
    saved.model.to(device_of(device))
    return Classifier(saved.model, saved.classes, saved.preprocessing, saved.strategy, folder)


def contents_of(images: Any) -> list[Named]:
    """Images as Classifier.predict takes them, each with its name."""
    named: list[Named] = []
    for place, item in enumerate([images] if is_one(images) else images):
        if isinstance(item, (str, Path)):
            named += [(str(path), OnDisk(path)) for path in images_at([Path(item)])]
        else:
            named.append((str(place), Given(partial(same, item))))
    if not named:
        raise DataError("there is no image to predict; give paths, Pillow images or an array")
    return named


def is_one(images: Any) -> bool:
    """Whether it is a single image or path, and no sequence of them."""
    if isinstance(images, (str, Path, Image.Image)):
        return True
    shape: tuple[int, ...] = getattr(images, "shape", ())
    return len(shape) == GREY or (len(shape) == COLOUR and (shape[-1] in CHANNELS or shape[0] in CHANNELS))


def same(item: Any) -> Any:
    """What was given."""
    return item
