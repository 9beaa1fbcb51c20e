"""A trained run, loaded: predict, evaluate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regraft.data.decoding import Undecodable, decode_for
from regraft.data.find import Data, find_images
from regraft.data.images import EVALUATED, LEFT_OUT, Fault, ImageFile, ImageSet
from regraft.data.pixel_range import asked_for
from regraft.data.prefetch import grouped, map_ahead
from regraft.data.range_faults import check_depth
from regraft.data.readers.paths import Named, NoImage
from regraft.data.rendering import PLAIN, Rendering, from_dict
from regraft.errors import RunError
from regraft.evaluation.disturbances import Disturbance, disturbances_for, disturbed
from regraft.evaluation.evaluate import (
    Evaluation,
    Identify,
    Part,
    check_positive,
    chose,
    evaluation_of,
    part_to_evaluate,
)
from regraft.evaluation.given import contents_of
from regraft.evaluation.prediction import Noted, Prediction, probabilities_of
from regraft.evaluation.trainable import trainable_module
from regraft.metrics import softmax
from regraft.network.engine import Engine, device_name, device_of, pytorch_engine, streams_of
from regraft.network.preprocessing import Preprocessing
from regraft.network.saved import Saved, damaged
from regraft.network.saved import load as load_network
from regraft.progress import Progress, silent
from regraft.recipe import MAX_PIXELS, Reading
from regraft.strict_json import Malformed

if TYPE_CHECKING:
    from torch import nn

    from regraft.network.surgery import Grafted

GREYS = (0.299, 0.587, 0.114)  # what the channels count


@dataclass(frozen=True)
class Read:
    """One image read: its pixels and the hash of what it shows, or its fault."""

    name: str
    pixels: np.ndarray | None = None  # (size, size, 3) uint8
    identity: str = ""
    fault: Fault | None = None
    noted: Noted | None = None
    variants: Sequence[np.ndarray] = ()  # the pixels under each disturbance


@dataclass(frozen=True)
class Classifier:
    """A trained network, ready to use."""

    classes: tuple[str, ...]
    preprocessing: Preprocessing
    strategy: str  # that it was trained by
    folder: Path | None = None  # of its run
    device: str = "auto"
    saved: Saved | None = field(default=None, repr=False)  # where it comes from a folder
    network: "Grafted | None" = field(default=None, repr=False)  # where it does not
    rendering: Rendering | None = None  # how files become 8-bit images; None of a run that did not measure its own

    @cached_property
    def module(self) -> "Grafted":
        """The torch network: images (n, 3, size, size), as ``preprocessing`` makes them -> logits (n, classes).

        It is for predicting: its body stays in evaluation mode and frozen. ``trainable`` gives one that trains.
        """
        network = self.network or (self.saved.module if self.saved else None)
        assert network is not None, "a classifier comes from a folder or has its network"
        return network.to(device_of(self.device))

    def trainable(self, batch_norm: str = "auto", unfreeze_from: str | None = None) -> "nn.Module":
        """A torch module of your own to train on: a copy, on ``device``, in evaluation mode until ``.train()``.

        Images (n, 3, size, size) float32, as ``preprocessing.normalise`` makes them of uint8 pixels (n, size, size, 3),
        -> logits (n, classes). Every parameter wants a gradient, or those after the cut ``unfreeze_from``.
        ``batch_norm``: whether running statistics adapt in training; auto: as in a fine-tuning by the run's recipe,
        which leaves them as they are on small data where the head was solved on what they give.
        """
        module = trainable_module(self.saved, self.folder, batch_norm, unfreeze_from)
        return module.to(device_of(self.device))

    @cached_property
    def engine(self) -> Engine:
        """What runs it: of a frozen network OpenVINO on a CPU, probabilities to 0.001 of ``module``'s; else torch."""
        if self.saved:
            return self.saved.engine(self.device)
        return pytorch_engine(self.module, self.preprocessing, device_name(self.device))

    @property
    def conformal_threshold(self) -> float | None:
        """From which probability on a class is in a conformal set; None where no held-out images said so."""
        return self.saved.config.conformal_threshold if self.saved else None

    def predict(
        self,
        images: Any,
        progress: Progress = silent,
        max_pixels: int = MAX_PIXELS,
        reading: Reading = Reading(),
    ) -> list[Prediction]:
        """The classes of images, in order.

        ``images``: a path or several (an image, a folder, an archive, a table with an ``image_column``); a Pillow image
        or several; an array (images, height, width, 3) or (height, width, 3) of uint8, or a list of such images. Every
        file has its place: one that is no image, cannot be read or has more than ``max_pixels`` pixels comes back with
        its fault. ``reading``: the image column, and a range, bands or a background in place of the run's own. Raises
        DataError for a path that is not there.
        """
        return list(self.predictions(images, progress, max_pixels, reading))

    def predictions(
        self,
        images: Any,
        progress: Progress = silent,
        max_pixels: int = MAX_PIXELS,
        reading: Reading = Reading(),
    ) -> Iterator[Prediction]:
        """The same one by one, as they come: a million images take the memory of their names."""
        contents = contents_of(images, reading)
        return self.predict_contents(contents, progress, max_pixels, rendering=self.rendering_of(contents, reading))

    def predict_proba(
        self,
        images: Any,
        progress: Progress = silent,
        max_pixels: int = MAX_PIXELS,
        reading: Reading = Reading(),
    ) -> np.ndarray:
        """The probabilities of images (images, classes), float64, in order of ``images`` and of ``classes``.

        As scikit-learn calls it. Files in a folder that are no images have no row; DataError where one cannot be read.
        """
        return probabilities_of(self.predictions(images, progress, max_pixels, reading))

    def rendering_of(self, contents: Sequence[Named], reading: Reading) -> Rendering | None:
        """How images become 8-bit RGB where ``reading`` asks for something else than the run's own way."""
        files = tuple(ImageFile(name, 0, None, content) for name, content in contents) if reading.renders else ()
        return asked_for(ImageSet(Path(), ("",), files), reading, self.rendering)

    def predict_contents(
        self,
        contents: Sequence[Named],
        progress: Progress = silent,
        max_pixels: int = MAX_PIXELS,
        identify: Identify | None = None,
        rendering: Rendering | None = None,
        noting: bool = False,
        disturbances: Sequence[Disturbance] = (),
    ) -> Iterator[Prediction]:
        """The same of images wherever they lie.

        ``identify`` hashes what each shows, ``rendering`` is another one; with ``noting`` sides and brightness come
        too, and the class under each of ``disturbances``, which costs a pass each.
        """
        shown = rendering or self.rendering or PLAIN

        def read(item: Named) -> Read:
            name, content = item
            try:
                data = content.read()
                decoded = decode_for(data, self.preprocessing.side, max_pixels, shown)
                if self.rendering and decoded.depth:
                    check_depth(decoded.depth)
                identity = identify(data, decoded) if identify else ""
                pixels = self.preprocessing.pixels(decoded.image, decoded.original)
                noted = Noted(min(decoded.original), brightness_of(pixels)) if noting else None
                return Read(name, pixels, identity, None, noted, disturbed(pixels, disturbances))
            except Undecodable as error:
                action = content.fault.action if isinstance(content, NoImage) else LEFT_OUT
                return Read(name, fault=Fault(name, error.kind, str(error), action))

        def run(group: Sequence[Read]) -> tuple[np.ndarray, np.ndarray]:
            images = [(read.pixels, *read.variants) for read in group if read.pixels is not None]
            if not images:
                return np.empty((0, len(self.classes))), np.empty((0, len(disturbances)), int)
            clean, *others = (self.engine.run(np.stack(column))[0] for column in zip(*images, strict=True))
            answers = [logits.argmax(axis=1) for logits in others]
            return softmax(clean), np.array(answers, int).reshape(len(others), len(clean)).T

        engine, done = self.engine, 0  # made by one thread
        reads = (read for _, read in map_ahead(read, contents))
        groups = grouped(reads, lambda read: read.pixels is not None, lambda: engine.batch)
        for group, (probabilities, answers) in map_ahead(run, groups, streams_of(engine.name), chunk=1, ahead=1):
            rows = zip(probabilities, answers, strict=True)
            for one in group:
                row, under = (None, ()) if one.pixels is None else next(rows)
                noted = replace(one.noted, answers=tuple(map(int, under))) if one.noted else None
                yield Prediction(one.name, self.classes, row, one.fault, one.identity, noted)
            done += len(group)
            progress("Predicting", done, len(contents))

    def evaluate(
        self,
        data: Data,
        reading: Reading = Reading(),
        progress: Progress = silent,
        positive: str | None = None,
        robustness: bool = False,
    ) -> Evaluation:
        """Metrics on labelled images: their test part, else their val part, else all of them.

        Classes are matched by name; one that the classifier does not know raises DataError, or is left out and listed
        where train, if it is given, has none of it either. Images that the run was
        trained on are counted, and the accuracy without them is given beside. ``positive``: of two classes, the
        one whose ROC-AUC, sensitivity and specificity are given, in place of the rarer one. ``robustness``: measure the
        accuracy under mild disturbances too, which takes nine passes in place of one.
        """
        check_positive(positive, self.classes)
        images = find_images(data, reading, fewest_classes=EVALUATED)
        part, known = part_to_evaluate(images, self.classes), chose(self.folder)
        identify = known.identify if known else None
        disturbances = disturbances_for(self.preprocessing.size) if robustness else ()
        predictions = self.predict_part(part, images, reading, identify, progress, True, disturbances)
        threshold = self.conformal_threshold
        return evaluation_of(predictions, part, self.folder, known, threshold, positive, disturbances)

    def predict_part(
        self,
        part: Part,
        images: ImageSet,
        reading: Reading,
        identify: Identify | None,
        progress: Progress,
        noting: bool = False,
        disturbances: Sequence[Disturbance] = (),
    ) -> list[Prediction]:
        """The predictions of the files of a part of ``images``, in order; the rest as predict_contents takes it."""
        contents = [(file.name, file.content) for file in part.files]
        other = asked_for(images, reading, self.rendering)
        return list(
            self.predict_contents(contents, progress, reading.max_pixels, identify, other, noting, disturbances)
        )

    def __getstate__(self) -> dict[str, Any]:
        """All but what is made anew where it is unpickled: the engine, and the network where a folder has it."""
        again = {"engine", "module"} if self.saved else {"engine"}
        return {name: value for name, value in vars(self).items() if name not in again}


def load(run: Path | str, device: str = "auto") -> Classifier:
    """The classifier of a run folder (or of a model folder), on ``device``; RunError where there is none."""
    folder = Path(run)
    if not folder.is_dir():
        raise RunError(f"there is no run folder {folder}; give one that `regraft train` made")
    device_name(device)  # refuses one that is not there
    saved = load_network(folder / "model" if (folder / "model").is_dir() else folder)
    try:
        rendering = from_dict(saved.rendering) if saved.rendering else None
    except Malformed as error:
        raise damaged(saved.folder, error) from None
    return Classifier(saved.classes, saved.preprocessing, saved.strategy, folder, device, saved, rendering=rendering)


def brightness_of(pixels: np.ndarray) -> float:
    """The mean grey (Rec. 601) of an image (size, size, 3)."""
    return float(pixels.reshape(-1, 3).mean(axis=0) @ GREYS)
