"""Where in an image a network finds what speaks for a class: three methods, each a map over the image.

All explain the class's logit. None is to be trusted before it has been compared with maps that know nothing of the
image: ``faithfulness``.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from regraft.errors import BackboneError, RecipeError
from regraft.inspection.answers import check_answers, class_of, probabilities
from regraft.inspection.subject import Subject, maps_of
from regraft.network.cuts import Cut

BATCH = 8  # images in a forward and backward pass, which keeps every layer's values
STEPS = 16  # on the way from the baseline, of integrated gradients
WINDOW, STRIDE = 7, 10  # of occlusion: the square and its moves, as parts of the image's side
GRAD_CAM, INTEGRATED, OCCLUSION = "grad-cam", "integrated gradients", "occlusion"


@dataclass(frozen=True)
class Attribution:
    """Maps of some images: what speaks for a class is above zero, what speaks against it below."""

    method: str
    labels: np.ndarray  # (images,) int64: the classes that are explained
    values: np.ndarray  # (images, height, width) float32, of any height and width, in units of the logit
    cut: Cut | None = None  # where it was measured; None: at the image
    notes: tuple[str, ...] = ()


def grad_cam(
    subject: Subject, pixels: np.ndarray, labels: Sequence[int] | None = None, cut: Cut | None = None
) -> Attribution:
    """Grad-CAM (Selvaraju et al. 2017, arXiv 1610.02391) at ``cut`` (None: the last one with space).

    ``pixels``: (images, size, size, 3) uint8. ``labels``: the classes (None: the likeliest). The maps are not cut off
    at zero, so that what speaks against the class can be told from what says nothing.
    """
    cut = cut or last_spatial_cut(subject)
    if cut not in subject.spatial_cuts:
        raise BackboneError(f"Grad-CAM needs a place with space, and {cut.name} has none; {where_space_is(subject)}")
    chosen, maps, network = labels_of(subject, pixels, labels), list[torch.Tensor](), subject.tapped((cut,))
    for images, targets in batches(subject, pixels, chosen):
        value, logits = network(images.requires_grad_())
        (slopes,) = torch.autograd.grad(logits.gather(1, targets[:, None]).sum(), value)
        weights = maps_of(slopes, cut).mean((2, 3), keepdim=True)
        maps.append((weights * maps_of(value.detach(), cut)).sum(1))
    return Attribution(GRAD_CAM, chosen, torch.cat(maps).numpy(), cut, remarks(subject, cut))


def integrated_gradients(
    subject: Subject, pixels: np.ndarray, labels: Sequence[int] | None = None, steps: int = STEPS
) -> Attribution:
    """Integrated gradients (Sundararajan et al. 2017, arXiv 1703.01365), by captum, summed over the colours.

    The baseline is an image of the network's mean colour. Arguments as of ``grad_cam``.
    """
    network = subject.tapped()
    method = captum().IntegratedGradients(lambda images: network(images)[-1])
    chosen, maps = labels_of(subject, pixels, labels), list[torch.Tensor]()
    for images, targets in batches(subject, pixels, chosen):
        inputs = images.requires_grad_()
        values = method.attribute(inputs, target=targets, n_steps=steps, internal_batch_size=max(BATCH, len(images)))
        maps.append(values.detach().sum(1).float())
    return Attribution(INTEGRATED, chosen, torch.cat(maps).numpy())


def occlusion(subject: Subject, pixels: np.ndarray, labels: Sequence[int] | None = None) -> Attribution:
    """Occlusion (Zeiler and Fergus 2014, arXiv 1311.2901), by captum: how far the logit falls behind a square.

    The square has the network's mean colour. Arguments as of ``grad_cam``.
    """
    engine, side = subject.engine, subject.preprocessing.size
    window, stride = (max(1, side // part) for part in (WINDOW, STRIDE))
    mean = torch.tensor(subject.preprocessing.mean).mul(255).round().view(1, -1, 1, 1)

    def logits(colours: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(engine.run(colours.permute(0, 2, 3, 1).byte().contiguous().numpy())[0])

    method = captum().Occlusion(logits)
    chosen, maps = labels_of(subject, pixels, labels), list[torch.Tensor]()
    for image, label in zip(pixels, chosen, strict=True):
        values = method.attribute(
            torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float(),
            sliding_window_shapes=(3, window, window),
            strides=(3, stride, stride),
            baselines=mean,
            target=int(label),
            perturbations_per_eval=engine.batch,
        )
        maps.append(values.mean(1).float())
    return Attribution(OCCLUSION, chosen, torch.cat(maps).numpy())


METHODS: dict[str, Callable[[Subject, np.ndarray, Sequence[int] | None], Attribution]] = {
    GRAD_CAM: grad_cam, INTEGRATED: integrated_gradients, OCCLUSION: occlusion,
}  # fmt: skip


def labels_of(subject: Subject, pixels: np.ndarray, labels: Sequence[int] | None) -> np.ndarray:
    """The classes to explain, one an image; RecipeError where there is no such class."""
    if labels is None:
        return np.asarray(probabilities(subject, pixels).argmax(1))
    if len(labels) != len(pixels):
        raise RecipeError(f"{len(pixels)} images have {len(labels)} classes to explain; give one for each image")
    check_answers(subject)
    return np.array([class_of(subject, int(label)) for label in labels], dtype=np.int64)


def batches(subject: Subject, pixels: np.ndarray, labels: np.ndarray) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """A few images at a time, as the network's input, and the classes to explain."""
    for start in range(0, len(pixels), BATCH):
        some = slice(start, start + BATCH)
        yield subject.input_of(np.array(pixels[some])), torch.from_numpy(labels[some])


def last_spatial_cut(subject: Subject) -> Cut:
    """The last place where a value has a place in the image; BackboneError where there is none."""
    if not subject.spatial_cuts:
        raise BackboneError(
            f"{subject.name} keeps no grid of places, so Grad-CAM has no map; {where_space_is(subject)}"
        )
    return subject.spatial_cuts[-1]


def where_space_is(subject: Subject) -> str:
    """What works."""
    names = ", ".join(cut.name for cut in subject.spatial_cuts)
    return f"it works at {names}" if names else "integrated gradients and occlusion work on any network"


def remarks(subject: Subject, cut: Cut) -> tuple[str, ...]:
    """What should be known of a map at ``cut``."""
    names = [own.name for own in subject.graft.cuts] if subject.graft else []
    if len(names) <= 1:
        return ()
    return (f"The head reads {', '.join(names)}; Grad-CAM shows only what reaches it through {cut.name}.",)


def captum() -> Any:
    """captum.attr; RecipeError where it is not installed."""
    try:
        from captum import attr
    except ImportError:
        raise RecipeError(
            "integrated gradients and occlusion need captum, which is not installed;"
            ' pip install "regraft[look]", or look at Grad-CAM alone'
        ) from None
    return attr
