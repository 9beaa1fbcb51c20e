from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image

from regraft.data.decoding import decode
from regraft.data.find import find_images
from regraft.features.extract import extract, extract_known
from regraft.features.frozen_pass import confidence_of, wanted_of
from regraft.network.backbone import Backbone
from regraft.network.cuts import trace
from regraft.network.engine import BF16, PYTORCH, best_engine, compile_network
from regraft.network.load import load
from regraft.network.surgery import pooled_network
from regraft.recipe import Recipe

Make = Callable[..., Path]


@pytest.fixture(scope="module")
def embedded() -> Backbone:
    return load("embedded")


def test_cached_features_are_the_live_networks(
    make_folder: Make, embedded: Backbone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regraft.features.frozen_pass.best_engine", lambda device: PYTORCH)
    images, traced = find_images(make_folder(each=9, classes=3)), embedded.traced
    wanted = wanted_of(embedded, spread=True)
    first = extract(images, embedded, wanted, Recipe(batch_size=8))
    again = extract(images, embedded, wanted)
    assert (first.passed, again.passed) == (27, 0)
    transform = embedded.preprocessing.transform()
    batch = torch.stack([transform(decode(file.content.read())) for file in images.files])
    with torch.no_grad():
        live = pooled_network(embedded.model, traced, traced.cuts, ("mean", "rms"))(batch)
    rows, count = np.arange(27), len(traced.cuts)
    for cut, mean, spread in zip(traced.cuts, live[:count], live[count:], strict=True):
        np.testing.assert_allclose(again.pooled([cut], rows), mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(again.root_mean_squares(cut, rows), spread, rtol=2e-3, atol=1e-5)  # half precision
    assert again.pooled(traced.cuts[:2], rows[::-1]).shape == (27, traced.cuts[0].channels + traced.cuts[1].channels)


@pytest.mark.slow
def test_only_new_images_go_through_the_network(
    make_folder: Make, embedded: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    root = make_folder(name="grows", each=4)
    assert extract(find_images(root), embedded).passed == 8
    (root / "class0" / "copy.png").write_bytes((root / "class0" / "000.png").read_bytes())
    assert extract(find_images(root), embedded).passed == 0
    Image.effect_noise((40, 40), 80).save(root / "class0" / "new.png")
    grown = extract(find_images(root), embedded)
    assert grown.passed == 1
    assert len(grown.looks) == 10
    other = load("embedded", image_size=64)
    assert extract(find_images(root), other).passed == 9


@pytest.mark.slow
def test_another_network_sees_some_of_the_known_images(
    make_folder: Make, embedded: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    known = extract(find_images(make_folder(each=4)), load("embedded", image_size=64))
    rows = np.array([6, 1, 3])
    asked = extract_known(known, rows, embedded)
    assert (asked.passed, [look.content for look in asked.looks]) == (3, [known.looks[row].content for row in rows])
    assert asked.labels.tolist() == known.labels[rows].tolist()
    whole = extract(known.images, embedded)
    assert whole.passed == 5
    last = embedded.traced.cuts[-1:]
    np.testing.assert_array_equal(asked.pooled(last, np.arange(3)), whole.pooled(last, rows))
    assert extract_known(known, np.arange(8), embedded).passed == 0


def test_broken_files_are_left_out_and_named(make_folder: Make, embedded: Backbone) -> None:
    root = make_folder(each=4)
    (root / "class0" / "000.png").write_bytes(b"")
    (root / "class0" / "001.png").write_bytes(b"")
    features = extract(find_images(root), embedded)
    assert {fault.path for fault in features.images.faults} == {"class0/000.png", "class0/001.png"}
    assert len(features.looks) == len(features.images.files) == 6


def test_the_classifiers_entropy_and_energy() -> None:
    found = confidence_of(np.array([[0.0] * 4, [20.0, 0, 0, 0]], dtype=np.float32))
    assert found["confidence"][0] == pytest.approx([np.log(4), -np.log(4)], abs=1e-4)
    assert found["confidence"][1] == pytest.approx([0, -20], abs=1e-4)
    assert found["nearest"][1][0] == 0


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


def test_engines_agree(embedded: Backbone) -> None:
    if best_engine(torch.device("cpu")) != BF16:
        pytest.skip("this processor or installation has no bf16 engine")
    network = pooled_network(embedded.model, embedded.traced, embedded.traced.cuts, ("mean", "rms"))
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
    embedded: Backbone, tmp_path: Path, damaged: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    openvino = pytest.importorskip("openvino")  # it is not to be had on every processor
    made = []
    convert = openvino.convert_model
    monkeypatch.setattr(openvino, "convert_model", lambda *given, **more: made.append(1) or convert(*given, **more))
    network = pooled_network(embedded.model, embedded.traced, embedded.traced.cuts[:1])
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
