"""What training changed at each cut, on the user's images; and the proof where it changed nothing."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch

from regraft.data.images import ImageFile
from regraft.errors import DataError, RegraftError, RunError
from regraft.inspection.pictures import in_batches, pictures
from regraft.inspection.similarity_of_layers import FEWEST, Similarity
from regraft.inspection.subject import Subject, maps_of, started_from
from regraft.network.state import hash_of_state

TOP = 9  # images that excite a channel most
SEED = 0  # of the order of the images


@dataclass(frozen=True)
class Change:
    """A trained network beside the one that it started from."""

    cuts: tuple[str, ...]
    similarity: np.ndarray  # linear CKA of the values at each cut, (cuts,); nan where they tell no images apart
    stayed: tuple[np.ndarray, ...]  # share of each channel's top images that stayed, (channels,) a cut; nan: see below
    chance: float  # the share that would stay if they were drawn at random
    top: int  # how many images of a channel are compared
    images: int

    @property
    def mean_stayed(self) -> np.ndarray:
        """The mean over the channels that can be compared: (cuts,); nan where there are none.

        A channel that answers to fewer than ``top`` images, before or after, cannot: it is nan in ``stayed``.
        """
        means = [share[~np.isnan(share)] for share in self.stayed]
        return np.array([share.mean() if len(share) else np.nan for share in means])


@dataclass
class TopImages:
    """The images in which each channel of a cut is excited most, kept while batches come."""

    most: int
    values: torch.Tensor = field(default_factory=lambda: torch.empty(0, 0))  # (up to most, channels)
    images: torch.Tensor = field(default_factory=lambda: torch.empty(0, 0, dtype=torch.long))
    lowest: torch.Tensor = field(default_factory=lambda: torch.empty(0))  # of all images

    def add(self, highest: torch.Tensor, numbers: torch.Tensor) -> None:
        """Each channel's highest value in each image (n, channels), and the images' numbers (n,)."""
        columns = numbers[:, None].expand_as(highest)
        values, images, lowest = highest, columns, highest.amin(0)
        if len(self.values):
            values, images = torch.cat([self.values, highest]), torch.cat([self.images, columns])
            lowest = torch.minimum(self.lowest, lowest)
        self.values, places = values.topk(min(self.most, len(values)), dim=0)
        self.images, self.lowest = images.gather(0, places), lowest

    def stayed(self, after: "TopImages") -> np.ndarray:
        """The share of each channel's images that are among those ``after``: (channels,).

        Nan where they are no choice: where the last of them does not stand out from the image that excites least.
        """
        shared = (self.images[:, None] == after.images[None]).any(1).double().mean(0)
        chosen = (self.values[-1] > self.lowest) & (after.values[-1] > after.lowest)
        return torch.where(chosen, shared, torch.nan).numpy()


@torch.inference_mode()
def change(subject: Subject, files: Sequence[ImageFile], top: int = TOP, seed: int = SEED) -> Change:
    """Compare a run with the network that it started from, in one pass of both over the images.

    RunError where the run trained no layer, DataError where there are too few images.
    """
    before = subject.as_before()
    cuts = subject.cuts
    networks = [network.tapped(cuts) for network in (before, subject)]
    alike = [Similarity() for _ in cuts]
    best = [[TopImages(top) for _ in cuts] for _ in networks]
    mixed = [files[row] for row in np.random.default_rng(seed).permutation(len(files))]  # no batch is of one class
    images = 0
    for group, pixels in in_batches(pictures(subject, mixed)):
        numbers, shown = torch.tensor([one.row for one in group]), subject.input_of(pixels)
        values = [network(shown)[:-1] for network in networks]
        for place, cut in enumerate(cuts):
            alike[place].add(values[0][place], values[1][place])
            for network, tops in enumerate(best):
                tops[place].add(maps_of(values[network][place], cut).amax((2, 3)), numbers)
        images += len(group)
    if images < max(FEWEST, top + 1):
        raise DataError(
            f"the comparison before and after training needs {max(FEWEST, top + 1)} images or more;"
            f" {images} can be read; give more images with --data"
        )
    stayed = tuple(one.stayed(other) for one, other in zip(*best, strict=True))
    similarity = np.array([one.value for one in alike])
    return Change(tuple(cut.name for cut in cuts), similarity, stayed, top / images, top, images)


@dataclass(frozen=True)
class Unmoved:
    """The hashes of a run's frozen layers, parameters and buffers."""

    up_to: str  # the last cut that is kept
    before: str | None  # of the pre-trained network, loaded anew; None where it cannot be had
    after: str  # of the run's model
    recorded: str | None  # that the run wrote down when it was made

    @property
    def proved(self) -> bool:
        """Whether not a bit changed, since the network was loaded or, failing that, since the run was made."""
        return self.after == (self.before or self.recorded)


def unmoved(subject: Subject) -> Unmoved:
    """The proof that a frozen run's layers are those of the pre-trained network; RunError where it is no such run."""
    if subject.graft is None or subject.folder is None:
        raise RunError(f"{subject.name} is no run, so nothing of it was trained; give the folder of a run")
    cut = subject.graft.last_cut
    try:
        start = started_from(subject.folder)
        before = hash_of_state(start.state_up_to(start.cut_of(cut.name)))
    except RegraftError:  # its weights are no longer where they were
        before = None
    try:
        recorded = json.loads((subject.folder / "environment.json").read_text()).get("frozen_hash")
    except (OSError, ValueError, AttributeError):
        recorded = None
    return Unmoved(cut.name, before, hash_of_state(subject.graft.body_state), recorded)
