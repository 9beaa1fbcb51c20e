"""What can be grafted, as it is listed."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import timm

from regraft.network import hub
from regraft.network.catalogue import known_backbones

Regraft = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def no_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))


def test_each_set_of_weights_is_listed_with_what_is_known() -> None:
    rows = {row.name: row for row in known_backbones("convnext_tiny.fb_in22k")}
    row = rows["convnext_tiny.fb_in22k"]  # the README's example
    assert row.pretrained
    assert not row.here
    assert row.input_size == 224
    assert row.parameters == sum(p.numel() for p in timm.create_model("convnext_tiny").parameters())
    assert row.megabytes == 4 * row.parameters / 1e6
    assert row.url == "https://huggingface.co/timm/convnext_tiny.fb_in22k/resolve/main/model.safetensors"
    assert "convnext_tiny.fb_in22k_ft_in1k" in rows


def test_all_are_listed_without_being_built() -> None:
    rows = known_backbones()
    names = [row.name for row in rows]
    assert len(set(names)) == len(names)
    assert {"embedded", "demonstration", "torchvision/resnet50", "resnet50.a1_in1k"} <= set(names)
    assert {name.partition(".")[0] for name in names} >= set(timm.list_models())
    assert [row.name for row in rows if row.here][:1] == ["embedded"]


@pytest.mark.parametrize("name", ["resnet50", "convnext_tiny.fb_in22k", "efficientnet_b0"])
def test_the_address_read_from_the_source_is_timms_own(name: str) -> None:
    config = timm.get_pretrained_cfg(name)
    assert hub.timm_url(name) == hub.file_of(f"https://huggingface.co/{config.hf_hub_id}")


def test_torchvisions_address_is_that_of_its_newest_weights() -> None:
    import torchvision

    for short in ("resnet50", "squeezenet1_1", "convnext_tiny"):
        assert hub.torchvision_url(short) == torchvision.models.get_model_weights(short).DEFAULT.url


def test_offline_the_file_and_the_reason_are_named(
    regraft: Regraft, make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    code, _, err = regraft("train", make_folder(), "--backbone", "convnext_tiny.fb_in22k")
    assert code == 2
    assert "HF_HUB_OFFLINE is set" in err
    assert "timm/convnext_tiny.fb_in22k/resolve/main/model.safetensors" in err
    code, out, err = regraft("backbones", "convnext_tiny.fb_in22k")
    assert code == 0, err
    assert "HF_HUB_OFFLINE is set" in out
    assert "timm/convnext_tiny.fb_in22k/resolve/main/model.safetensors" in out


def test_speed_is_said_where_a_network_ran(
    regraft: Regraft, make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("regraft.features.frozen_pass.ENOUGH", 1)
    assert regraft("plan", make_folder("speedy", each=20), "--image-size", 40, "--quiet")[0] == 0
    (row,) = json.loads(regraft("backbones", "embedded", "--json")[1])["backbones"]
    assert row["images_a_second"]["40"] > 0
    assert "at 40" in regraft("backbones", "embedded")[1]


def test_no_name_and_many_names(regraft: Regraft) -> None:
    assert "No backbone's name holds 'nosuch'" in regraft("backbones", "nosuch")[1]
    out = regraft("backbones", "resnet")[1]
    assert "a1_in1k, a1h_in1k" in out
    assert "names, as NETWORK.WEIGHTS" in out
