"""Backbones side by side."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images


def write_corners(root: Path) -> None:
    """Pieces of scikit-learn's two photographs, a class for each of their quarters."""
    draw = np.random.default_rng(0)
    for number, photo in enumerate(load_sample_images().images):
        high, wide = photo.shape[0] // 2, photo.shape[1] // 2
        for down, right in itertools.product(range(2), range(2)):
            folder = root / f"{number}-{down}-{right}"
            folder.mkdir(parents=True)
            quarter = photo[down * high : (down + 1) * high, right * wide : (right + 1) * wide]
            for i in range(16):
                y, x = draw.integers(0, high - 64), draw.integers(0, wide - 64)
                Image.fromarray(quarter[y : y + 64, x : x + 64]).save(folder / f"{i:02d}.png")


@pytest.mark.slow
def test_backbones_are_ranked(regraft: Callable[..., tuple[int, str, str]], tmp_path: Path) -> None:
    root = tmp_path / "corners"
    write_corners(root)
    code, out, err = regraft("plan", root, "--backbone", "demonstration", "--backbone", "embedded", "--json", "--quiet")
    assert code == 0, err
    rows: list[dict[str, Any]] = json.loads(out)["backbones"]
    assert [row["backbone"] for row in rows] == ["embedded", "demonstration"]
    assert rows[0]["behind_best"] == 0
    assert rows[1]["behind_best"] > rows[1]["standard_error"] > 0
    assert rows[0]["logme"] > rows[1]["logme"]
    assert rows[0]["multiply_adds"] > 0
