"""Whose weights a backbone has, and under which licence: from their publisher's metadata, or not known."""

from pathlib import Path

import pytest
import timm
import torchvision
from safetensors.torch import save_file

from regraft.network import libraries
from regraft.network.backbone import RANDOM
from regraft.network.load import embedded, load
from regraft.network.origin import Origin, of_file, origin_of_run, published

NAME = "resnet18.a1_in1k"


def test_the_embedded_networks_licence_is_that_of_its_card() -> None:
    page = (Path(__file__).parent.parent.parent / "docs" / "embedded-model-card.md").read_text()
    origin = embedded().origin
    assert origin.licence == "apache-2.0"
    assert "the weights are under Apache-2.0" in page
    assert load("embedded", image_size=96).origin == origin
    assert embedded().fresh().origin == RANDOM
    assert RANDOM.licence is None


@pytest.mark.parametrize("name", [NAME, "convnextv2_tiny.fcmae_ft_in22k_in1k", "resnet18"])
def test_timms_weights_have_the_licence_of_timms_metadata(name: str) -> None:
    config, origin = timm.get_pretrained_cfg(name), libraries.of_timm(name)
    assert origin.licence == config.license
    assert origin.weights
    assert origin.hub == config.hf_hub_id == origin.weights.replace("timm's ", "timm/")


def test_what_timm_does_not_say_is_not_known(monkeypatch: pytest.MonkeyPatch) -> None:
    for said in (None, "", "unknown", "Unknown "):
        config = timm.get_pretrained_cfg(NAME)
        config.license = said
        monkeypatch.setattr(timm, "get_pretrained_cfg", lambda _, config=config: config)
        origin = libraries.of_timm(NAME)
        assert (origin.licence, origin.said_by) == (None, None)
    assert published("w", " MIT ", "timm's metadata").licence == "MIT"


def test_a_network_built_anew_and_known_again_has_the_same_origin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    model = torchvision.models.squeezenet1_1()
    made = libraries.from_torchvision("torchvision/squeezenet1_1", str(saved(model, tmp_path / "w.safetensors")))
    said = Origin("torchvision's", "bsd-3-clause", "torchvision's metadata")
    monkeypatch.setattr(libraries, "from_torchvision", lambda *_: made.__class__(**vars(made) | {"origin": said}))
    first, again = (load("torchvision/squeezenet1_1", image_size=64) for _ in range(2))
    assert (first.built, again.built) == (True, False)
    assert first.origin == again.origin == again.copied().origin == again.resized_to(96).origin == said


def saved(model: torchvision.models.SqueezeNet, path: Path) -> Path:
    save_file(model.state_dict(), path)
    return path


def test_a_file_of_weights_says_no_licence(tmp_path: Path) -> None:
    path = saved(torchvision.models.squeezenet1_1(), tmp_path / "mine.safetensors")
    assert (
        load("torchvision/squeezenet1_1", str(path), 64).origin
        == of_file(str(path))
        == Origin("the file mine.safetensors")
    )


def test_torchvision_says_a_licence_where_its_metadata_has_one() -> None:
    weights = torchvision.models.get_model_weights("vit_h_14").DEFAULT
    assert weights.meta["license"].startswith("https://")
    assert "license" not in torchvision.models.get_model_weights("resnet18").DEFAULT.meta


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}", '{"origin": null}', '{"origin": {"licence": 3}}'])
def test_a_run_that_does_not_say_it_has_no_licence(text: str | None, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "environment.json").write_text(text)
    assert origin_of_run(tmp_path).licence is None
