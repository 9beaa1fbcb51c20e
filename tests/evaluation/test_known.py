"""predict says whether the run was trained on anything like an image; runs that cannot say so leave it empty."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from regraft import Recipe, load
from regraft.errors import RunError
from regraft.evaluation.known import NOT_HERE, OLDER
from regraft.features.familiar_file import FAMILIAR
from regraft.network.engine import Engine
from regraft.runs.job import train

Regraft = Callable[..., tuple[int, str, str]]


def stripes(kind: int, seed: int) -> Image.Image:
    draw = np.random.default_rng(100 * kind + seed)
    x, y = np.meshgrid(np.arange(40), np.arange(40))
    wave = np.sin((x if kind else y) * 0.4 + draw.uniform(0, 6))
    return Image.fromarray((128 + 60 * wave[..., None] * np.eye(3)[kind] + draw.normal(0, 9, (40, 40, 3))).astype("u1"))


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("known") / "data"
    for kind in range(2):
        (root / f"class{kind}").mkdir(parents=True)
        for i in range(40):
            stripes(kind, i).save(root / f"class{kind}" / f"{i:03d}.png")
    return root


@pytest.fixture(scope="module")
def run(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = Recipe(image_size=64, fast=True)
    return train(data, recipe, tmp_path_factory.mktemp("runs") / "head").folder


@pytest.fixture(scope="module")
def tuned(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recipe = Recipe(image_size=32, backbone="demonstration", strategy="fine-tune", epochs=1)
    return train(data, recipe, tmp_path_factory.mktemp("runs") / "tuned").folder


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """New images of both classes, and two of noise."""
    folder = tmp_path_factory.mktemp("new")
    noise = [np.random.default_rng(i).integers(0, 256, (40, 40, 3), dtype=np.uint8) for i in range(2)]
    pictures = [stripes(0, 90), stripes(1, 91), *map(Image.fromarray, noise)]
    for place, picture in enumerate(pictures):
        picture.save(folder / f"{place}.png")
    return sorted(folder.iterdir())


def test_images_of_the_kind_are_known_and_noise_is_not(run: Path, paths: list[Path]) -> None:
    predictions = load(run, device="cpu").predict(paths)
    assert [prediction.known for prediction in predictions] == [True, True, False, False]
    for kind in range(2):
        assert all(name.startswith(f"class{kind}/") for name in predictions[kind].neighbours)
        assert len(predictions[kind].neighbours) == 3
    assert repr(predictions[2]).endswith("unlike anything it was trained on")


def test_both_engines_hand_out_what_the_head_sees(run: Path, paths: list[Path]) -> None:
    classifier = load(run, device="cpu")
    assert classifier.saved
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    by_graph = classifier.engine.run(pixels)
    engine: Engine = classifier.look_at(())
    np.testing.assert_allclose(by_graph[1], np.concatenate(engine.run(pixels), axis=1), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(classifier.saved.graft.head.logits(by_graph[1]), by_graph[0], rtol=1e-3, atol=1e-3)


def test_torch_hands_out_the_same(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    for path in copy.glob("model/openvino.*"):
        path.unlink()
    config = json.loads((copy / "model" / "config.json").read_text())
    config["regraft"] |= {"graph_of": None}
    config["regraft"].pop("checksum")
    (copy / "model" / "config.json").write_text(json.dumps(config))
    pixels = np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    there, here = (load(folder, device="cpu").engine.run(pixels) for folder in (run, copy))
    assert len(there) == len(here) == 2
    for one, other in zip(there, here, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-3)


def test_a_tuned_run_sees_with_the_network_as_it_was(tuned: Path, paths: list[Path], data: Path) -> None:
    predictions = load(tuned, device="cpu").predict([data / "class0" / "000.png", *paths])
    assert all(isinstance(prediction.known, bool) for prediction in predictions)
    assert len(predictions[0].neighbours) == 3


def test_without_that_network_nothing_is_said(tuned: Path, paths: list[Path], tmp_path: Path, regraft: Regraft) -> None:
    copy = tmp_path / "run"
    shutil.copytree(tuned, copy)
    recipe = json.loads((copy / "recipe.json").read_text())
    (copy / "recipe.json").write_text(json.dumps(recipe | {"backbone": "resnet18", "weights": "gone.safetensors"}))
    code, shown, said = regraft("predict", copy, *paths, "--quiet")
    assert (code, NOT_HERE in " ".join(said.split())) == (0, True)
    assert "known" not in shown


def test_an_older_run_leaves_it_empty(run: Path, paths: list[Path], tmp_path: Path, regraft: Regraft) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    (copy / "model" / FAMILIAR).unlink()
    code, shown, said = regraft("predict", copy, *paths, "--json", "--neighbours")
    assert (code, OLDER in " ".join(said.split())) == (0, True)
    row = json.loads(shown)["predictions"][0]
    assert [row[name] for name in ("known", "neighbour 1", "neighbour 3")] == [None] * 3


def test_a_damaged_file_is_refused(run: Path, paths: list[Path], tmp_path: Path) -> None:
    copy = tmp_path / "run"
    shutil.copytree(run, copy)
    path = copy / "model" / FAMILIAR
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(RunError, match="damaged"):
        load(copy, device="cpu").predict(paths)


@pytest.mark.parametrize("name", ["p.csv", "p.jsonl"])
def test_files_say_so_too(name: str, run: Path, paths: list[Path], tmp_path: Path, regraft: Regraft) -> None:
    out = tmp_path / name
    code, shown, _ = regraft("predict", run, *paths, "--out", out, "--neighbours", "--quiet")
    assert code == 0
    assert "2 of 4 images are unlike anything the run was trained on" in " ".join(shown.split())
    text = out.read_text()
    rows = list(csv.DictReader(text.splitlines())) if name == "p.csv" else list(map(json.loads, text.splitlines()))
    assert [row["known"] for row in rows] == ["yes", "yes", "no", "no"]
    assert rows[0]["neighbour 1"].startswith("class0/")
    code, _, said = regraft("predict", run, *paths, "--out", out, "--resume")
    assert (code, "is whole" in said) == (2, True)
