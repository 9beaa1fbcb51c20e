"""Files of weights as people have them: fitted, or named for what they are. A file's code is never run."""

import argparse
import collections
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from weight_files import NAME, State, loaded, network, same, under

from regraft.errors import BackboneError
from regraft.network.load import load
from regraft.network.weights import Loaded, load_weights


@pytest.fixture(scope="module")
def state() -> State:
    return network().state_dict()


@pytest.fixture(scope="module")
def averaged() -> State:
    return network(1).state_dict()


@pytest.mark.parametrize(
    "prefix",
    [
        "model", "module", "_orig_mod", "backbone", "module._orig_mod", "_orig_mod.module", "model._orig_mod",
        "module.encoder_q", "module.model.backbone", "net.encoder.trunk",
    ],
)  # fmt: skip
@pytest.mark.parametrize("wrapped", [True, False])
def test_a_prefix_is_found_by_what_fits(prefix: str, wrapped: bool, state: State, tmp_path: Path) -> None:
    named = under(prefix, state)
    torch.save({"state_dict": named, "epoch": 3} if wrapped else named, tmp_path / "w.pth")
    own, said = loaded(tmp_path / "w.pth")
    assert same(own, state)
    assert said == Loaded((), classifier=True, as_is=False)


def test_wrappers_inside_the_network_are_left_out(state: State, tmp_path: Path) -> None:
    named = {name.replace("layer2.", "layer2._orig_mod.").replace("layer1.", "layer1.module."): state[name]
             for name in state}  # fmt: skip
    torch.save(named, tmp_path / "w.pth")
    assert same(loaded(tmp_path / "w.pth")[0], state)


def test_a_file_is_read_whatever_its_suffix(state: State, tmp_path: Path) -> None:
    save_file(state, tmp_path / "w.safetensors")
    (tmp_path / "w.safetensors").rename(tmp_path / "safetensors.bin")
    torch.save(state, tmp_path / "torch.safetensors")
    torch.save(state, tmp_path / "former.tar", _use_new_zipfile_serialization=False)
    for name, as_is in {"safetensors.bin": True, "torch.safetensors": False, "former.tar": False}.items():
        own, said = loaded(tmp_path / name)
        assert same(own, state)
        assert said.as_is == as_is


class Settings(dict[str, Any]):
    """As configurations of training scripts are."""


class Slotted:
    __slots__ = ("rate",)

    def __init__(self) -> None:
        self.rate = 0.1


@pytest.mark.parametrize("zipped", [True, False])
@pytest.mark.parametrize(
    "beside",
    [
        argparse.Namespace(lr=0.1, folder=Path("runs")),
        Settings(model=Settings(name="resnet")),
        collections.defaultdict(list, loss=[1.0]),
        collections.deque([1, 2]),
        Slotted(),
        np.float64(0.5),
        np.arange(3),
        {"callbacks": {Slotted: 1}},
    ],
    ids=lambda beside: type(beside).__name__,
)
def test_what_lies_beside_the_tensors_is_read_past(beside: Any, zipped: bool, state: State, tmp_path: Path) -> None:
    content = {"args": beside, "state_dict": under("model", state), "optimizer": {"state": {0: {"m": torch.ones(2)}}}}
    torch.save(content, tmp_path / "w.pth", _use_new_zipfile_serialization=zipped)
    assert same(loaded(tmp_path / "w.pth")[0], state)


RAN: list[str] = []


def run_me() -> dict[str, Any]:
    RAN.append("it ran")
    return {}


class Code:
    def __init__(self, call: Callable[..., Any], *arguments: str) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, ...]]:
        return self.call, self.arguments


@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_file_never_runs(zipped: bool, state: State, tmp_path: Path) -> None:
    import os

    torch.save({"state_dict": state, "x": Code(run_me)}, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    assert same(loaded(tmp_path / "a.pth")[0], state)
    for call, argument in ((os.system, f"touch {tmp_path / 'ran'}"), (eval, "RAN.append('')")):
        content = {"state_dict": state, "x": Code(call, argument)}
        torch.save(content, tmp_path / "b.pth", _use_new_zipfile_serialization=zipped)
        with pytest.raises(BackboneError, match="would run code"):
            loaded(tmp_path / "b.pth")
    assert not RAN
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("plain", "ema"),
    [("state_dict", "state_dict_ema"), ("model", "model_ema"), ("student", "teacher"), ("model", "ema_model")],
)
def test_averaged_weights_are_taken_where_they_are_alone_or_asked_for(
    plain: str, ema: str, state: State, averaged: State, tmp_path: Path
) -> None:
    average = under("module", averaged) | {"n_averaged": torch.tensor(5)}
    torch.save({plain: state, ema: average}, tmp_path / "both.pth")
    own, said = loaded(tmp_path / "both.pth")
    assert same(own, state)
    assert said.notes == (
        f"the weights under '{plain}' of both.pth were taken; --weights-key {ema} takes the averaged ones",
    )
    own, said = loaded(tmp_path / "both.pth", ema)
    assert same(own, averaged)
    assert said.notes == (f"the weights under '{ema}' of both.pth were taken, as asked",)
    torch.save({ema: average, "epoch": 1}, tmp_path / "alone.pth")
    own, said = loaded(tmp_path / "alone.pth")
    assert same(own, averaged)
    assert said.notes == (f"the averaged (EMA) weights of alone.pth were taken, '{ema}': no others there fit",)


def test_of_two_encoders_the_trained_one_is_taken(state: State, averaged: State, tmp_path: Path) -> None:
    both = under("module.encoder_q", state) | under("module.encoder_k", averaged) | {"module.queue": torch.ones(2)}
    torch.save({"state_dict": both}, tmp_path / "moco.pth")
    own, said = loaded(tmp_path / "moco.pth")
    assert same(own, state)
    assert "'state_dict.encoder_q'" in said.notes[0]
    assert said.notes[1] == f"left out of moco.pth, being no layers of {NAME}: encoder_k, queue"
    for key in ("encoder_k", "module.encoder_k", "state_dict.encoder_k"):
        assert same(loaded(tmp_path / "moco.pth", key)[0], averaged)
    with pytest.raises(BackboneError, match=r"nothing of .* under 'encoder'; it has .*encoder_q, .*encoder_k"):
        loaded(tmp_path / "moco.pth", "encoder")


def test_of_several_networks_one_must_be_named(state: State, averaged: State, tmp_path: Path) -> None:
    torch.save({"first": state, "second": averaged}, tmp_path / "two.pth")
    with pytest.raises(BackboneError, match="2 state dicts that fit: first, second; choose one with --weights-key"):
        loaded(tmp_path / "two.pth")
    assert same(loaded(tmp_path / "two.pth", "second")[0], averaged)
    torch.save({"first": state, "second": dict(state)}, tmp_path / "twice.pth")
    assert same(loaded(tmp_path / "twice.pth")[0], state)


def test_a_classifier_may_differ_or_be_absent(state: State, tmp_path: Path) -> None:
    torch.save(network(num_classes=7).state_dict(), tmp_path / "seven.pth")
    own, said = loaded(tmp_path / "seven.pth")
    assert same(own, network(num_classes=7).state_dict(), but="fc")
    assert said.notes == ("the classifier in seven.pth has another shape and was left out",)
    assert not said.classifier
    body = {name: value for name, value in state.items() if not name.startswith("fc")}
    torch.save(under("backbone", body) | {"head.fc.weight": torch.ones(3, 512)}, tmp_path / "body.pth")
    own, said = loaded(tmp_path / "body.pth")
    assert same(own, body)
    assert said.notes[-1].startswith("body.pth has no classifier")
    assert not said.classifier


def test_a_grey_stem_sees_the_brightness_of_colours(tmp_path: Path) -> None:
    grey = network(in_chans=1).eval()
    torch.save(grey.state_dict(), tmp_path / "grey.pth")
    model = network(2).eval()
    said = load_weights(model, tmp_path / "grey.pth", NAME, "fc")
    assert "grey" in said.notes[0]
    assert not said.as_is
    pictures = torch.rand(2, 1, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(model(pictures.expand(2, 3, 64, 64)), grey(pictures), rtol=1e-3, atol=1e-4)
    torch.save(network(in_chans=4).state_dict(), tmp_path / "four.pth")
    with pytest.raises(BackboneError, match="its first layer takes 4 channels, and images have 3"):
        loaded(tmp_path / "four.pth")


def test_the_share_that_fits_is_of_the_networks_entries(state: State, tmp_path: Path) -> None:
    part = {name: value for name, value in state.items() if not name.startswith("layer4")}
    many = {f"decoder.{i}.weight": torch.ones(1) for i in range(500)}
    torch.save({"arch": "resnet12t", "state_dict": under("model", part | many)}, tmp_path / "part.pth")
    with pytest.raises(BackboneError, match=r"68 of its 86 entries fit .*missing: layer4.* and \d+ more") as refused:
        loaded(tmp_path / "part.pth")
    assert "(the file says resnet12t)" in str(refused.value)
    assert "decoder" not in str(refused.value)


def test_what_is_kept_of_a_network_follows_the_key(
    state: State, averaged: State, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    path = tmp_path / "w.safetensors"
    save_file(state | under("ema", averaged), path)
    for _ in range(2):  # the second time from the cache
        for key, expected in {None: state, "ema": averaged}.items():
            backbone = load(NAME, str(path), 64, key)
            last = backbone.cuts[-1]
            kept = backbone.state_up_to(last)
            assert all(np.array_equal(kept[name], expected[name].numpy()) for name in kept)
            assert any("--weights-key ema" in note or "as asked" in note for note in backbone.notes)
    assert not load(NAME, str(path), 64, "ema").built


@pytest.mark.slow
def test_plan_says_which_weights_were_taken(
    state: State, averaged: State, make_folder: Callable[..., Path], regraft: Callable[..., tuple[int, str, str]],
    tmp_path: Path,
) -> None:  # fmt: skip
    torch.save({"state_dict": state, "state_dict_ema": averaged}, tmp_path / "w.pth")
    named = ("--backbone", NAME, "--weights", tmp_path / "w.pth", "--image-size", 32, "--quiet")
    root, key = make_folder(), ("--weights-key", "state_dict_ema")
    code, out, err = regraft("plan", root, *named, "--json")
    assert code == 0, err
    assert "'state_dict' of w.pth were taken; --weights-key state_dict_ema" in " ".join(json.loads(out)["notes"])
    code, out, err = regraft("plan", root, *named, *key)
    assert code == 0, err
    assert "Note: the weights under 'state_dict_ema' of w.pth were taken, as asked." in " ".join(out.split())
    code, out, err = regraft("plan", root, *named, "--weights-key", "model_ema")
    assert (code, out) == (2, "")
    assert "nothing of 'resnet10t' under 'model_ema'; it has state_dict, state_dict_ema" in err
