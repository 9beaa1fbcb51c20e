"""What each training gave, a file each, under a name that follows from all that determines it."""

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from regraft.evaluation.kept_folder import write_whole
from regraft.strict_json import build, read_json

UNDER_WAY = "training"
RIGHT, WRONG = "1", "0"


@dataclass(frozen=True)
class Outcome:
    """What a training gave."""

    key: str
    hits: str  # a letter a test image: whether the network is right there
    validated: float  # share of the validation images that was right, of the epoch that was kept
    epoch: int  # that was kept
    seconds: float

    @property
    def right(self) -> np.ndarray:
        """Whether the network is right: (test images,) bool."""
        return np.array([letter == RIGHT for letter in self.hits], dtype=bool)


def letters(right: np.ndarray) -> str:
    """What ``Outcome.hits`` has."""
    return "".join(RIGHT if one else WRONG for one in right)


@dataclass(frozen=True)
class Kept:
    """The folder of what was computed."""

    folder: Path

    def holds(self, key: str) -> bool:
        """Whether a training was carried out, as far as a look at the names tells."""
        return (self.folder / f"{key}.json").exists()

    def read(self, key: str, images: int, weights: bool) -> Outcome | None:
        """What a training gave; None where it was not carried out, or its files are damaged."""
        if weights and self.weights(key) is None:
            return None
        with suppress(OSError, ValueError, TypeError):
            outcome = build(Outcome, read_json(self.folder / f"{key}.json"))
            if outcome.key == key and len(outcome.hits) == images and set(outcome.hits) <= {RIGHT, WRONG}:
                return outcome
        return None

    def write(self, outcome: Outcome, weights: Mapping[str, np.ndarray] | None) -> None:
        """Keep what a training gave, with the weights where others start from them; a killed write leaves nothing."""
        if weights is not None:
            from safetensors.numpy import save

            in_order = {name: np.ascontiguousarray(value) for name, value in weights.items()}  # save takes no other
            self.put(f"{outcome.key}.safetensors", save(in_order, {"key": outcome.key}))
        self.put(f"{outcome.key}.json", json.dumps(asdict(outcome)).encode())

    def weights(self, key: str) -> dict[str, np.ndarray] | None:
        """The weights that a training gave; None where they are not there or damaged."""
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        with suppress(OSError, SafetensorError):
            return load_file(self.folder / f"{key}.safetensors")
        return None

    def put(self, name: str, content: bytes) -> None:
        """Write a file under another name and rename it."""
        write_whole(self.folder / name, content)
