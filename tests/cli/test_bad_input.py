"""What the user can mend: one line on stderr that names the culprit, exit code 2, nothing left behind."""

import json
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from safetensors.torch import save, save_file

from regraft.cli.options import recipe_from
from regraft.errors import BackboneError, DataError, RunError
from regraft.network import hub
from regraft.network.load import load
from regraft.network.tracing import trace
from regraft.planning.prepare import prepare
from regraft.recipe import Recipe
from regraft.runs.folder import choose_folder
from regraft.training.strategy import trainer_for

Regraft = Callable[..., tuple[int, str, str]]
Make = Callable[..., Path]


def refused(result: tuple[int, str, str], *words: str) -> None:
    code, out, err = result
    assert code == 2, err
    assert out == ""
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err
    for word in words:
        assert word in err


def test_missing_folder(regraft: Regraft, tmp_path: Path) -> None:
    for command in ("scan", "plan", "train"):
        refused(regraft(command, tmp_path / "nowhere"), "nowhere")


def test_a_file_in_place_of_a_folder(regraft: Regraft, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    refused(regraft("train", tmp_path / "file"), "is a file")


def test_empty_folder(regraft: Regraft, tmp_path: Path) -> None:
    refused(regraft("train", tmp_path), str(tmp_path))


def test_one_class(regraft: Regraft, make_folder: Make) -> None:
    refused(regraft("train", make_folder(classes=1), "--quiet"), "class0", "two classes")


def test_no_readable_image(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    root = make_folder(each=3)
    for path in root.rglob("*.png"):
        path.write_bytes(b"broken")
    refused(regraft("scan", root), "none of the 6 images")
    refused(regraft("train", root, "--out", tmp_path / "run", "--quiet"), "none of the 6 images")
    assert not (tmp_path / "run").exists()


def test_a_class_without_a_readable_image(regraft: Regraft, make_folder: Make) -> None:
    root = make_folder(each=3)
    for path in (root / "class1").iterdir():
        path.write_bytes(b"")
    refused(regraft("train", root, "--quiet"), "class1")


def test_a_train_folder_is_missing(regraft: Regraft, make_folder: Make) -> None:
    refused(regraft("train", make_folder(each=3, parts=("val", "test")), "--quiet"), "train folder")


def test_unknown_backbone(regraft: Regraft, make_folder: Make) -> None:
    refused(regraft("train", make_folder(), "--backbone", "resnet81"), "resnet81", "did you mean", "resnet18")
    refused(regraft("train", make_folder("b"), "--backbone", "torchvision/resnt18"), "torchvision/resnet18")


@pytest.mark.parametrize("name", ["resnet18", "torchvision/resnet18"])
def test_weights_that_are_not_here(
    regraft: Regraft, make_folder: Make, monkeypatch: pytest.MonkeyPatch, name: str, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    refused(regraft("train", make_folder(), "--backbone", name), name, "--weights", "not on this machine")
    with pytest.raises(BackboneError, match="not on this machine"):
        load(name)


def test_names_read_from_source_are_the_libraries_own() -> None:
    import timm

    assert hub.registered("timm") <= set(timm.list_models())
    assert len(hub.registered("timm")) > 0.9 * len(timm.list_models())
    assert "resnet18" in hub.registered("torchvision") & set(torchvision.models.list_models())


class Malicious:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, ("touch /tmp/regraft-was-here",)


def test_weights_files_that_do_not_fit(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    root = make_folder()
    squeeze = ("train", root, "--backbone", "torchvision/squeezenet1_1", "--weights")
    save_file({"conv.weight": torch.zeros(2)}, tmp_path / "other.safetensors")
    (tmp_path / "text.safetensors").write_text("hello")
    (tmp_path / "text.pth").write_text("hello")
    (tmp_path / "evil.pth").write_bytes(pickle.dumps(Malicious()))
    torch.save([1, 2], tmp_path / "list.pth")
    torch.save({1: torch.zeros(2)}, tmp_path / "numbered.pth")
    refused(regraft(*squeeze, tmp_path / "other.safetensors"), "does not hold the weights", "squeezenet1_1")
    for name in ("text.safetensors", "text.pth", "evil.pth", "list.pth", "numbered.pth", "missing.pth"):
        refused(regraft(*squeeze, tmp_path / name), name)
    assert not Path("/tmp/regraft-was-here").exists()


def test_a_classifier_of_another_size_is_left_out_and_said(tmp_path: Path) -> None:
    torch.save({"state_dict": torchvision.models.squeezenet1_1(num_classes=7).state_dict()}, tmp_path / "seven.pth")
    loaded = load("torchvision/squeezenet1_1", str(tmp_path / "seven.pth"))
    assert "classifier" in loaded.notes[0]


def test_out_exists(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    root, out = make_folder(), tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    refused(regraft("train", root, "--out", out), "mine", "--overwrite")
    refused(regraft("train", root, "--out", out, "--overwrite"), "no run folder")
    assert (out / "thesis.txt").read_text() == "years of work"


def test_out_cannot_be_written(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    refused(regraft("train", make_folder(), "--out", tmp_path / "file" / "run"), "cannot be written")


def test_settings_out_of_range(regraft: Regraft, make_folder: Make) -> None:
    root = make_folder()
    for options, word in {
        ("--strategy", "magic"): "early-layers",
        ("--batch-size", "0"): "--batch-size",
        ("--init", "ones"): "xavier_uniform_",
        ("--similar-from", "2"): "between 0 and 1",
        ("--device", "cuda:99"): "--device",
        ("--cut", "layer9"): "blocks.5",
        ("--strategy", "head", "--cut", "blocks.1"): "early-layers",
        ("--image-size", "3"): "--image-size",
        ("--checkpoint-name", "last"): "last.pt",
        ("--checkpoint-name", "{epoch.x}"): "makes no file name",
        ("--split-seed", "4294967295"): "--split-seed",
    }.items():
        refused(regraft("train", root, "--quiet", *options), word)


def test_recipes_that_are_none(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    root = make_folder()
    (tmp_path / "a.json").write_text("{")
    (tmp_path / "b.json").write_text('{"magic": 1}')
    (tmp_path / "c.json").write_text('{"seed": "one"}')
    (tmp_path / "d.json").write_text('{"cuts": "ab"}')
    (tmp_path / "e.json").write_text('{"epochs": true}')
    for name in ("a.json", "b.json", "c.json", "d.json", "e.json", "missing.json"):
        refused(regraft("train", root, "--recipe", tmp_path / name), name)


def test_runs_that_are_none(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    root = make_folder()
    refused(regraft("predict", tmp_path / "nowhere", root), "nowhere")
    refused(regraft("predict", tmp_path, root), "no finished run")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    refused(regraft("evaluate", tmp_path, root), "damaged")
    refused(regraft("train", root, "--backbone", tmp_path, "--weights", tmp_path / "a.pth"), "own weights")
    (tmp_path / "model" / "model.safetensors").write_bytes(save({"weight": torch.zeros(1)}))
    refused(regraft("train", root, "--backbone", tmp_path), "no run that can be started from")


@pytest.mark.slow
def test_an_image_size_below_the_networks_stride(regraft: Regraft, make_folder: Make) -> None:
    root = make_folder()
    code, _, err = regraft("plan", root, "--image-size", "16", "--json", "--quiet")
    assert code == 0, err
    with pytest.raises(BackboneError, match="another --image-size"):
        trace(torchvision.models.vgg11().features, 16)


def test_a_network_that_takes_one_size_only_says_so() -> None:
    with pytest.raises(BackboneError, match="another --image-size"):
        trace(timm.create_model("vit_tiny_patch16_224"), 128)


def test_broken_files_are_listed_in_the_run(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    root = make_folder(each=10)
    (root / "class0" / "000.png").write_bytes(b"")
    (root / "class1" / "003.png").write_bytes((root / "class1" / "003.png").read_bytes()[:200])
    code, out, err = regraft("train", root, "--out", tmp_path / "run", "--json", "--quiet")
    assert code == 0, err
    assert json.loads(out)["left_out"] == 2
    faults = json.loads((tmp_path / "run" / "data.json").read_text())["faults"]
    assert {fault["path"] for fault in faults} == {"class0/000.png", "class1/003.png"}
    assert "class1/003.png" in (tmp_path / "run" / "report.html").read_text()


def test_a_strategy_beside_a_recipe_wins_with_all_that_goes_with_it(tmp_path: Path) -> None:
    Recipe(strategy="early-layers", cut="layer2", views=3).write(tmp_path / "early.json")
    beside = recipe_from({"strategy": "fine-tune", "unfreeze_from": "layer1"}, tmp_path / "early.json")
    assert (beside.planning.strategy, beside.planning.cut) == ("fine-tune", None)
    assert (beside.head.views, beside.optimisation.unfreeze_from) == (0, "layer1")
    same = recipe_from({"strategy": "early-layers"}, tmp_path / "early.json")
    assert (same.planning.cut, same.head.views) == ("layer2", 3)
    Recipe(strategy="fine-tune", weight_decay=0.05, epochs=30, seed=3).write(tmp_path / "tuned.json")
    head = recipe_from({"strategy": "head"}, tmp_path / "tuned.json")
    assert (head.optimisation.weight_decay, head.optimisation.epochs, head.seed) == (None, None, 3)


def test_a_killed_trainings_folder_is_left_to_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    checkpoint = tmp_path / "runs" / ".photos-1.unfinished" / "checkpoints" / "fine-tune" / "last.pt"
    checkpoint.parent.mkdir(parents=True)
    checkpoint.write_bytes(b"")
    assert choose_folder("photos", None, overwrite=False).name == "photos-2"
    named = Path("runs/photos-1")
    assert choose_folder("photos", named, overwrite=False, resume=True).name == "photos-1"
    with pytest.raises(RunError, match="--resume"):
        choose_folder("photos", named, overwrite=False)
    assert choose_folder("photos", named, overwrite=True) == named


def test_a_run_folder_without_a_name_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "run")
    monkeypatch.chdir(tmp_path / "run")
    for named in (Path(), tmp_path / "link"):
        assert choose_folder("photos", named, overwrite=True) == tmp_path / "run"


def test_training_images_that_show_the_same(regraft: Regraft, make_folder: Make) -> None:
    root = make_folder(each=3, parts=("train", "test"))
    for path in (root / "train").rglob("*.png"):
        path.write_bytes((root / "train" / "class0" / "000.png").read_bytes())
    refused(regraft("train", root, "--quiet"), "show the same")


@pytest.mark.slow
def test_an_image_that_goes_away_before_training(make_folder: Make, tmp_path: Path) -> None:
    root = make_folder(each=5)
    trainer = trainer_for(prepare(root, Recipe(image_size=32)), tmp_path)
    (root / "class0" / "000.png").unlink()
    with pytest.raises(DataError, match=r"class0/000\.png could be read before"):
        assert trainer.examples.samples


def test_a_class_whose_name_no_encoding_has(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    root = make_folder(each=10)
    (root / "class0").rename(os.fsdecode(os.fsencode(root) + b"/caf\xe9"))
    code, _, err = regraft("train", root, "--out", tmp_path / "run", "--quiet")
    assert code == 0, err


def test_statistics_do_not_replace_a_file(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    refused(regraft("reference", "demonstration", make_folder(), "--out", tmp_path / "thesis.txt"), "--overwrite")


@pytest.mark.parametrize(("error", "code", "said"), [(KeyboardInterrupt, 130, "interrupted"), (BrokenPipeError, 0, "")])
def test_a_command_that_is_broken_off(
    error: type[BaseException], code: int, said: str, regraft: Regraft, make_folder: Make,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    def broken_off(*_: object) -> None:
        raise error

    monkeypatch.setattr("regraft.data.scan.scan", broken_off)
    monkeypatch.setattr("os.dup2", lambda *_: None)
    monkeypatch.setattr(sys.stdout, "fileno", lambda: 1)
    found = regraft("scan", make_folder())
    assert found[0] == code
    assert said in found[2]
    assert "Traceback" not in found[2]


def test_several_backbones_have_no_folder(regraft: Regraft, make_folder: Make, tmp_path: Path) -> None:
    named = ("--backbone", "embedded", "--backbone", "demonstration")
    refused(regraft("plan", make_folder(), *named, "--out", tmp_path / "plan"), "--out")
