"""A run keeps its set's range, predicts and evaluates with it; and no library prints a line."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import picture
from PIL import Image
from tiffs import DEFLATE, encoded, tiff

import regraft as package
from regraft.data.rendering import Range

Regraft = Callable[..., tuple[int, str, str]]


def write(root: Path, low: int, high: int) -> Path:
    """Two classes that differ by their brightness alone, deep in 16 bits."""
    for kind in range(2):
        (root / f"class{kind}").mkdir(parents=True)
        for i in range(15):
            grey = np.asarray(picture(0, i + 100 * kind).convert("L")).astype(float) / 255 * (0.5 + 0.5 * kind)
            values = (low + (high - low) * grey).astype(np.uint16)
            Image.fromarray(values).save(root / f"class{kind}" / f"{i:02d}.png")
    return root


@pytest.mark.slow
def test_a_run_keeps_its_range(tmp_path: Path, regraft: Regraft) -> None:
    data, run = write(tmp_path / "data", 32618, 33118), tmp_path / "run"
    options = ("--strategy", "head", "--device", "cpu", "--json", "--quiet")
    code, out, err = regraft("train", data, *options, "--out", run)
    assert code == 0, err
    trained = json.loads(out)
    assert trained["metrics"]["accuracy"] == 1
    assert any("16-bit grey" in note and "become 0 to 255" in note for note in trained["notes"])
    config = json.loads((run / "model" / "config.json").read_text())["regraft"]["rendering"]
    assert config == json.loads((run / "data.json").read_text())["rendering"]
    assert config["ranges"][0]["low"] > 32_000
    code, out, err = regraft("train", data, *options, "--out", tmp_path / "again")
    assert json.loads(out)["images_through_backbone"] == 0

    classifier = package.load(run, "cpu")
    assert classifier.rendering is not None
    assert classifier.rendering.ranges[0].low == config["ranges"][0]["low"]
    alone = classifier.predict([data / "class0" / "03.png", data / "class1" / "03.png"])
    assert [prediction.label for prediction in alone] == ["class0", "class1"]
    code, out, err = regraft("evaluate", run, data, "--json", "--quiet")
    assert json.loads(out)["metrics"]["accuracy"] == 1
    code, out, err = regraft("evaluate", run, data, "--range", "0,65535", "--json", "--quiet")
    assert json.loads(out)["metrics"]["accuracy"] == 0.5
    images = (data / "class1", "--json", "--quiet")
    for options, label in (((), "class1"), (("--range", "0,65535"), None), (("--background", "black"), "class1")):
        code, out, err = regraft("predict", run, *images, *options)
        named = {row["class"] for row in json.loads(out)["predictions"]}
        assert len(named) == 1
        assert label is None or named == {label}
    code, out, err = regraft("evaluate", run, data, "--range", "wide", "--quiet")
    assert (code, "--range is 'wide'" in err) == (2, True)


def test_another_range_is_another_set_of_features(tmp_path: Path, regraft: Regraft) -> None:
    data = write(tmp_path / "data", 0, 4095)
    passed = []
    for text in ("0,4095", "0,8000", "0,4095"):
        code, out, err = regraft("plan", data, "--range", text, "--json", "--quiet")
        assert code == 0, err
        planned = json.loads(out)
        assert any(f"Pixel values 0 to {int(text[2:]):,}" in line for line in planned["details"])
        passed.append(planned["images_through_backbone"])
    assert passed == [30, 30, 0]


def test_deep_images_that_the_sample_missed_are_measured(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    from regraft.planning.prepare import prepare
    from regraft.recipe import Recipe

    root = make_folder(each=60)
    draw = np.random.default_rng(0)
    for i in (3, 41):
        deep = draw.integers(0, 4096, (40, 40)).astype(np.uint16)
        (root / "class0" / f"{i:03d}.png").write_bytes(encoded(deep, "PNG"))
    for _ in range(2):
        job = prepare(root, Recipe())
        assert job.images.rendering.ranges == (Range("16-bit grey", 0, 4095),)
        assert len(job.images.files) == 120
        assert [fault.kind for fault in job.images.faults].count("mixed depths") == 1


def test_an_8_bit_run_says_what_it_cannot_know(tmp_path: Path, make_folder: Callable[..., Path]) -> None:
    root, run = make_folder(each=15), tmp_path / "run"
    package.train(root, package.Recipe(strategy="head", device="cpu"), run)
    draw = np.random.default_rng(0)
    for high, fault in ((4096, "other depth"), (65536, None)):
        deep = draw.integers(0, high, (40, 40)).astype(np.uint16)
        (tmp_path / "new.png").write_bytes(encoded(deep, "PNG"))
        (prediction,) = package.load(run, "cpu").predict(tmp_path / "new.png")
        assert (prediction.fault.kind if prediction.fault else None) == fault


def test_drawings_of_which_nothing_shows_are_refused(tmp_path: Path, regraft: Regraft) -> None:
    for kind in range(2):
        (tmp_path / "data" / f"class{kind}").mkdir(parents=True)
        for i in range(8):
            alpha = np.asarray(picture(kind, i).convert("L"))
            white = np.full((*alpha.shape, 3), 255, np.uint8)
            Image.fromarray(np.dstack([white, alpha])).save(tmp_path / "data" / f"class{kind}" / f"{i}.png")
    code, out, err = regraft("plan", tmp_path / "data", "--quiet")
    assert (code, out) == (2, "")
    assert "nothing shows of the transparent images" in err
    assert "--background black" in err
    code, out, err = regraft("plan", tmp_path / "data", "--background", "black", "--json", "--quiet")
    assert code == 0, err


@pytest.mark.parametrize("damage", ["bands", "strips"])
def test_no_library_prints_a_line(damage: str, tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    for kind in range(2):
        (tmp_path / f"class{kind}").mkdir()
        for i in range(4):
            if damage == "bands":
                data = tiff(draw.integers(0, 4096, (20, 20, 13)).astype(np.uint16))
            else:
                whole = tiff(draw.integers(0, 256, (40, 40, 3), dtype=np.uint8), compression=DEFLATE)
                data = whole[:60] + bytes(2000) + whole[2060:]
            (tmp_path / f"class{kind}" / f"{i}.tif").write_bytes(data)
    command = [sys.executable, "-m", "regraft", "scan", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1
    assert ("--bands 3,2,1" in done.stderr) == (damage == "bands")
    assert "error -" not in done.stderr
