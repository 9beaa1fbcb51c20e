from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from regraft.data.decoding import decode
from regraft.data.find import find_images
from regraft.features.features import extract
from regraft.network import backbone as backbones
from regraft.network.cuts import trace
from regraft.network.engine import BF16, PYTORCH, best_engine, compile_network
from regraft.network.surgery import pooled_network

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def embedded() -> tuple[backbones.Backbone, object]:
    backbone = backbones.load("embedded")
    return backbone, trace(backbone.model, backbone.preprocessing.size)


def test_cached_features_are_the_live_networks(make_folder: Make, embedded, monkeypatch) -> None:
    backbone, traced = embedded
    monkeypatch.setattr("regraft.features.features.best_engine", lambda device: PYTORCH)
    images = find_images(make_folder(each=9, classes=3))
    first = extract(images, backbone, traced, batch_size=8)
    again = extract(images, backbone, traced)
    assert (first.passed, again.passed) == (27, 0)
    transform = backbone.preprocessing.transform()
    batch = torch.stack([transform(decode(file.content.read())) for file in images.files])
    with torch.no_grad():
        live = pooled_network(backbone.model, traced, traced.cuts)(batch)
    rows = np.arange(27)
    for cut, expected in zip(traced.cuts, live, strict=True):
        np.testing.assert_allclose(again.pooled([cut], rows), expected, rtol=1e-4, atol=1e-5)
    assert again.pooled(traced.cuts[:2], rows[::-1]).shape == (27, traced.cuts[0].channels + traced.cuts[1].channels)


def test_only_new_images_go_through_the_network(
    make_folder: Make, embedded, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    backbone, traced = embedded
    root = make_folder(name="grows", each=4)
    assert extract(find_images(root), backbone, traced).passed == 8
    (root / "class0" / "copy.png").write_bytes((root / "class0" / "000.png").read_bytes())
    assert extract(find_images(root), backbone, traced).passed == 0
    Image.effect_noise((40, 40), 80).save(root / "class0" / "new.png")
    grown = extract(find_images(root), backbone, traced)
    assert grown.passed == 1
    assert len(grown.looks) == 10
    other = backbones.load("embedded", image_size=64)
    assert extract(find_images(root), other, traced).passed == 9


def test_broken_files_are_left_out_and_named(make_folder: Make, embedded) -> None:
    backbone, traced = embedded
    root = make_folder(each=4)
    (root / "class0" / "000.png").write_bytes(b"")
    (root / "class0" / "001.png").write_bytes(b"")
    features = extract(find_images(root), backbone, traced)
    assert {fault.path for fault in features.images.faults} == {"class0/000.png", "class0/001.png"}
    assert len(features.looks) == len(features.images.files) == 6


def test_engines_agree_on_a_network_without_depthwise_convolutions() -> None:
    if best_engine(torch.device("cpu")) != BF16:
        pytest.skip("this processor or installation has no bf16 engine")
    torch.manual_seed(0)
    model = timm.create_model("resnet18", channels=(40, 80, 160, 320)).eval()
    traced = trace(model, 96)
    network = pooled_network(model, traced, traced.cuts, ("mean", "rms"))
    images = torch.randn(16, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    fast = compile_network(network, 96, torch.device("cpu"), BF16).run(images)
    reference = compile_network(network, 96, torch.device("cpu"), PYTORCH).run(images)
    for ours, expected in zip(fast, reference, strict=True):
        assert np.abs(ours - expected).mean() < 0.02 * np.abs(expected).mean()


def test_engines_agree(embedded) -> None:
    if best_engine(torch.device("cpu")) != BF16:
        pytest.skip("this processor or installation has no bf16 engine")
    backbone, traced = embedded
    network = pooled_network(backbone.model, traced, traced.cuts, ("mean", "rms"))
    images = torch.randn(16, 3, 96, 96, generator=torch.Generator().manual_seed(0))
    fast = compile_network(network, 96, torch.device("cpu"), BF16).run(images)
    reference = compile_network(network, 96, torch.device("cpu"), PYTORCH).run(images)
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16):
        plain = [output.float().numpy() for output in network(images)]
    for ours, bf16, expected in zip(fast, plain, reference, strict=True):
        assert np.abs(ours - expected).mean() < 1.5 * np.abs(bf16 - expected).mean() + 1e-6
        assert np.corrcoef(ours.ravel(), expected.ravel())[0, 1] > 0.99


@pytest.mark.parametrize("damaged", ["bin", "xml"])
def test_a_converted_network_is_kept_and_made_anew_when_damaged(
    embedded, tmp_path: Path, damaged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino = pytest.importorskip("openvino")  # it is not to be had on every processor
    made = []
    convert = openvino.convert_model
    monkeypatch.setattr(openvino, "convert_model", lambda *given, **more: made.append(1) or convert(*given, **more))
    backbone, traced = embedded
    network = pooled_network(backbone.model, traced, traced.cuts[:1])
    images = torch.randn(2, 3, 64, 64)
    fresh = compile_network(network, 64, torch.device("cpu"), BF16, tmp_path).run(images)
    kept = {path.suffix: path for path in tmp_path.iterdir()}
    assert set(kept) == {".xml", ".bin"}
    for conversions in (1, 2):
        if conversions == 2:
            kept["." + damaged].unlink()
            kept["." + damaged].write_bytes(b"none")
        again = compile_network(network, 64, torch.device("cpu"), BF16, tmp_path)
        assert again.name == BF16
        assert len(made) == conversions  # read where it is whole, made anew where it is not
        assert all(np.array_equal(ours, expected) for ours, expected in zip(again.run(images), fresh, strict=True))
