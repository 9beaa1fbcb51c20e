"""The labelled images that a strategy trains on, and what is known of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch

from regraft.data.split import Split
from regraft.features.features import Features
from regraft.network.preprocessing import Preprocessing
from regraft.training.samples import Samples, read_samples


@dataclass(frozen=True)
class Examples:
    """Images with their features and their parts; decoded when a strategy needs pixels."""

    features: Features
    split: Split
    preprocessing: Preprocessing  # the backbone's
    large: bool  # whether the plan counts them as large
    workers: int = 0

    @property
    def labels(self) -> np.ndarray:
        """The class ids: (images,), int64."""
        return self.features.labels

    @property
    def classes(self) -> int:
        """How many classes there are."""
        return len(self.features.images.classes)

    @cached_property
    def samples(self) -> Samples:
        """All images decoded for training, on first use."""
        files, labels = self.features.images.files, torch.from_numpy(self.labels)
        return read_samples(files, labels, self.preprocessing, self.workers)
