"""Stores of features with made-up rows."""

from pathlib import Path

import numpy as np

from regraft.cache_folder import cache_folder
from regraft.data.identity import Look
from regraft.features.store import Store


def shards(key: str = "*") -> list[Path]:
    return sorted((cache_folder() / "features").glob(f"{key}/shard-*"))


def image_look(number: int) -> Look:
    return Look(f"{number:032x}", "0" * 32, 40, 30)


def fill(store: Store, numbers: range) -> None:
    for number in numbers:
        rows = {"a": np.full((1, 5), number, np.float32), "b": np.full((1, 3), number, np.float16)}
        store.add([image_look(number)], rows)
    store.flush()
