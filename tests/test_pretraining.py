"""What ships is made from weights that others trained: renamed, adopted, loaded."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from safetensors.numpy import load_file as load_arrays
from safetensors.torch import load_file

from pretraining.adopt import adopt, rename
from regraft.network.describe import fingerprint_of
from regraft.network.description import read_description
from regraft.network.load import embedded
from regraft.similarity.domain_classifier import judged, shipped
from regraft.similarity.statistics import from_tensors

NAME = "mobilenetv2_035"  # of the embedded network's family, so that its steps can be written


@pytest.mark.slow
def test_a_networks_files_are_made(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    model = timm.create_model(NAME)
    torch.save({f"layer{i}": value for i, value in enumerate(model.state_dict().values())}, tmp_path / "weights.pth")
    rename(tmp_path / "weights.pth", tmp_path / "named.safetensors", NAME)
    assert load_file(tmp_path / "named.safetensors").keys() == model.state_dict().keys()
    adopt(NAME, str(tmp_path / "named.safetensors"), make_folder(each=30), tmp_path / "package", 32)
    config = json.loads((tmp_path / "package" / "config.json").read_text())
    assert (config["architecture"], config["preprocessing"]["size"], config["preprocessing"]["crop_share"]) == (
        NAME,
        32,
        1.0,
    )
    halves = load_file(tmp_path / "package" / "model.safetensors")
    for name, value in model.state_dict().items():
        assert torch.allclose(halves[name].float(), value.float(), atol=1e-3, rtol=1e-3), name
    roots = from_tensors(load_arrays(tmp_path / "package" / "domain_classifier.safetensors"))
    assert (roots.side, roots.size) == (32, 32)
    assert {level for _, level in roots.by_place} == {None, 8, 16}
    kept = read_description(tmp_path / "package" / "description.json")
    assert kept
    description, steps = kept.description, json.loads((tmp_path / "package" / "steps.json").read_text())
    assert (description.architecture.name, description.preprocessing.size) == (NAME, 32)
    assert [steps[0]["op"], steps[-1]["op"]] == ["convolution", "linear"]
    model.load_state_dict({name: value.to(model.state_dict()[name].dtype) for name, value in halves.items()})
    assert fingerprint_of(description.architecture, model) == description.fingerprint


def test_weights_of_another_architecture_are_refused(tmp_path: Path) -> None:
    torch.save(timm.create_model(NAME).state_dict(), tmp_path / "weights.pth")
    with pytest.raises(SystemExit, match="differ in number, order or shape"):
        rename(tmp_path / "weights.pth", tmp_path / "named.safetensors", "resnet18")


def test_the_shipped_file_fits_the_shipped_network() -> None:
    roots, cuts = shipped().roots, judged(embedded().cuts)
    levels = {level for _, level in roots.by_place}
    assert len(levels) > 3
    for cut in cuts:
        for level in levels:
            moments = roots.moments(cut.name, level)
            assert moments is not None
            assert moments.mean.shape == moments.std.shape == (cut.channels,)
    assert shipped().weights.shape[1] == sum(cut.channels for cut in cuts)
