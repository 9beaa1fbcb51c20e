"""Decoded images are the same in memory, in a file and on demand; so is what trains on them."""

import errno
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file

import regraft as library
from regraft import Recipe, RunError
from regraft.data.find import find_images
from regraft.network.preprocessing import Preprocessing
from regraft.training import pixel_file, samples
from regraft.training.pixel_file import PixelFile, has_room, write_pixels
from regraft.training.samples import OnDemand, read_samples

Make = Callable[..., Path]


def read(folder: Path) -> samples.Samples:
    images = find_images(folder)
    return read_samples(images.files, torch.from_numpy(images.labels), Preprocessing(32), workers=1)


def test_images_are_the_same_wherever_they_lie(make_folder: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_folder(each=5)
    Image.new("RGB", (90, 40), "red").save(folder / "class0" / "wide.png")
    Image.new("RGB", (40, 70), "blue").save(folder / "class1" / "high.png")
    in_memory = read(folder)
    assert isinstance(in_memory.images, tuple)
    monkeypatch.setattr(samples, "MEMORY_BYTES", 0)
    in_file = read(folder)
    assert isinstance(in_file.images, PixelFile)
    monkeypatch.setattr(samples, "has_room", lambda size: False)
    on_demand = read(folder)
    assert isinstance(on_demand.images, OnDemand)
    assert len(in_memory.images) == len(in_file.images) == len(on_demand.images) == 12
    for one, other, third in zip(in_memory.images, in_file.images, on_demand.images, strict=True):
        assert one.dtype == other.dtype == torch.uint8
        torch.testing.assert_close(other, one, rtol=0, atol=0)
        torch.testing.assert_close(third, one, rtol=0, atol=0)
    in_file.images[0].zero_()  # a copy: nobody changes the file
    torch.testing.assert_close(in_file.images[0], in_memory.images[0], rtol=0, atol=0)
    with pytest.raises(IndexError):
        in_file.images[12]


def test_the_file_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    assert has_room(1.0)
    assert not has_room(1e18)
    images = write_pixels([torch.full((3, 4, 5), number, dtype=torch.uint8) for number in range(3)])
    assert [int(image.float().mean()) for image in images] == [0, 1, 2]
    assert list((tmp_path / "cache").iterdir()) == []
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "file" / "under"))
    (tmp_path / "file").write_text("")
    assert not has_room(1.0)


def test_a_disk_that_fills_up_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path))

    def full(*_: Any, **__: Any) -> Any:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(pixel_file.tempfile, "TemporaryFile", full)
    with pytest.raises(RunError, match=r"the decoded images do not fit into .*; free space there"):
        write_pixels([torch.zeros(3, 2, 2, dtype=torch.uint8)])


def test_training_from_the_file_gives_the_same_weights(
    make_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = make_folder(each=8)
    recipe = Recipe(backbone="demonstration", image_size=32, strategy="fine-tune", epochs=1)
    states = []
    for name, limit in (("memory", 1e9), ("file", 0)):
        monkeypatch.setattr(samples, "MEMORY_BYTES", limit)
        library.train(data, recipe, tmp_path / name, progress=False)
        states.append(load_file(tmp_path / name / "model" / "model.safetensors"))
    for key, value in states[0].items():
        np.testing.assert_array_equal(states[1][key], value)
