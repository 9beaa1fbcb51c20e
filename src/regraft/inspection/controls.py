"""Maps that cannot know where the reason lies, and yet are as smooth as one that might."""

import uuid
from dataclasses import replace

import numpy as np
import torch
from torch.nn import functional

from regraft.inspection.imputation import CELLS
from regraft.inspection.subject import Subject
from regraft.network.backbone import Backbone

BLOB, RANDOM, ANOTHER = "a centred blob", "a network with random weights", "another image's map"
SHIFTED, FLIPPED = "itself shifted", "itself turned upside down"
SEED = 1810  # of the random weights: another one than a network is likely to have begun with
SPREAD = 0.25  # of the blob: its standard deviation as a share of the side


def controls_of(
    maps: np.ndarray, size: int, others: np.ndarray | None = None, random: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """The controls of some maps (images, height, width), by name: (images, cells, cells) each.

    ``size``: pixels a side of the images. ``others``: maps of other images (None: the next one of ``maps``, where there
    are several). ``random``: the maps of a network with random weights.
    """
    own = on_cells(maps, size)
    cells = own.shape[1]
    controls = {BLOB: np.broadcast_to(blob(cells), own.shape)}
    if random is not None:
        controls[RANDOM] = on_cells(random, size)
    if others is not None:
        controls[ANOTHER] = on_cells(others, size)
    elif len(maps) > 1:
        controls[ANOTHER] = np.roll(own, -1, axis=0)
    controls[SHIFTED] = np.roll(own, (cells // 2, cells // 2), (1, 2))
    controls[FLIPPED] = own[:, ::-1, ::-1]
    return controls


def on_cells(maps: np.ndarray, size: int) -> np.ndarray:
    """Maps (images, height, width) of any size -> (images, cells, cells) float64, averaged or smoothly enlarged."""
    cells, values = min(CELLS, size), torch.from_numpy(np.array(maps, dtype=np.float64))[:, None]
    if values.shape[-1] >= cells:
        return functional.adaptive_avg_pool2d(values, cells)[:, 0].numpy()
    return functional.interpolate(values, (cells, cells), mode="bilinear", align_corners=False)[:, 0].numpy()


def blob(cells: int) -> np.ndarray:
    """A Gaussian in the middle: (cells, cells)."""
    from_middle = (np.arange(cells) + 0.5) / cells - 0.5
    return np.exp(-(from_middle[:, None] ** 2 + from_middle**2) / (2 * SPREAD**2))


def randomised(subject: Subject, seed: int = SEED) -> Subject:
    """The same architecture with random weights under the same head (Adebayo et al. 2018, arXiv 1810.03292)."""
    own = subject.backbone
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = own.architecture.build().eval()
    fresh = replace(own, build=lambda: model, weights=None, steps=None)
    other = replace(own.description, fingerprint=f"random-{uuid.uuid4().hex}")  # what is kept of it is not the other's
    vars(fresh)["traced"], vars(fresh)["description"] = own.traced, other
    return with_backbone(subject, fresh)


def with_backbone(subject: Subject, backbone: Backbone) -> Subject:
    """A subject on another backbone of the same architecture."""
    graft = replace(subject.graft, backbone=backbone) if subject.graft else None
    return replace(subject, backbone=backbone, graft=graft, before=None)
