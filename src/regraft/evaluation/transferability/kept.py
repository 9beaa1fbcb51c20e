"""What each training gave, a file each, under a name that follows from all that determines it."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regraft.errors import RunError, reason_not_written
from regraft.runs.claim import Held, hold, release
from regraft.strict_json import build, read_json

TRAININGS, UNDER_WAY = "trainings", "training"
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


def key_of(facts: Mapping[str, Any]) -> str:
    """A name that follows from the facts."""
    return hashlib.blake2b(json.dumps(facts, sort_keys=True, default=str).encode(), digest_size=12).hexdigest()


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


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that it is whole or not there; RunError where that cannot be."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        reason = reason_not_written(error)
        raise RunError(f"{path} cannot be written: {reason}; free space and give the same command again") from None


@contextmanager
def kept_in(folder: Path) -> Iterator[Kept]:
    """What was computed in ``folder``, for this process alone.

    Raises RunError where another one writes there, or something else lies there.
    """
    if folder.exists() and (not folder.is_dir() or (any(folder.iterdir()) and not (folder / TRAININGS).is_dir())):
        raise RunError(f"{folder} holds something else than a study of transferability; name another --out")
    try:
        lock = hold(folder / TRAININGS)
    except Held:
        raise RunError(f"another process is writing {folder}; let it finish, or name another --out") from None
    except OSError as error:
        raise RunError(f"{folder} cannot be written: {reason_not_written(error)}; name another --out") from None
    try:
        yield Kept(folder / TRAININGS)
    finally:
        with suppress(OSError):  # something was computed
            (folder / TRAININGS).rmdir()
            folder.rmdir()
        release(lock)
