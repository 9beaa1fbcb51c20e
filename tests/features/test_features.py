from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from regraft.data.decoding import decode
from regraft.data.find import find_images
from regraft.data.identity import Look
from regraft.errors import BackboneError
from regraft.features.extract import extract, extract_known
from regraft.features.frozen_pass import FrozenPass, Read, confidence_of, wanted_of
from regraft.network.backbone import Backbone
from regraft.network.engine import PYTORCH
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
def test_what_falls_back_to_another_engine_goes_through_once(
    make_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("openvino")
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))

    def refuse(*_: object) -> None:
        raise ValueError("an operation that OpenVINO lacks")

    monkeypatch.setattr("regraft.network.openvino_graph.graph_of", refuse)
    images, demonstration = find_images(make_folder(each=3)), load("demonstration", image_size=32)
    assert [extract(images, demonstration).passed for _ in range(3)] == [6, 0, 0]
    monkeypatch.setattr("regraft.features.store.version_of_openvino", lambda: "a newer one")
    assert extract(images, demonstration).passed == 6  # which may run it


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
    last = embedded.cuts[-1:]
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


def test_numbers_that_are_not_finite_are_refused() -> None:
    backbone = load("demonstration")
    frozen = FrozenPass(backbone, wanted_of(backbone))
    outputs = [np.ones((1, cut.channels), np.float32) for cut in backbone.cuts]
    outputs[1][0, 3] = np.nan
    with pytest.raises(BackboneError, match="not finite"):
        frozen.keep([Read("0" * 32, Look("0" * 32, "", 1, 1))], outputs)
