"""The last step of a training: probabilities that held-out images have put right, and the sets that follow from them.

Logits are divided by one number, the temperature (Guo et al., 2017), which changes no answer. It goes into the head's
last layer, so that whatever runs or exports the network has it.
"""

from dataclasses import dataclass

import numpy as np

from regraft.features.probe import calibration
from regraft.metrics import softmax, threshold_of
from regraft.network.head import Head


@dataclass(frozen=True)
class Calibration:
    """What held-out images said of a network's probabilities."""

    temperature: float = 1.0  # that its logits were divided by; over 1: it was surer than right
    threshold: float | None = None  # of the classes' probabilities, for conformal sets
    images: int = 0  # that said so


NOT_CALIBRATED = Calibration()


def calibrate(head: Head, logits: np.ndarray, labels: np.ndarray) -> tuple[Head, Calibration]:
    """The head with its temperature in it; ``logits``: of images (images, classes) that did not train it.

    As if one more image had been wrong: where all are right, no certainty would be too much (Platt, 1999, does alike).
    """
    images = len(labels)
    if not np.isfinite(logits).all():
        return head, NOT_CALIBRATED
    factor = calibration(logits, labels, wrong=1 / (images + 1))
    of_truth = softmax(factor * logits)[np.arange(images), labels]
    return head.times(factor), Calibration(1 / factor, threshold_of(of_truth), images)
