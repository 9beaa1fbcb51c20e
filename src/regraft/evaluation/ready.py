"""A classifier made ready for images that come one by one: they are read by some threads, and answered in batches."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from regraft.data.content import Content
from regraft.evaluation.classifier import Classifier
from regraft.evaluation.known import Familiarity, Known
from regraft.evaluation.prediction import Prediction
from regraft.evaluation.reading import Read, Reader
from regraft.metrics import softmax
from regraft.network.engine import Engine, streams_of
from regraft.recipe import MAX_PIXELS


@dataclass(frozen=True)
class Ready:
    """What answers as ``Classifier.predict`` does."""

    classifier: Classifier
    reader: Reader
    engine: Engine
    familiarity: Familiarity

    @property
    def streams(self) -> int:
        """How many batches may be answered at once."""
        return streams_of(self.engine.name)

    def read(self, name: str, content: Content) -> Read:
        """One image, or its fault; any number of threads may read."""
        return self.reader.read((name, content))

    def answer(self, reads: Sequence[Read]) -> list[Prediction]:
        """What the classifier says of images; as many threads may ask as there are ``streams``."""
        pixels = [one.pixels for one in reads if one.pixels is not None]
        rows: Iterator[tuple[np.ndarray, Known | None]] = iter(())
        if pixels:
            stacked = np.stack(pixels)
            outputs = self.engine.run(stacked)
            rows = zip(softmax(outputs[0]), self.familiarity.judged(stacked, outputs), strict=True)
        predictions = []
        for one in reads:
            row, known = (None, None) if one.pixels is None else next(rows)
            predictions.append(Prediction(one.name, self.classifier.classes, row, one.fault, familiarity=known))
        return predictions


def ready(classifier: Classifier, max_pixels: int = MAX_PIXELS) -> Ready:
    """Load all that answering takes, and answer once, so that the first image waits for nothing."""
    reader = Reader(classifier.preprocessing, classifier.rendering, max_pixels=max_pixels)
    made = Ready(classifier, reader, classifier.engine, classifier.familiarity)
    size = classifier.preprocessing.size
    made.answer([Read("", np.zeros((size, size, 3), np.uint8))])
    return made
