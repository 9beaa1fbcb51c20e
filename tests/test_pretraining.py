"""The pretraining, on a handful of small images: packed, taught, trained in two sittings, exported, grafted."""

from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file

from pretraining.export import export
from pretraining.rename import rename
from pretraining.source import pack
from pretraining.teacher import read_lessons, write_lessons
from pretraining.train import Settings, train
from regraft import backbone as backbones
from regraft.prepared import prepare
from regraft.recipe import Recipe

SETTINGS = Settings(epochs=2, batch_size=8, sizes=(32,), learning_rate=0.01)


@pytest.fixture
def packed(make_folder: Callable[..., Path], tmp_path: Path) -> Path:
    pack(make_folder("source", each=12), tmp_path / "packed", size=32)
    return tmp_path / "packed"


def weights(folder: Path) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(folder / "checkpoint.pt", weights_only=True)["student"]
    return found


@pytest.mark.filterwarnings("ignore")  # of Lightning's, about the machine
def test_from_images_to_a_backbone(
    packed: Path, make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lessons = tmp_path / "lessons"
    write_lessons(packed, lessons, "embedded", None, views=2, size=64)
    taught = read_lessons(lessons)
    assert taught.logits.shape == (2, 24, taught.classes)
    train(packed, lessons, tmp_path / "whole", SETTINGS)

    calls = []
    real = torch.save

    def stop_after_one(state: object, path: Path) -> None:
        if calls:
            raise KeyboardInterrupt
        calls.append(path)
        real(state, path)

    with monkeypatch.context() as patch:
        patch.setattr("torch.save", stop_after_one)
        with pytest.raises(KeyboardInterrupt):
            train(packed, lessons, tmp_path / "stopped", SETTINGS)
    train(packed, lessons, tmp_path / "stopped", SETTINGS)
    whole, resumed = weights(tmp_path / "whole"), weights(tmp_path / "stopped")
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)

    export(packed, tmp_path / "whole" / "checkpoint.pt", tmp_path / "made", size=64, names=None, settle_at=[32, 64])
    made = backbones.exported(tmp_path / "made", None)
    assert made.source_classes == ("class0", "class1")
    trained = whole["network.bn1.running_mean"]
    assert not torch.allclose(made.model.bn1.running_mean, trained, atol=1e-3)  # settled on whole pictures
    assert (tmp_path / "made" / "model.safetensors").stat().st_size < 10e6
    prepared = prepare(make_folder("target", each=10), Recipe(), backbone=made)
    assert prepared.plan.similarity.shift is not None


def test_other_settings_do_not_go_on(packed: Path, tmp_path: Path) -> None:
    train(packed, None, tmp_path / "run", SETTINGS)
    with pytest.raises(SystemExit, match="other settings"):
        train(packed, None, tmp_path / "run", Settings(epochs=3))


def test_a_checkpoint_under_other_names(tmp_path: Path) -> None:
    wanted = timm.create_model("mobilenetv3_small_050").state_dict()
    torch.save({f"_{i}": value for i, value in enumerate(wanted.values())}, tmp_path / "given.pth")
    rename(tmp_path / "given.pth", tmp_path / "renamed.safetensors", "mobilenetv3_small_050")
    renamed = load_file(tmp_path / "renamed.safetensors")
    assert set(renamed) == set(wanted)
    assert all(torch.equal(renamed[name], value) for name, value in wanted.items())
    with pytest.raises(SystemExit, match="mobilenetv3_small_075"):
        rename(tmp_path / "given.pth", tmp_path / "other.safetensors", "mobilenetv3_small_075")
