"""The pretraining, on a handful of small images: packed, taught, trained in two sittings, exported, grafted."""

from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import load_file, save_file

from pretraining.augment import crop
from pretraining.batches import NO_LABEL, batch_of, read_photographs, read_source
from pretraining.export import adopt, export
from pretraining.rename import rename
from pretraining.source import pack
from pretraining.teacher import read_lessons, write_lessons
from pretraining.train import Settings, train
from regraft.network import backbone as backbones
from regraft.planning.prepare import prepare
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

    export([packed], tmp_path / "whole" / "checkpoint.pt", tmp_path / "made", size=64, names=None, settle_at=[32, 64])
    made = backbones.exported(tmp_path / "made", None)
    assert made.source_classes == ("class0", "class1")
    trained = whole["network.bn1.running_mean"]
    assert not torch.allclose(made.model.bn1.running_mean, trained, atol=1e-3)  # settled on whole pictures
    assert (tmp_path / "made" / "model.safetensors").stat().st_size < 10e6
    prepared = prepare(make_folder("target", each=10), Recipe(), backbone=made)
    assert prepared.plan.similarity.shift is not None


@pytest.mark.filterwarnings("ignore")  # of Lightning's, about the machine
def test_photographs_without_labels_are_learnt_from_the_teacher(
    packed: Path, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    photographs = tmp_path / "photographs"
    pack(make_folder("more", each=6), photographs, size=96)
    for images, lessons in ((packed, tmp_path / "lessons"), (photographs, tmp_path / "photographs-lessons")):
        write_lessons(images, lessons, "embedded", None, views=1, size=64)
    source, more = read_source(packed, tmp_path / "lessons"), read_photographs(photographs)
    views, labels, answers = batch_of(source, source.training[:5], more, 3, (32,), 0.25)
    assert views.shape == (8, 3, 32, 32)
    assert labels.tolist() == [*source.labels[source.training[:5]].tolist(), NO_LABEL, NO_LABEL, NO_LABEL]
    assert answers is not None and len(answers) == 8
    train(packed, tmp_path / "lessons", tmp_path / "alone", SETTINGS)
    train(packed, tmp_path / "lessons", tmp_path / "beside", SETTINGS, unlabelled=photographs)
    alone, beside = weights(tmp_path / "alone"), weights(tmp_path / "beside")
    assert not torch.equal(alone["taught.weight"], beside["taught.weight"])
    with pytest.raises(SystemExit, match="teacher"):
        train(packed, None, tmp_path / "untaught", SETTINGS, unlabelled=photographs)


def test_crops_of_much_larger_images_are_averaged() -> None:
    checks = torch.ones(1, 3, 64, 64)
    checks[..., ::2, ::2] = checks[..., 1::2, 1::2] = -1  # the finest pattern there is: grey from afar
    whole = torch.tensor([[[1.0, 0, 0], [0, 1.0, 0]]])
    assert crop(checks, whole, 32).abs().max() < 1e-5


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


def test_a_folder_without_class_folders_is_not_packed(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    one_class = next(path for path in make_folder("flat", each=2).iterdir() if path.is_dir())
    with pytest.raises(SystemExit, match="a folder for each class"):
        pack(one_class, tmp_path / "packed", size=32)
    assert not (tmp_path / "packed").exists()


def test_a_network_that_others_trained_is_adopted(
    packed: Path, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    plain = timm.create_model("tf_mobilenetv3_small_minimal_100").eval()
    save_file(plain.state_dict(), tmp_path / "given.safetensors")
    pack(make_folder("photographs", each=6), tmp_path / "photographs", size=64)
    packs = [packed, tmp_path / "photographs"]
    given = str(tmp_path / "given.safetensors")
    adopt(packs, "tf_mobilenetv3_small_minimal_100", given, tmp_path / "made", size=64, settle_at=[])
    made = backbones.exported(tmp_path / "made", None)
    images = torch.randn(4, 3, 64, 64)
    assert torch.allclose(made.model(images), plain(images), atol=1e-2)  # but for half precision
    assert (made.preprocessing.size, made.preprocessing.crop_share, made.preprocessing.mean) == (
        64,
        1.0,
        (0.5, 0.5, 0.5),
    )
    assert len(made.source_classes) == 1000
    similarity = prepare(make_folder("target", each=10), Recipe(), backbone=made).plan.similarity
    assert similarity.shift is not None
    assert similarity.distance is not None
