"""On the embedded network a frozen head is planned, trained and used without what takes seconds to import."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torchvision
from conftest import picture
from safetensors.torch import save_file

SLOW = ("torch", "torchvision", "timm", "sklearn", "scipy.stats")
SCRIPT = f"""
import atexit, sys
atexit.register(lambda: print(sorted(set({SLOW!r}) & set(sys.modules)), file=sys.stderr))
from regraft.cli.main import main
sys.argv[0] = "regraft"
main()
"""


def run(*arguments: object) -> str:
    """What a command prints; it must import none of SLOW."""
    command = [sys.executable, "-c", SCRIPT, *map(str, arguments), "--json", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "[]\n")
    return done.stdout


pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("openvino") is None, reason="torch runs the network where OpenVINO is not"
)


@pytest.fixture
def data(make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Pictures, and a cache of their own where nothing is known."""
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    return make_folder(classes=3, each=20)


@pytest.mark.slow
def test_a_head_on_the_embedded_network_needs_no_torch(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    assert json.loads(run("plan", data, "--device", "cpu"))["size"]["images"] == 48
    trained = json.loads(run("train", data, "--strategy", "head", "--device", "cpu", "--out", out))
    assert trained["metrics"]["accuracy"] > 0.9
    predicted = json.loads(run("predict", out, data / "class1", "--device", "cpu"))["predictions"]
    assert {row["class"] for row in predicted} == {"class1"}
    assert json.loads(run("evaluate", out, data, "--device", "cpu"))["metrics"]["accuracy"] > 0.9


@pytest.mark.slow
def test_a_named_network_needs_torch_once(regraft: Callable[..., tuple[int, str, str]], data: Path) -> None:
    weights = data.with_name("weights.safetensors")
    save_file(torchvision.models.squeezenet1_1().state_dict(), weights)
    named = ("--backbone", "torchvision/squeezenet1_1", "--weights", weights, "--image-size", 64, "--device", "cpu")
    code, out, err = regraft("plan", data, *named, "--json", "--quiet")
    assert code == 0, err
    picture(0, 900).save(data / "class0" / "new.png")  # which the network has not seen
    again = json.loads(run("plan", data, *named))
    assert [point["cut"] for point in again["similarity"]["profile"]] == [
        point["cut"] for point in json.loads(out)["similarity"]["profile"]
    ]
