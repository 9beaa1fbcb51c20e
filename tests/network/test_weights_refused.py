"""Files of weights that are refused, and what is said of them."""

import gzip
import pickle
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn
from weight_files import NAME, State, loaded, network

from regraft.errors import BackboneError
from regraft.network import hub
from regraft.network.load import load
from regraft.network.weights import load_weights


@pytest.fixture(scope="module")
def state() -> State:
    return network().state_dict()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_finite_numbers_are_refused(value: float, state: State, tmp_path: Path) -> None:
    broken = {name: tensor.clone() for name, tensor in state.items()}
    broken["layer1.0.conv1.weight"][0, 0, 0, 0] = value
    torch.save({"model": broken}, tmp_path / "w.pth")
    with pytest.raises(BackboneError, match=r"NaN or infinite weights in 1 of 86 entries \(layer1\.0\.conv1\.weight\)"):
        loaded(tmp_path / "w.pth")


@pytest.mark.parametrize(("other", "word"), [("resnet14t", "another shape"), ("mobilenetv3_small_050", "missing")])
def test_weights_of_another_network_are_refused(other: str, word: str, tmp_path: Path) -> None:
    torch.save(timm.create_model(other).state_dict(), tmp_path / "w.pth")
    with pytest.raises(BackboneError, match=rf"does not hold the weights of '{NAME}': \d+ of its 86 .*{word}"):
        loaded(tmp_path / "w.pth")


def test_weights_of_a_deeper_network_of_the_same_family_are_refused(tmp_path: Path) -> None:
    torch.save(timm.create_model("resnet34").state_dict(), tmp_path / "w.pth")  # it has all of resnet18's entries
    with pytest.raises(BackboneError, match=r"122 of its 122 entries fit, not the network's: layer1\.2\."):
        load_weights(timm.create_model("resnet18"), tmp_path / "w.pth", "resnet18", "fc")


OTHERS: dict[str, tuple[bytes, str, str]] = {
    "page.pth": (b"\n<!DOCTYPE html><html><title>Sign in</title>", "a web page", "raw"),
    "lfs.safetensors": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 46\n", "Git LFS", "lfs pull"),
    "keras.h5": (b"\x89HDF\r\n\x1a\n" + bytes(50), "HDF5", "timm"),
    "empty.pth": (b"", "is empty", "again"),
    "words.pth": (b"404: Not Found", "a text file, which begins with '404: Not Found'", "state dict"),
    "graph.onnx": (b"\x08\x07\x12\x07pytorch", "ONNX", "state_dict()"),
    "net.tflite": (b"\x1c\x00\x00\x00TFL3", "TensorFlow Lite", "timm"),
    "w.pth.gz": (gzip.compress(b"weights"), "gzip", "unpack"),
    "noise.pth": (b"\xfe\xed\xfa\xce" * 10, "no weights file", "state dict"),
    "picture.pth": (b"\x89PNG\r\n\x1a\n", "a picture", "state dict"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_files_are_named_for_what_they_are(name: str, tmp_path: Path) -> None:
    content, what, mend = OTHERS[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BackboneError) as refused:
        loaded(tmp_path / name)
    for word in (name, what, mend):
        assert word in str(refused.value)


def test_whole_networks_and_programs_are_named_for_what_they_are(state: State, tmp_path: Path) -> None:
    whole = network()
    for zipped in (True, False):
        torch.save(whole, tmp_path / "whole.pth", _use_new_zipfile_serialization=zipped)
        with pytest.raises(BackboneError, match=r"a whole pickled network .*state_dict\(\)"):
            loaded(tmp_path / "whole.pth")
    torch.save({"model": whole, "epoch": 1}, tmp_path / "under.pt")
    with pytest.raises(BackboneError, match=r"a whole pickled network \(timm\.models\.resnet\.ResNet\)"):
        loaded(tmp_path / "under.pt")
    with pytest.warns(Warning):
        torch.jit.script(nn.Linear(2, 2)).save(str(tmp_path / "script.pt"))
    with pytest.raises(BackboneError, match=r"TorchScript archive.*torch\.jit\.load"):
        loaded(tmp_path / "script.pt")
    np.savez(tmp_path / "jax.npz", kernel=np.zeros(3))
    with pytest.raises(BackboneError, match="NumPy arrays"):
        loaded(tmp_path / "jax.npz")
    (tmp_path / "arrays.pkl").write_bytes(pickle.dumps({name: value.numpy() for name, value in state.items()}))
    with pytest.raises(BackboneError, match="a Python pickle"):
        loaded(tmp_path / "arrays.pkl")


def test_what_was_cut_short_is_said(state: State, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "w.pth")
    torch.save(state, tmp_path / "former.pth", _use_new_zipfile_serialization=False)
    save_file(state, tmp_path / "w.safetensors")
    for name in ("w.pth", "former.pth", "w.safetensors"):
        content = (tmp_path / name).read_bytes()
        (tmp_path / name).write_bytes(content[: len(content) // 2])
        with pytest.raises(BackboneError, match=rf"{name} is .*cut short.*again"):
            loaded(tmp_path / name)


def test_a_file_that_is_not_there(state: State, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "resnet.pth")
    with pytest.raises(BackboneError, match=r"no weights file .*resnte\.pth; did you mean resnet\.pth"):
        loaded(tmp_path / "resnte.pth")
    with pytest.raises(BackboneError, match=r"is a folder with resnet\.pth"):
        loaded(tmp_path)


def test_a_file_in_place_of_a_name(state: State, tmp_path: Path) -> None:
    torch.save(state, tmp_path / "w.pth")
    with pytest.raises(BackboneError, match="is a file; name its network with --backbone"):
        load(str(tmp_path / "w.pth"))


def test_a_key_needs_a_file() -> None:
    with pytest.raises(BackboneError, match="--weights-key ema goes with --weights"):
        load(NAME, weights_key="ema")


@pytest.mark.parametrize("name", ["resnet18.a1_in1", "resnet18.nonsense"])
def test_a_wrong_tag_names_those_there_are(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    for refuse in (lambda: hub.check_at_hand(name, None), lambda: load(name), lambda: load(name, str(tmp_path / "w"))):
        with pytest.raises(BackboneError, match=rf"no weights '{name[9:]}' of resnet18; .*it has .*a1_in1k, .*tv_in1k"):
            refuse()
