"""A run leaves regraft only in files that give its own answers; beside each lies the program that checks it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import picture

import regraft
from regraft import DataError, Recipe, RecipeError, Run, RunError
from regraft.data.rendering import Range, Rendering
from regraft.evaluation.classifier import Classifier
from regraft.evaluation.export.export import outside_of, place_for
from regraft.evaluation.export.proof import golden
from regraft.evaluation.export.proof_images import Example, examples_of, source_of
from regraft.network.export import deployed
from regraft.network.preprocessing import Preprocessing

SETTINGS = Recipe(backbone="demonstration", image_size=32, strategy="head")
ALONE = """
import runpy, sys
code = 0
try:
    runpy.run_path(sys.argv[1], run_name="__main__")
except SystemExit as stop:
    code = stop.code
heavy = {"torch", "timm", "regraft", "openvino", "onnxruntime"} & set(sys.modules)
print(sorted(heavy))
sys.exit(code)
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("made")
    for kind in (0, 1):
        for part, each in (("train", 8), ("val", 4)):
            folder = root / "data" / part / f"class{kind}"
            folder.mkdir(parents=True)
            for i in range(each):
                picture(kind, i + 100 * (part == "val")).save(folder / f"{i}.png" if i % 2 else folder / f"{i}.jpg")
    return regraft.train(root / "data", SETTINGS, root / "run")


@pytest.fixture
def run(made: Run, tmp_path: Path) -> Path:
    shutil.copytree(made.folder, tmp_path / "run")
    return tmp_path / "run"


def check(folder: Path) -> subprocess.CompletedProcess[str]:
    """Its check.py, from elsewhere, in a process that finds no regraft by itself."""
    command = [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(folder)!r})\n{ALONE}", folder / "check.py"]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder.parent)


@pytest.mark.parametrize(
    ("form", "file", "runtime"),
    [
        ("openvino", "model.xml", "openvino"),
        pytest.param("onnx", "model.onnx", "onnxruntime", marks=pytest.mark.slow),
        pytest.param("torch", "model.pt2", "torch", marks=pytest.mark.slow),
    ],
)
def test_a_file_its_code_and_its_check(form: str, file: str, runtime: str, run: Path) -> None:
    pytest.importorskip(runtime)
    exports = regraft.export(run, form)
    (one,) = exports.files
    assert (exports.part, one.proof.images, one.folder) == ("val", 8, run / "export" / form)
    assert one.proof.largest_difference < 1e-4
    assert ("INFERENCE_PRECISION_HINT" in one.note) == (form == "openvino")
    assert {path.name for path in one.folder.iterdir()} - {"model.bin"} == {
        file, "preprocess.py", "check.py", "golden", "golden.json"
    }  # fmt: skip
    done = check(one.folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["OK: 3 images, probabilities within 0.001", str([runtime])]


def test_the_check_says_what_differs(run: Path) -> None:
    pytest.importorskip("openvino")
    folder = regraft.export(run).files[0].folder
    expected = json.loads((folder / "golden.json").read_text())
    expected["images"][1]["probabilities"][0] += 0.2
    (folder / "golden.json").write_text(json.dumps(expected))
    done = check(folder)
    assert done.returncode == 1
    assert done.stdout.startswith("golden/2.")
    assert "'class0' has" in done.stdout
    assert done.stdout.count("there") == 1


def test_golden_images_are_of_several_classes_and_small() -> None:
    def example(top: int, size: int) -> Example:
        return Example(f"{top} {size}.jpg", b"x" * size, np.eye(3)[top])

    examples = [example(0, 2 << 20), example(0, 10), example(0, 11), example(1, 3 << 20), example(2, 12)]
    assert {one.name for one in golden(examples)} == {"0 10.jpg", f"1 {3 << 20}.jpg", "2 12.jpg"}
    assert len(golden(examples[:1])) == 1
    assert [one.name for one in golden(examples[:3])] == ["0 10.jpg", "0 11.jpg", f"0 {2 << 20}.jpg"]


def test_the_hub_folder_has_the_card_and_no_image(run: Path) -> None:
    (one,) = regraft.export(run, ["hub-folder"]).files
    assert {path.name for path in one.folder.iterdir()} == {
        "README.md", "config.json", "model.safetensors", "preprocess.py"
    }  # fmt: skip
    assert (one.folder / "README.md").read_text() == regraft.card(run)
    assert regraft.load(one.folder).classes == ("class0", "class1")


def nothing_is_left(run: Path) -> bool:
    return not any(path.name.endswith("exporting") or path.name == "export" for path in run.iterdir())


def test_another_normalisation_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right = deployed.Deployed.__init__

    def wrong(self: deployed.Deployed, network: torch.nn.Module, preprocessing: Preprocessing) -> None:
        right(self, network, replace(preprocessing, mean=(0.1, 0.1, 0.1)))

    monkeypatch.setattr(deployed.Deployed, "__init__", wrong)
    with pytest.raises(
        RunError,
        match=r"the torch file answers otherwise than the run: the probability of 'class.' of val/.* nothing",
    ):
        regraft.export(run, ("openvino", "torch"))
    assert nothing_is_left(run)


def test_another_way_to_resize_is_refused(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from regraft.network.export.outside import Outside

    right = Outside.write

    def wrong(self: Outside, folder: Path) -> None:
        right(replace(self, preprocessing=replace(self.preprocessing, crop_share=0.5)), folder)

    monkeypatch.setattr(Outside, "write", wrong)
    with pytest.raises(RunError, match="answers otherwise than the run"):
        regraft.export(run, "hub-folder")
    assert nothing_is_left(run)


def test_what_a_runtime_refuses_is_one_line(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    openvino = pytest.importorskip("openvino")

    def fails(*_: object, **__: object) -> None:
        raise ValueError("no such operation\nand more")

    monkeypatch.setattr(openvino, "compile_model", fails)
    with pytest.raises(RunError, match=r"its own runtime cannot run the openvino file: no such operation; nothing"):
        regraft.export(run)
    monkeypatch.setattr(openvino, "save_model", fails)
    with pytest.raises(RunError, match="this network cannot be exported to openvino: no such operation; choose"):
        regraft.export(run)
    assert nothing_is_left(run)


def test_a_place_that_is_taken(run: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = regraft.export(run, "hub-folder", out).files[0].folder
    assert first == out / "hub-folder"
    with pytest.raises(RunError, match="exists already; name another --out, or replace it with --overwrite"):
        regraft.export(run, "hub-folder", out)
    (first / "config.json").unlink()
    regraft.export(run, "hub-folder", out, overwrite=True)
    assert (first / "config.json").exists()
    assert {path.name for path in out.iterdir()} == {"hub-folder"}
    (first / "preprocess.py").unlink()
    with pytest.raises(RunError, match="is no export, and one there would delete something else"):
        regraft.export(run, "hub-folder", out, overwrite=True)
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="is a file; name a folder with --out"):
        regraft.export(run, "hub-folder", tmp_path / "file")
    with pytest.raises(RunError, match="cannot be written"):
        regraft.export(run, "hub-folder", tmp_path / "file" / "under")


def test_checkpoints_of_an_interrupted_training_stay(run: Path) -> None:
    last = run.with_name(".run.unfinished") / "checkpoints" / "fine-tune" / "last.pt"
    last.parent.mkdir(parents=True)
    last.write_bytes(b"")
    regraft.export(run, "hub-folder", run)
    assert last.exists()
    assert (run / "hub-folder" / "config.json").exists()
    assert {path.name for path in run.parent.iterdir()} == {"run", ".run.unfinished"}


def test_two_exports_at_once(run: Path) -> None:
    with place_for(run / "export"), pytest.raises(RunError, match="another export is writing"):
        regraft.export(run, "hub-folder")
    assert nothing_is_left(run)


def test_images_that_are_gone(run: Path, tmp_path: Path) -> None:
    data = json.loads((run / "data.json").read_text())
    kept = data["root"]
    for root in (tmp_path / "gone", None):
        (run / "data.json").write_text(json.dumps(data | {"root": str(root) if root else None}))
        with pytest.raises(RunError, match=r"none of the images of .* is there any more.*; name some .*--data"):
            regraft.export(run, "hub-folder")
    (run / "data.json").unlink()
    assert nothing_is_left(run)
    exports = regraft.export(run, "hub-folder", data=kept)
    assert (exports.part, exports.files[0].proof.images) == ("given", 24)
    with pytest.raises(DataError, match="there is no file or folder"):
        regraft.export(run, "hub-folder", tmp_path / "out", data=tmp_path / "gone")
    (tmp_path / "broken.png").write_bytes(b"nothing")
    with pytest.raises(RunError, match="none of the images can be predicted"):
        regraft.export(run, "hub-folder", tmp_path / "out", data=tmp_path / "broken.png")
    assert not (tmp_path / "out").exists()


def test_of_the_validation_images_those_that_are_there(run: Path, tmp_path: Path) -> None:
    data = json.loads((run / "data.json").read_text())
    shutil.copytree(data["root"], tmp_path / "data")
    (run / "data.json").write_text(json.dumps(data | {"root": str(tmp_path / "data")}))
    shutil.rmtree(tmp_path / "data" / "val" / "class1")
    source = source_of(run, None)
    assert (source.part, len(source.images)) == ("val", 4)
    (tmp_path / "data" / "val" / "class0" / "0.jpg").write_bytes(b"broken")
    assert len(examples_of(regraft.load(run), source)) == 3
    shutil.rmtree(tmp_path / "data" / "val")
    assert source_of(run, None).part == "train"


@pytest.mark.parametrize(
    ("rendering", "how"),
    [
        (Rendering(ranges=(Range("16-bit grey", 0, 4095),)), "Pixel values 0 to 4,095"),
        (Rendering(bands=(3, 2, 1)), "Bands 3, 2, 1 are shown"),
        (Rendering(three_of_four=True), "the first three are shown"),
    ],
)
def test_images_that_pillow_alone_does_not_read_so(rendering: Rendering, how: str) -> None:
    classifier = Classifier(("a", "b"), Preprocessing(32), "head", rendering=rendering)
    with pytest.raises(RunError, match=f"this run reads its images in a way that Pillow alone does not.*{how}"):
        outside_of(classifier)
    plain = replace(classifier, rendering=Rendering(ranges=(Range("16-bit grey", 0, 65535),), background="black"))
    assert outside_of(plain).background == "black"


def test_the_command(regraft: Callable[..., tuple[int, str, str]], run: Path, tmp_path: Path) -> None:
    code, printed, _ = regraft("export", run, "--to", "hub-folder", "--quiet")
    folder = run / "export" / "hub-folder"
    assert code == 0
    assert printed.startswith(f"{folder}: the run's class on all 8 validation images, probabilities within ")
    code, printed, _ = regraft("export", run, "--to", "hub-folder", "--overwrite", "--json")
    assert json.loads(printed)["exports"][0]["folder"] == str(folder)
    for arguments, line in (
        ((run, "--to", "tflite"), "there is no export to 'tflite'; there are openvino, onnx, torch, timm, hub-folder"),
        ((run, "--to", "timm"), "timm cannot open this network: demonstration is regraft's"),
        ((tmp_path / "none",), "there is no run folder"),
        ((tmp_path,), "holds no finished run"),
    ):
        code, _, complaint = regraft("export", *arguments)
        assert code == 2
        assert line in complaint
        assert len(complaint.strip().splitlines()) == 1


def test_a_format_needs_a_name(run: Path) -> None:
    with pytest.raises(RecipeError, match="no format to export to was named"):
        regraft.export(run, ())
