"""What comes out of carrying a strategy out, and the evidence that it was the right one to keep."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from regraft.network.graft import Graft
from regraft.recipe import Recipe
from regraft.training.calibrating import NOT_CALIBRATED, Calibration


@dataclass(frozen=True)
class Judged:
    """Which images judged a network, and which of them it got right."""

    rows: np.ndarray  # (images,) int64, rows of the image set
    hits: np.ndarray  # (images,) bool
    loss: float = math.nan  # mean cross-entropy of calibrated probabilities, where that is known

    @property
    def accuracy(self) -> float:
        """Share that was right."""
        return float(self.hits.mean())


@dataclass(frozen=True, eq=False)
class HeldOut:
    """What a network says, its temperature in it, of images that did not train it."""

    rows: np.ndarray  # (images,) int64, rows of the image set
    logits: np.ndarray  # (images, classes)


@dataclass(frozen=True)
class Attempt:
    """One thing that was tried, and against what."""

    name: str
    accuracy: float | None = None  # on the images that judged both; None where it came to nothing
    before: float | None = None  # what it was compared with, on the same images; None for the first
    gain: float | None = None  # that is to be expected over that on new images
    kept: bool = False
    seconds: float = 0.0
    note: str = ""  # what it is, or why it came to nothing
    images: int | None = None  # that judged both
    epochs: int | None = None  # that were trained, of ``planned_epochs``; None of a head alone
    planned_epochs: int | None = None
    why: str = ""  # it was kept or not: what it has over what it was compared with, and how it ended
    prospect: str = ""  # what more time might do
    improving: bool | None = None  # whether validation was getting better when it ended; None where that is not known

    @property
    def outcome(self) -> str:
        """All of it in words."""
        return "; ".join(filter(None, ("kept" if self.kept else "", self.note, self.why, self.prospect)))


@dataclass(frozen=True)
class Trained:
    """A graft and how it came about."""

    recipe: Recipe  # with nothing left to the plan
    graft: Graft
    judged: Judged  # what its settings were chosen on
    history: tuple[Mapping[str, Any], ...]  # one row an epoch, or one a weight decay
    trainable: int  # parameters that were trained
    seconds: float
    frozen_hash: str | None = None  # of the frozen body's parameters and buffers
    calibration: Calibration = NOT_CALIBRATED  # that the graft's head has in it
    passed: int = 0  # augmented views that went through the frozen network in this call
    notes: tuple[str, ...] = ()
    stopped: str = ""  # why it ended before its last epoch
    interrupted: bool = False
    tried: tuple[Attempt, ...] = ()
    held_out: HeldOut | None = None
    rule: "Trained | None" = None  # what the rule alone gives, where something else was tried too

    @property
    def strategy(self) -> str:
        """The strategy that was carried out."""
        assert self.recipe.planning.strategy, "a carried-out recipe names its strategy"
        return self.recipe.planning.strategy

    @property
    def temperature(self) -> float:
        """That the logits were divided by after the training."""
        return self.calibration.temperature

    @property
    def frozen(self) -> bool:
        """Whether the pre-trained layers stayed as they were."""
        return self.recipe.frozen
