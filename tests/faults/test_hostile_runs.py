"""A run folder from somebody else: nothing is fetched, nothing odd is built, and what was changed is noticed."""

import json
import resource
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import picture
from safetensors.numpy import load_file, save_file

import regraft
from regraft.errors import BackboneError, RunError
from regraft.network import libraries
from regraft.network.architecture import Architecture
from regraft.network.load import load as load_backbone

Edit = Callable[[dict[str, Any]], object]


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("an address was asked for")

    for name in ("connect", "connect_ex", "sendto"):
        monkeypatch.setattr(socket.socket, name, refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the demonstration network."""
    root = tmp_path_factory.mktemp("hostile")
    for kind in range(2):
        (root / "data" / f"class{kind}").mkdir(parents=True)
        for number in range(12):
            picture(kind, number).save(root / "data" / f"class{kind}" / f"{number}.png")
    recipe = regraft.Recipe(backbone="demonstration", strategy="head", image_size=32)
    return regraft.train(root / "data", recipe, root / "run").folder


@pytest.fixture
def run(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "run"))


def edit(run: Path, change: Edit, sealed: bool = False) -> None:
    """Change config.json, as a person would who takes its checksum out, unless ``sealed``; the graph goes."""
    path = run / "model" / "config.json"
    values = json.loads(path.read_text())
    if not sealed:
        del values["regraft"]["checksum"]
    values["regraft"]["graph_of"] = None
    change(values)
    path.write_text(json.dumps(values))


def answers(run: Path) -> np.ndarray:
    return np.array(
        [one.probabilities for one in regraft.load(run, device="cpu").predict([picture(k, 99) for k in (0, 1)])]
    )


def test_a_run_is_loaded_without_a_network_and_without_its_checksum(run: Path) -> None:
    expected = answers(run)
    edit(run, lambda values: None)
    np.testing.assert_allclose(answers(run), expected, atol=1e-3)
    assert load_backbone(str(run)).cuts


ARCHITECTURES: list[tuple[str, Any, Any]] = [
    ("timm", "hf-hub:timm/resnet18.a1_in1k", {}),
    ("timm", "hf_hub:timm/resnet18.a1_in1k", {}),
    ("timm", "local-dir:/etc", {}),
    ("timm", "https://example.org/resnet18", {}),
    ("timm", "resnet18\n", {}),
    ("timm", "no_such_network", {}),
    ("timm", "resnet18.no_such_tag", {}),
    ("timm", "resnet18", {"pretrained": True}),
    ("timm", "resnet18", {"pretrained_cfg": {"url": "https://example.org"}}),
    ("timm", "resnet18", {"pretrained_cfg_overlay": {"hf_hub_id": "a/b"}}),
    ("timm", "resnet18", {"checkpoint_path": "/etc/passwd"}),
    ("timm", "resnet18", {"cache_dir": "/tmp"}),
    ("timm", "resnet18", {"num_classes": 10**9}),
    ("timm", "resnet18", {"channels": [10**9] * 4}),
    ("timm", "resnet18", []),
    ("timm", 3, {}),
    ("torchvision", "fasterrcnn_resnet50_fpn", {}),
    ("torchvision", "deeplabv3_resnet50", {}),
    ("torchvision", "quantized_resnet18", {}),
    ("torchvision", "r3d_18", {}),
    ("torchvision", "resnet18", {"weights": "DEFAULT"}),
    ("torchvision", "resnet18", {"progress": True}),
    ("regraft", "anything", {}),
    ("os", "system", {"command": "true"}),
    ("timm", "vit_giant_patch14_224", {}),  # 4 GB
    ("timm", "resnet18", {}),  # which is another network
]


@pytest.mark.parametrize(("library", "name", "args"), ARCHITECTURES)
def test_a_run_builds_nothing_but_its_network(
    library: str, name: Any, args: Any, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    devices: list[str] = []
    create = libraries.create

    def noted(*given: Any) -> Any:
        devices.append(str(torch.empty(0).device))
        return create(*given)

    monkeypatch.setattr(libraries, "create", noted)
    edit(run, lambda values: values["regraft"].update(architecture={"library": library, "name": name, "args": args}))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(RunError, match="damaged or from another version"):
        answers(run)
    with pytest.raises(BackboneError, match="holds no run that can be started from"):
        load_backbone(str(run))
    assert set(devices) <= {"meta"}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 400_000  # KB


def set_to(*path: str | int, value: Any) -> Edit:
    def change(values: dict[str, Any]) -> None:
        inner: Any = values["regraft"]
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        set_to("preprocessing", "size", value=10**9),
        set_to("preprocessing", "size", value=0),
        set_to("preprocessing", "mean", value=[0.5]),
        set_to("preprocessing", "std", value=[0.0, 1.0, 1.0]),
        set_to("preprocessing", "std", value="abc"),
        set_to("preprocessing", "interpolation", value="__class__"),
        set_to("preprocessing", "crop_share", value=1e-9),
        set_to("preprocessing", "crop_mode", value="border"),
        set_to("cuts", value=["nowhere"]),
        set_to("cuts", value=[]),
        set_to("cuts", value="conv3"),
        set_to("pooling", value="all"),
        set_to("head", "layers", value=10**6),
        set_to("head", value=None),
        set_to("names", value=[]),
        set_to("rendering", value={"ranges": 1}),
        set_to("rendering", value={"background": "green"}),
        set_to("unheard", value=1),
        set_to("strategy", value=None),
        lambda values: values.update(label_names=["a"]),
        lambda values: values.update(label_names=["a", "a"]),
        lambda values: values.update(label_names=["a", 3]),
        lambda values: values.update(regraft=[]),
        lambda values: values["regraft"].pop("cuts"),
    ],
)
def test_a_config_that_cannot_be_is_refused_in_one_line(
    change: Edit, run: Path, regraft: Callable[..., tuple[int, str, str]]
) -> None:
    edit(run, change)
    code, out, err = regraft("predict", run, run.parent.parent / "x.png", "--device", "cpu", "--quiet")
    picture(0, 99).save(run.parent / "x.png")
    code, out, err = regraft("predict", run, run.parent / "x.png", "--device", "cpu", "--quiet")
    assert (code, out, len(err.splitlines())) == (2, "", 1), err
    assert "damaged or from another version" in err


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "\x00", "[]", "3", '{"a": 1' + "0" * 5000 + "}", '{"regraft": {}, "regraft": {}}']
)
def test_a_config_that_is_none_is_refused(text: str, run: Path) -> None:
    (run / "model" / "config.json").write_text(text)
    with pytest.raises(RunError, match="damaged or from another version"):
        regraft.load(run, device="cpu")


def test_a_config_that_was_changed_is_noticed_by_its_checksum(run: Path) -> None:
    edit(run, lambda values: values["label_names"].reverse(), sealed=True)
    with pytest.raises(RunError, match="it was changed after it was written; if by you, take 'checksum' out of it"):
        regraft.load(run, device="cpu")


@pytest.mark.parametrize("name", ["model.safetensors", "openvino.bin", "openvino.xml"])
def test_a_flipped_bit_never_changes_an_answer(name: str, run: Path) -> None:
    expected, path = answers(run), run / "model" / name
    data = bytearray(path.read_bytes())
    data[-9] ^= 64
    path.write_bytes(data)
    if name == "model.safetensors":
        with pytest.raises(RunError, match="damaged"):
            answers(run)
        with pytest.raises(BackboneError, match="damaged after it was written"):
            load_backbone(str(run))
    else:
        np.testing.assert_allclose(answers(run), expected, atol=1e-3)


def test_weights_that_another_program_wrote_are_taken_unless_they_are_not_finite(run: Path) -> None:
    expected, path = answers(run), run / "model" / "model.safetensors"
    state = load_file(path)
    save_file(state, path)
    np.testing.assert_allclose(answers(run), expected, atol=1e-3)
    save_file(state | {"head.0.bias": np.full(2, np.nan, np.float32)}, path)
    with pytest.raises(RunError, match="not finite"):
        answers(run)


def test_the_graph_of_another_run_is_not_taken(run: Path, made: Path) -> None:
    expected, path = answers(run), run / "model" / "model.safetensors"
    other = run.parent / "other"
    data = made.parent / "data"
    regraft.train(
        data,
        regraft.Recipe(backbone="demonstration", strategy="early-layers", image_size=32, seed=5, cut="conv1"),
        other,
    )
    for file in (other / "model").glob("openvino.*"):
        shutil.copy(file, run / "model")
    np.testing.assert_allclose(answers(run), expected, atol=1e-3)
    assert path.exists()


def test_no_architecture_with_other_arguments_can_be_made() -> None:
    with pytest.raises(BackboneError, match="takes no argument pretrained"):
        Architecture("timm", "resnet18", {"pretrained": True})
    with pytest.raises(BackboneError, match="no plain name"):
        Architecture("timm", "../resnet18")
    with pytest.raises(BackboneError, match="no network called"):
        Architecture("torchvision", "maskrcnn_resnet50_fpn").build()
