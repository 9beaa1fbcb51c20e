"""What is known of a network without building it is what the built one says."""

import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from safetensors.torch import save_file

from regraft.network.backbone import Backbone
from regraft.network.describe import describe
from regraft.network.description import description_from, read_description
from regraft.network.load import embedded, load
from regraft.network.state import hash_of_state, state_of
from regraft.network.steps import written
from regraft.network.surgery import pooled_network

NAME = "torchvision/squeezenet1_1"


@pytest.fixture
def weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file with random weights, and a cache of its own where nothing is known."""
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    write_weights(tmp_path / "weights.safetensors", 0)
    return tmp_path / "weights.safetensors"


def write_weights(path: Path, seed: int) -> None:
    torch.manual_seed(seed)
    save_file(torchvision.models.squeezenet1_1().state_dict(), path)


@pytest.mark.slow
def test_the_embedded_network_at_a_larger_size_is_described_as_it_is() -> None:
    resized = load("embedded", image_size=160)
    assert not resized.built
    known, built = resized.description, replace(resized)  # the second knows nothing yet
    for name in ("fingerprint", "stages", "parameters", "preprocessing", "classifier"):
        assert getattr(known, name) == getattr(built.description, name)
    for own, other in zip(known.cuts, built.description.cuts, strict=True):
        assert replace(own, share=0.0) == replace(other, share=0.0)
        assert own.share == pytest.approx(other.share, rel=1e-3)
    assert known.multiply_adds == pytest.approx(built.description.multiply_adds, rel=1e-3)
    assert known.activations == pytest.approx(built.description.activations, rel=0.01)
    assert resized.traced.cuts == built.traced.cuts
    assert resized.cuts == known.cuts  # its description stays when it is traced


def test_the_shipped_description_is_the_shipped_networks() -> None:
    shipped = embedded()
    model, traced = shipped.model, shipped.traced
    own = describe(model, traced, shipped.architecture, shipped.preprocessing, shipped.source_classes)
    assert shipped.description == own
    assert description_from(json.loads(json.dumps(own.as_dict()))) == own
    assert shipped.steps
    assert json.loads(shipped.steps.read_text()) == written(model, traced)
    assert sum(own.parameters) < own.all_parameters == sum(p.numel() for p in model.parameters())
    for cut, size in zip(own.cuts, np.cumsum(own.parameters), strict=True):
        assert size == sum(p.numel() for p in pooled_network(model, traced, [cut]).parameters())


@pytest.mark.parametrize("built", [False, True])
def test_the_state_up_to_a_cut_is_that_of_the_network_sliced_there(built: bool) -> None:
    whole = embedded()
    backbone = replace(whole).known_as(whole.description)
    assert not backbone.built
    if built:
        assert backbone.model
    for cut in (backbone.cuts[0], backbone.cuts[-1]):
        expected = state_of(pooled_network(whole.model, whole.traced, [cut]))
        found = backbone.state_up_to(cut)
        assert found.keys() == expected.keys()
        assert hash_of_state(found) == hash_of_state(expected)
    assert backbone.built == built


AGAIN = f"""
import sys
from regraft.network.load import load
backbone = load({NAME!r}, sys.argv[1], 96)
print(backbone.fingerprint, *(cut.name for cut in backbone.cuts))
print(sorted({{"torch", "torchvision", "timm"}} & set(sys.modules)))
"""


def said_again(weights: Path) -> list[str]:
    done = subprocess.run([sys.executable, "-c", AGAIN, weights], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_a_named_network_is_built_once_only(weights: Path) -> None:
    first = load(NAME, str(weights), 96)
    assert first.built
    known, modules = said_again(weights)
    assert known == " ".join([first.fingerprint, *(cut.name for cut in first.cuts)])
    assert modules == "[]"
    again = load(NAME, str(weights), 96)
    assert not again.built
    assert (again.description, again.preprocessing) == (first.description, first.preprocessing)
    check_same_network(again, first)
    assert load(NAME, str(weights), 64).built  # another size has other cuts


def check_same_network(one: Backbone, other: Backbone) -> None:
    last = other.cuts[-1]
    assert hash_of_state(one.state_up_to(last)) == hash_of_state(other.state_up_to(last))
    assert hash_of_state(state_of(one.model)) == hash_of_state(state_of(other.model))


def test_other_weights_in_the_same_file_are_another_network(weights: Path) -> None:
    first = load(NAME, str(weights), 96)
    was = weights.stat()
    write_weights(weights, 1)
    os.utime(weights, ns=(was.st_atime_ns, was.st_mtime_ns + 1))
    assert weights.stat().st_size == was.st_size
    other = load(NAME, str(weights), 96)
    assert other.built
    assert other.fingerprint != first.fingerprint


@pytest.mark.parametrize("known_to_numpy", [False, True])
def test_weights_in_half_precision_are_those_of_the_built_network(weights: Path, known_to_numpy: bool) -> None:
    if known_to_numpy:
        pytest.importorskip("ml_dtypes")  # as after onnx was imported: NumPy reads bfloat16 from then on
    for dtype in (torch.float16, torch.bfloat16):
        state = torchvision.models.squeezenet1_1().state_dict()
        save_file({name: value.to(dtype) for name, value in state.items()}, weights)
        first, again = load(NAME, str(weights), 96), load(NAME, str(weights), 96)
        assert (first.built, again.built) == (True, False)
        check_same_network(again, first)


def test_a_damaged_description_is_made_anew(weights: Path, tmp_path: Path) -> None:
    first = load(NAME, str(weights), 96)
    (kept,) = (tmp_path / "cache" / "networks").glob("*.json")
    for text in ("", "{}", "[]", '{"description": [], "weights": null}'):
        kept.write_text(text)
        assert read_description(kept) is None
        assert load(NAME, str(weights), 96).description == first.description
        assert read_description(kept)
