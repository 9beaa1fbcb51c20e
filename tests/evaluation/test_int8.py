"""A run in 8 bits: what it costs is measured on held-out images, and too much of it leaves 32 bits."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import picture

import regraft
from regraft import Recipe, RecipeError, Run, RunError
from regraft.evaluation.export.proof_images import own_images
from regraft.network.export import int8

pytest.importorskip("openvino")
SETTINGS = Recipe(backbone="demonstration", image_size=32, strategy="head")
Regraft = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("made")
    for kind in (0, 1):
        for part, each in (("train", 12), ("val", 6), ("test", 6)):
            folder = root / "data" / part / f"class{kind}"
            folder.mkdir(parents=True)
            for i in range(each):
                picture(kind, i + 100 * (part == "val") + 200 * (part == "test")).save(folder / f"{i}.png")
    return regraft.train(root / "data", SETTINGS, root / "run")


@pytest.fixture
def run(made: Run, tmp_path: Path) -> Path:
    shutil.copytree(made.folder, tmp_path / "run")
    return tmp_path / "run"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")  # of NNCF's own imports
def test_eight_bits_are_written_and_judged(run: Path) -> None:
    pytest.importorskip("nncf")
    exports = regraft.export(run, int8=True)
    made = exports.int8
    assert made
    assert made.folder == run / "export" / "openvino-int8"
    assert made.images == 24
    assert made.same >= 20
    assert made.bytes < made.bytes_before
    assert made.lost.low <= made.lost.mean <= made.lost.high <= 1
    import openvino

    graph = openvino.Core().read_model(made.folder / "model.xml")
    assert "FakeQuantize" in {node.get_type_name() for node in graph.get_ops()}
    done = subprocess.run(
        [sys.executable, made.folder / "check.py"], capture_output=True, text=True, check=False, cwd=run
    )
    assert (done.returncode, done.stdout) == (0, "OK: 3 images, probabilities within 0.05\n"), done.stderr
    with pytest.raises(RunError, match="exists already"):
        regraft.export(run, int8=True)


def spoiled(folder: Path, pixels: Any, most_changed: float) -> Any:
    """A graph that says the first class of everything, where NNCF would have lost as much."""
    import openvino
    from openvino import opset13 as ops

    images = ops.parameter([-1, 32, 32, 3], np.uint8)
    zero = ops.reduce_max(ops.multiply(ops.convert(images, "f32"), np.float32(0)), np.array([1, 2, 3]), True)
    ends = ops.reshape(zero, np.array([-1, 1]), False)
    return openvino.Model([ops.result(ops.add(ends, np.array([[0.9, 0.1]], np.float32)))], [images], "spoiled")


@pytest.mark.slow
def test_what_loses_too_much_is_left_out_with_its_figure(
    regraft: Regraft, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(int8, "quantised", spoiled)
    monkeypatch.setattr("regraft.evaluation.export.int8.find_spec", lambda name: name)
    stale = run / "export" / "openvino-int8"
    stale.mkdir(parents=True)
    (stale / "preprocess.py").write_text("")
    code, printed, _ = regraft("export", run, "--int8", "--overwrite", "--quiet")
    assert code == 0
    assert "int8 was not written: accuracy -" in printed
    assert "on 24 held-out images" in printed
    assert {path.name for path in (run / "export").iterdir()} == {"openvino"}
    code, printed, _ = regraft("export", run, "--int8", "--most-loss", 60, "--overwrite", "--json")
    assert json.loads(printed)["int8"]["folder"] == str(stale)
    assert (stale / "check.py").exists()


def test_what_cannot_be_asked_for(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RecipeError, match="--int8 is a form of openvino; add openvino to --to"):
        regraft.export(run, "hub-folder", int8=True)
    with pytest.raises(RecipeError, match="--most-loss is -1"):
        regraft.export(run, int8=True, most_loss=-1)
    monkeypatch.setattr("regraft.evaluation.export.int8.find_spec", lambda name: None)
    with pytest.raises(RecipeError, match=r'--int8 needs nncf, .*; pip install "regraft\[export\]"'):
        regraft.export(run, int8=True)


def test_images_that_are_gone_are_said(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regraft.evaluation.export.int8.find_spec", lambda name: name)
    data = json.loads((run / "data.json").read_text())
    shutil.copytree(data["root"], tmp_path / "data")
    (run / "data.json").write_text(json.dumps(data | {"root": str(tmp_path / "data")}))
    shutil.rmtree(tmp_path / "data" / "train")
    with pytest.raises(RunError, match="0 of the run's training images can be read where they lay; 20 are needed"):
        regraft.export(run, int8=True)
    assert not (run / "export").exists()


def test_a_runs_own_images_are_found_in_an_archive(made: Run, tmp_path: Path) -> None:
    data = json.loads((made.folder / "data.json").read_text())
    packed = shutil.make_archive(str(tmp_path / "data"), "zip", data["root"])
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "data.json").write_text(json.dumps(data | {"root": packed}))
    found = own_images(tmp_path / "run")
    assert {(image.path, image.part, image.label) for image in found} == {
        (file["path"], file["split"], file["class"]) for file in data["files"]
    }
    assert found[0].content.read() == (Path(data["root"]) / found[0].path).read_bytes()
