"""Engines: that of bf16 within its precision of the reference, and what is kept of it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from regraft.network.backbone import Backbone
from regraft.network.description import Architecture
from regraft.network.engine import BF16, FLOAT32, PYTORCH, Outputs, best_engine, compile_pass
from regraft.network.load import load
from regraft.network.preprocessing import Preprocessing
from regraft.network.surgery import pooled_network

POOLS = ("mean", "rms")
PIXELS = np.random.default_rng(0).integers(0, 256, (16, 96, 96, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def embedded() -> Backbone:
    return load("embedded", image_size=96)


@pytest.fixture
def bf16() -> None:
    if best_engine("cpu") != BF16:
        pytest.skip("this processor or installation has no bf16 engine")


def outputs_of(backbone: Backbone, name: str) -> Outputs:
    engine = compile_pass(backbone, backbone.cuts, POOLS, False, "cpu", name)
    assert engine.name == name
    return engine.run(PIXELS)


@pytest.mark.usefixtures("bf16")
def test_engines_agree_on_a_network_without_depthwise_convolutions() -> None:
    torch.manual_seed(0)
    architecture = Architecture("timm", "resnet18", {"channels": (40, 80, 160, 320)})
    model = architecture.build()
    backbone = Backbone("narrow", architecture, lambda: model, Preprocessing(96))
    for ours, expected in zip(outputs_of(backbone, BF16), outputs_of(backbone, PYTORCH), strict=True):
        assert np.abs(ours - expected).mean() < 0.02 * np.abs(expected).mean()


@pytest.mark.usefixtures("bf16")
def test_engines_agree(embedded: Backbone) -> None:
    network = pooled_network(embedded.model, embedded.traced, embedded.cuts, POOLS)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        images = embedded.preprocessing.normalise(torch.from_numpy(PIXELS))
        plain = [output.float().numpy() for output in network(images)]
    found, reference = outputs_of(embedded, BF16), outputs_of(embedded, PYTORCH)
    for ours, rounded, expected in zip(found, plain, reference, strict=True):
        assert np.abs(ours - expected).mean() < 1.5 * np.abs(rounded - expected).mean() + 1e-6
        assert np.corrcoef(ours.ravel(), expected.ravel())[0, 1] > 0.99


def test_batches_that_go_through_at_once_do_not_mix(embedded: Backbone) -> None:
    engine = compile_pass(embedded, embedded.cuts[-1:], ("mean",), False, "cpu", best_engine("cpu"))
    alone = [engine.run(PIXELS[row : row + 1])[0] for row in range(len(PIXELS))]
    with ThreadPoolExecutor(4) as threads:
        at_once = list(threads.map(lambda row: engine.run(PIXELS[row : row + 1])[0], range(len(PIXELS))))
    assert all(np.array_equal(one, other) for one, other in zip(at_once, alone, strict=True))


def test_a_kept_network_is_not_taken_for_one_with_other_cuts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path))
    usual = load("demonstration", image_size=96)
    outputs_of(usual, FLOAT32)
    monkeypatch.setattr("regraft.network.tracing.FEWEST", 3)
    monkeypatch.setattr("regraft.network.tracing.MOST", 3)  # as another version might choose them
    other = load("demonstration", image_size=96)
    assert (other.fingerprint, len(other.cuts)) == (usual.fingerprint, 3)
    for ours, expected in zip(outputs_of(other, FLOAT32), outputs_of(other, PYTORCH), strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("damaged", ["bin", "xml"])
def test_a_converted_network_is_kept_and_made_anew_when_damaged(
    tmp_path: Path, damaged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino = pytest.importorskip("openvino")  # it is not to be had on every processor
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path))
    made = []
    convert = openvino.convert_model
    monkeypatch.setattr(openvino, "convert_model", lambda *given, **more: made.append(1) or convert(*given, **more))
    backbone = load("demonstration", image_size=96)
    fresh = outputs_of(backbone, FLOAT32)
    kept = {path.suffix: path for path in tmp_path.rglob("openvino-*")}
    assert set(kept) == {".xml", ".bin", ".crc32"}
    for conversions in (1, 2):
        if conversions == 2:
            kept["." + damaged].unlink()
            kept["." + damaged].write_bytes(b"none")
        again = outputs_of(backbone, FLOAT32)
        assert len(made) == conversions  # read where it is whole, made anew where it is not
        assert all(np.array_equal(ours, expected) for ours, expected in zip(again, fresh, strict=True))
