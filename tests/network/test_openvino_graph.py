"""OpenVINO's graphs in single precision are the torch networks: at every cut, with every pool, with heads on them."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from networks import backbone_of

from regraft.features.head import HeadSettings, fresh_head
from regraft.network.backbone import Backbone
from regraft.network.cuts import POOLINGS
from regraft.network.engine import FLOAT32, Outputs, compile_pass, openvino_engine
from regraft.network.graft import Graft
from regraft.network.head import head_of
from regraft.network.load import load
from regraft.network.surgery import pooled_network

openvino_graph = pytest.importorskip("regraft.network.openvino_graph", exc_type=ImportError)


def pixels_of(size: int, images: int = 3) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (images, size, size, 3), dtype=np.uint8)


def check_close(ours: Sequence[np.ndarray], expected: Outputs, within: float) -> None:
    """Within a share of the largest value that torch gives."""
    for one, other in zip(ours, expected, strict=True):
        assert one.shape == other.shape
        assert np.abs(one - other).max() <= within * np.abs(other).max()


def by_torch(backbone: Backbone, pools: Sequence[str], pixels: np.ndarray) -> Outputs:
    network = pooled_network(backbone.model, backbone.traced, backbone.cuts, pools, logits=True)
    with torch.inference_mode():
        return [value.numpy() for value in network(backbone.preprocessing.normalise(torch.from_numpy(pixels)))]


@pytest.mark.parametrize("size", [128, 96])
def test_the_shipped_steps_are_the_shipped_network(size: int) -> None:
    backbone, pixels = load("embedded", image_size=size), pixels_of(size)
    engine = compile_pass(backbone, backbone.cuts, ("mean", "max"), True, "cpu", FLOAT32)
    assert engine.name == FLOAT32
    check_close(engine.run(pixels), by_torch(backbone, ("mean", "max"), pixels), 1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["resnet18", "regnetx_002"])  # in the first, a ReLU changes values at cuts in place
def test_a_converted_network_is_the_torch_network(name: str) -> None:
    backbone = backbone_of(name)
    pixels = pixels_of(64)
    values = openvino_engine(
        openvino_graph.taking_pixels(
            graph := openvino_graph.graph_of(backbone), openvino_graph.values_of(graph), backbone.preprocessing
        ),
        FLOAT32,
    ).run(pixels)
    with torch.inference_mode():
        images = backbone.preprocessing.normalise(torch.from_numpy(pixels))
        expected = [
            value.numpy()
            for value in pooled_network(backbone.model, backbone.traced, backbone.cuts, ("whole",), logits=True)(images)
        ]
        check_close([backbone.model(images).numpy()], expected[-1:], 1e-6)
    assert len(values) == len(backbone.cuts) + 1
    check_close(values, expected, 1e-3)
    pools = ("mean", "max", "rms")
    engine = compile_pass(backbone, backbone.cuts, pools, True, "cpu", FLOAT32)
    assert engine.name == FLOAT32
    check_close(engine.run(pixels), by_torch(backbone, pools, pixels), 1e-3)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("pooling", POOLINGS)
def test_a_grafts_graph_is_its_module(pooling: str, layers: int) -> None:
    backbone, pixels = load("embedded", image_size=64), pixels_of(64)
    cuts = (backbone.cuts[2], backbone.cuts[-1])
    torch.manual_seed(0)
    inputs = len(POOLINGS[pooling]) * sum(cut.channels for cut in cuts)
    head = head_of(fresh_head(inputs, 5, HeadSettings(layers=layers, hidden=16)))
    graft = Graft(backbone, cuts, head, pooling)
    found = openvino_engine(openvino_graph.graph_of_graft(graft), FLOAT32).run(pixels)
    with torch.inference_mode():
        expected = graft.module(backbone.preprocessing.normalise(torch.from_numpy(pixels))).numpy()
    check_close(found, [expected], 1e-4)
    assert graft.parameters == sum(p.numel() for p in graft.module.parameters())
    assert (graft.complete, graft.last_cut) == (True, backbone.cuts[-1])
    assert not replace(graft, cuts=cuts[:1]).complete


def test_a_kept_graph_that_was_damaged_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path))
    backbone = backbone_of("torchvision/squeezenet1_1", 64)
    path = openvino_graph.path_of(backbone)
    openvino_graph.graph_of(backbone)
    weights = path.with_suffix(".bin").read_bytes()
    made: list[Backbone] = []
    converted = openvino_graph.converted
    monkeypatch.setattr(openvino_graph, "converted", lambda one: made.append(one) or converted(one))
    openvino_graph.graph_of(backbone)
    assert not made
    for damaged in (weights[:1000] + b"\xff" + weights[1001:], weights[:1000]):
        path.with_suffix(".bin").write_bytes(damaged)
        openvino_graph.graph_of(backbone)
        assert made.pop() is backbone
        assert path.with_suffix(".bin").read_bytes() == weights
