"""A trained run, loaded: predict, evaluate."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from regraft.data.find import Data, find_images
from regraft.data.image_files import Files
from regraft.data.images import EVALUATED, ImageFile, ImageSet
from regraft.data.pixel_range import asked_for
from regraft.data.prefetch import grouped, map_ahead
from regraft.data.readers.paths import Named
from regraft.data.rendering import Rendering, from_dict
from regraft.errors import RunError
from regraft.evaluation.disturbances import Disturbance, disturbances_for
from regraft.evaluation.evaluate import (
    Evaluation,
    Identify,
    Part,
    check_positive,
    chose,
    evaluation_of,
    part_to_evaluate,
)
from regraft.evaluation.features_at import engine_for, features_at
from regraft.evaluation.given import contents_of
from regraft.evaluation.known import Familiarity, Known, familiarity_of
from regraft.evaluation.prediction import Prediction, probabilities_of
from regraft.evaluation.reading import Read, Reader
from regraft.evaluation.trainable import trainable_module
from regraft.features.familiar_file import FAMILIAR
from regraft.metrics import softmax
from regraft.network.engine import Engine, device_name, device_of, pytorch_engine, streams_of
from regraft.network.preprocessing import Preprocessing
from regraft.network.saved import Saved, damaged
from regraft.network.saved import load as load_network
from regraft.planning.going_on import counted, listed
from regraft.progress.shown import ShowProgress, shown
from regraft.recipe import MAX_PIXELS, Reading
from regraft.strict_json import Malformed
from regraft.visible import Shown

if TYPE_CHECKING:
    from torch import nn

    from regraft.network.surgery import Grafted


@dataclass(frozen=True, repr=False)
class Classifier(Shown):
    """A trained network, ready to use."""

    classes: tuple[str, ...]
    preprocessing: Preprocessing
    strategy: str  # that it was trained by
    folder: Path | None = None  # of its run
    device: str = "auto"
    saved: Saved | None = field(default=None, repr=False)  # where it comes from a folder
    network: "Grafted | None" = field(default=None, repr=False)  # where it does not
    rendering: Rendering | None = None  # how files become 8-bit images; None of a run that did not measure its own

    def in_lines(self) -> Iterator[str]:
        """What it tells apart, and where it comes from."""
        yield f"Classifier of {counted(self.classes)}: {listed(self.classes)}"
        place = f", {self.folder}" if self.folder else ""
        yield f"Strategy {self.strategy}{place}; images go in at {self.preprocessing.size} pixels a side"

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
            return self.saved.engine(self.device, features=(self.saved.folder / FAMILIAR).is_file())
        return pytorch_engine(self.module, self.preprocessing, device_name(self.device))

    @cached_property
    def familiarity(self) -> Familiarity:
        """What tells whether an image is like those that the run was trained on."""
        return familiarity_of(self.saved, self.folder, self.device)

    @cached_property
    def looks(self) -> dict[tuple[str, ...], Engine]:
        """What gives features at cuts, once it was asked for."""
        return {}

    @property
    def conformal_threshold(self) -> float | None:
        """From which probability on a class is in a conformal set; None where no held-out images said so."""
        return self.saved.config.conformal_threshold if self.saved else None

    def predict(
        self,
        images: Any,
        progress: ShowProgress = False,
        max_pixels: int = MAX_PIXELS,
        reading: Reading = Reading(),
    ) -> list[Prediction]:
        """The classes of images, in order.

        ``images``: a path (of an image, a folder, an archive, a table with an ``image_column``), as str or PathLike; a
        Pillow image; an array (height, width, 3) or (images, height, width, 3) of uint8; a tensor, channels first; an
        encoded image, as bytes; or several of these, mixed too. Every file has its place: one that is no image, cannot
        be read or has more than ``max_pixels`` pixels comes back with its fault. ``reading``: the image column, and a
        range, bands or a background in place of the run's own. Raises DataError for a path that is not there.
        """
        return list(self.predictions(images, progress, max_pixels, reading))

    def predictions(
        self,
        images: Any,
        progress: ShowProgress = False,
        max_pixels: int = MAX_PIXELS,
        reading: Reading = Reading(),
    ) -> Iterator[Prediction]:
        """The same one by one, as they come: a million images take the memory of their names."""
        contents = contents_of(images, reading)
        rendering = self.rendering_of(contents, reading)
        return self.predict_contents(contents, progress, max_pixels, rendering=rendering, judging=True)

    def predict_proba(
        self,
        images: Any,
        progress: ShowProgress = False,
        max_pixels: int = MAX_PIXELS,
        reading: Reading = Reading(),
    ) -> np.ndarray:
        """The probabilities of images (images, classes), float64, in order of ``images`` and of ``classes``.

        As scikit-learn calls it. Files in a folder that are no images have no row; DataError where one cannot be read.
        """
        return probabilities_of(self.predictions(images, progress, max_pixels, reading))

    def features(
        self,
        images: Any,
        cut: str | Sequence[str] | None = None,
        progress: ShowProgress = False,
        max_pixels: int = MAX_PIXELS,
        reading: Reading = Reading(),
    ) -> np.ndarray:
        """What the head sees of images: pooled features (images, channels), float32, in order of ``images``.

        ``cut``: an earlier one of the network's cuts, or several, whose features are joined. As for predict_proba,
        files in a folder that are no images have no row, and DataError is raised where one cannot be read.
        """
        contents = contents_of(images, reading)
        reader = Reader(self.preprocessing, self.rendering, self.rendering_of(contents, reading), max_pixels)
        engine = self.look_at((cut,) if isinstance(cut, str) else tuple(cut or ()))
        with shown(progress) as shows:
            return features_at(engine, reader, contents, shows)

    def look_at(self, cuts: tuple[str, ...]) -> Engine:
        """What gives the features at cuts, or those of the head; made once."""
        if cuts not in self.looks:
            if self.saved:
                self.looks[cuts] = engine_for(self.saved, cuts, self.device)
            elif cuts:
                raise RunError(
                    "this classifier has no run folder: it knows the features of its head alone; give no cut"
                )
            else:
                self.looks[cuts] = pytorch_engine(self.module.body, self.preprocessing, device_name(self.device))
        return self.looks[cuts]

    def rendering_of(self, contents: Sequence[Named], reading: Reading) -> Rendering | None:
        """How images become 8-bit RGB where ``reading`` asks for something else than the run's own way."""
        named = contents if reading.renders else ()
        files = Files.of(ImageFile(name, 0, None, content) for name, content in named)
        return asked_for(ImageSet(Path(), ("",), files), reading, self.rendering)

    def predict_contents(
        self,
        contents: Sequence[Named],
        progress: ShowProgress = False,
        max_pixels: int = MAX_PIXELS,
        identify: Identify | None = None,
        rendering: Rendering | None = None,
        noting: bool = False,
        disturbances: Sequence[Disturbance] = (),
        judging: bool = False,
    ) -> Iterator[Prediction]:
        """The same of images wherever they lie.

        ``identify`` hashes what each shows, ``rendering`` is another one; with ``noting`` sides and brightness come
        too, and the class under each of ``disturbances``, which costs a pass each; with ``judging`` whether the run was
        trained on anything like it.
        """
        read = Reader(self.preprocessing, self.rendering, rendering, max_pixels, identify, noting, disturbances).read

        engine, done = self.engine, 0  # made by one thread
        familiarity = self.familiarity if judging else Familiarity()

        def run(group: Sequence[Read]) -> tuple[np.ndarray, np.ndarray, Sequence[Known | None]]:
            images = [(read.pixels, *read.variants) for read in group if read.pixels is not None]
            if not images:
                return np.empty((0, len(self.classes))), np.empty((0, len(disturbances)), int), ()
            pixels, *variants = (np.stack(column) for column in zip(*images, strict=True))
            outputs, others = engine.run(pixels), [engine.run(variant)[0] for variant in variants]
            answers = [logits.argmax(axis=1) for logits in others]
            answered = np.array(answers, int).reshape(len(others), len(pixels)).T
            return softmax(outputs[0]), answered, familiarity.judged(pixels, outputs)

        reads = (read for _, read in map_ahead(read, contents))
        groups = grouped(reads, lambda read: read.pixels is not None, lambda: engine.batch)
        with shown(progress) as shows:
            for group, outcomes in map_ahead(run, groups, streams_of(engine.name), chunk=1, ahead=1):
                rows = zip(*outcomes, strict=True)
                for one in group:
                    row, under, known = (None, (), None) if one.pixels is None else next(rows)
                    noted = replace(one.noted, answers=tuple(map(int, under))) if one.noted else None
                    yield Prediction(one.name, self.classes, row, one.fault, one.identity, noted, known)
                done += len(group)
                shows("Predicting", done, len(contents), "images")

    def evaluate(
        self,
        data: Data,
        reading: Reading = Reading(),
        progress: ShowProgress = True,
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
        progress: ShowProgress,
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
        again = {"engine", "looks", "familiarity", *(["module"] if self.saved else [])}
        return {name: value for name, value in vars(self).items() if name not in again}


def load(run: str | PathLike[str], device: str = "auto") -> Classifier:
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
