"""What a network answers: its classes by name, and the probabilities that it gives them."""

import difflib

import numpy as np
import torch

from regraft.data.prefetch import map_ahead
from regraft.errors import BackboneError, RecipeError
from regraft.inspection.subject import Subject
from regraft.metrics import softmax
from regraft.network.engine import streams_of

LISTED = 12  # classes that an error names


def check_answers(subject: Subject) -> None:
    """BackboneError where a network has no classifier."""
    if subject.graft is None and getattr(subject.backbone.model, "num_classes", None) == 0:
        raise BackboneError(
            f"{subject.name} has no classifier, so it names no class to explain; give a run that was trained on it"
        )


def probabilities(subject: Subject, pixels: np.ndarray) -> np.ndarray:
    """Pixels (n, size, size, 3) uint8 -> the classes' probabilities (n, classes) float64."""
    check_answers(subject)
    engine = subject.engine
    batches = (pixels[start : start + engine.batch] for start in range(0, len(pixels), engine.batch))
    logits = map_ahead(lambda some: engine.run(some)[0], batches, streams_of(engine.name), chunk=1, ahead=1)
    return softmax(np.concatenate([some for _, some in logits]))


def class_count(subject: Subject) -> int:
    """How many classes the network tells apart."""
    if subject.graft:
        return len(subject.graft.head.weights[-1])
    check_answers(subject)
    return len(subject.classes) or logits_of_nothing(subject).shape[1]


def logits_of_nothing(subject: Subject) -> torch.Tensor:
    """What torch answers to one black image: (1, classes). Nothing is kept of it, as an engine would."""
    side = subject.preprocessing.size
    with torch.no_grad():
        *_, logits = subject.tapped()(subject.input_of(np.zeros((1, side, side, 3), np.uint8)))
    return torch.as_tensor(logits)


def class_name(subject: Subject, label: int) -> str:
    """A class's name, or its number where it has none."""
    return subject.classes[label] if label < len(subject.classes) else f"class {label}"


def class_of(subject: Subject, named: str | int) -> int:
    """The number of a class, by its name or its number; RecipeError says which there are."""
    names, text, count = subject.classes, str(named), class_count(subject)
    if text in names:
        return names.index(text)
    if text.isdecimal() and int(text) < count:
        return int(text)
    near = difflib.get_close_matches(text, names, n=3)
    listed = ", ".join(names) if 0 < count <= LISTED and names else f"{count} classes, numbered 0 to {count - 1}"
    meant = f"did you mean {' or '.join(near)}?" if near else f"it has {listed}"
    raise RecipeError(f"there is no class '{text}' in {subject.name}; {meant}")
