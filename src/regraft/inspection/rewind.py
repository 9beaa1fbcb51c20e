"""The rewind test: pre-trained weights are put back into a trained network, and its accuracy is measured again.

After Zhang, Bengio and Singer 2019, "Are all layers created equal?" (arXiv 1902.01996). Where the accuracy stays,
training need not have changed the layers; where it falls, it had to.
"""

import copy
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from regraft.data.images import ImageFile
from regraft.errors import DataError
from regraft.inspection.pictures import in_batches, pictures
from regraft.inspection.subject import Subject
from regraft.metrics import paired, wilson

State = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Rewind:
    """Accuracy of a trained network with layers put back: their parameters, and their buffers as batch norm's."""

    cuts: tuple[str, ...]
    images: int
    trained: float  # accuracy with no layer put back
    up_to: np.ndarray  # with all layers up to each cut put back, (cuts,)
    errors: np.ndarray  # standard error of the difference of each of ``up_to`` from ``trained``, same images: (cuts,)
    moved: np.ndarray  # change of the parameters that each cut adds, as a share of their length before: (cuts,)
    largest_class: float  # accuracy of always saying the largest class

    @property
    def free(self) -> int:
        """How many cuts, from the input on, can be put back before the accuracy falls by twice its standard error."""
        falls = self.trained - self.up_to > np.maximum(2 * self.errors, 1e-9)
        return int(falls.argmax()) if falls.any() else len(self.cuts)

    def interval(self, accuracy: float) -> tuple[float, float]:
        """Wilson's 95% interval of one of the accuracies."""
        return wilson(round(accuracy * self.images), self.images)


@torch.inference_mode()
def rewind(subject: Subject, files: Sequence[ImageFile]) -> Rewind:
    """Measure a run on images that trained nothing, with its layers put back up to each cut in turn.

    Labels are places in ``subject.classes``. RunError where the run trained no layer.
    """
    before = subject.as_before()
    if files and max(file.label for file in files) >= len(subject.classes):
        raise DataError(
            f"the images are of more classes than the {len(subject.classes)} that the run knows"
            f" ({', '.join(subject.classes[:5])}, ...); give images of the run's own classes"
        )
    network = copy.deepcopy(subject.tapped())
    stages = subject.backbone.description.stages[: len(subject.cuts)]
    own = network.state_dict()
    start: State = before.frozen_copy.state_dict()
    after = {name: value.clone() for name, value in own.items() if name in start}  # not constants of the graph
    added = [[name for name in names if name in after] for names in stages]
    changed = [any(not torch.equal(start[name], after[name]) for name in names) for names in added]
    rows, labels = list[np.ndarray](), list[int]()
    for group, pixels in in_batches(pictures(subject, files)):
        shown = subject.input_of(pixels)
        answers = [network(shown)[-1].argmax(1)]
        for names, differs in zip(added, changed, strict=True):
            put(own, start, names)  # they stay while the next follow
            answers.append(network(shown)[-1].argmax(1) if differs else answers[-1])
        put(own, after, after)
        rows.append(torch.stack(answers).numpy())
        labels += [one.label for one in group]
    if not labels:
        raise DataError("the rewind test needs labelled images; none can be read; give some with --data")
    truth = np.array(labels)
    right = np.concatenate(rows, axis=1) == truth
    accuracy = right.mean(1)
    parameters = {name for name, _ in network.named_parameters()}
    return Rewind(
        tuple(cut.name for cut in subject.cuts),
        len(labels),
        float(accuracy[0]),
        accuracy[1:],
        np.array([paired(one, right[0])[1] for one in right[1:]]),
        np.array([distance(start, after, parameters.intersection(names)) for names in added]),
        float(np.bincount(truth).max() / len(truth)),
    )


def put(own: State, values: State, names: Iterable[str]) -> None:
    """Write some of ``values`` into a network's own."""
    for name in names:
        own[name].copy_(values[name])


def distance(start: State, after: State, names: Iterable[str]) -> float:
    """How far some weights moved, as a share of their length before."""
    pairs = [(start[name].double(), after[name].double()) for name in names]
    moved = sum(float((one - other).square().sum()) for one, other in pairs)
    length = sum(float(one.square().sum()) for one, _ in pairs)
    return float((moved / length) ** 0.5) if length else float(moved > 0)
