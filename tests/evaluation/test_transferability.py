"""Layers transferred, cut by cut: what networks are put together of, what stays frozen, what is kept, what is said."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from regraft.data.images import ImageSet
from regraft.data.readers.memory import from_arrays
from regraft.errors import BackboneError, DataError, RecipeError, RunError
from regraft.evaluation.kept_folder import kept_in
from regraft.evaluation.transferability import Transferability, transferability
from regraft.evaluation.transferability.composed import names_up_to, random_model
from regraft.evaluation.transferability.kept import Kept
from regraft.evaluation.transferability.study import Study
from regraft.evaluation.transferability.targets import halves_of
from regraft.evaluation.transferability.trainings import Bench, Training
from regraft.evaluation.transferability.variants import ANB, BNB, RNB, Variant
from regraft.evaluation.transferability.wanted import Wanted
from regraft.network.load import load
from regraft.network.surgery import pooled_network
from regraft.planning.prepare import look
from regraft.progress import silent
from regraft.recipe import Recipe

Regraft = Callable[..., tuple[int, str, str]]
QUICK = Recipe(epochs=1, image_size=16, batch_size=16, workers=1)


def pictures(classes: int = 4, each: int = 16, told_apart: bool = True) -> ImageSet:
    """Noise; of another brightness for each class where they are to be told apart."""
    draw = np.random.default_rng(0)
    step = 180 // classes if told_apart else 0
    labels = [kind for kind in range(classes) for _ in range(each)]
    pixels = np.stack([draw.integers(0, 60, (16, 16, 3)) + step * kind for kind in labels])
    return from_arrays(pixels.astype(np.uint8), [f"class{kind}" for kind in labels])


@pytest.fixture(scope="session")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of the demonstration network that stand for pre-trained ones."""
    file = tmp_path_factory.mktemp("weights") / "taught.safetensors"
    save_file(random_model(load("demonstration"), 99).state_dict(), file)
    return file


def study_in(folder: Path, images: ImageSet, recipe: Recipe = QUICK, cuts: str = "all", seeds: int = 1) -> Study:
    wanted = Wanted(recipe, True, cuts, seeds)
    looked = look(images, wanted.recipe_for_looking())
    with kept_in(folder, "a study") as place:
        return Study.of(wanted, looked, Kept(place), silent, lambda _: None)


def test_frozen_layers_are_the_same_after_training_and_others_are_not(tmp_path: Path) -> None:
    study = study_in(tmp_path / "study", pictures())
    side = study.sides[0]
    study.bench.outcome(study.own_training(side))
    for variant in (Variant(BNB, 2), Variant(RNB, 3)):
        training = Training(variant, side.target, side.seed, study.source(variant, side))
        before = study.bench.start(training).model.state_dict()
        after = study.bench.train(
            training, side.target, study.bench.settings(training)
        ).graft.backbone.model.state_dict()
        frozen = set(names_up_to(study.bench.backbone, variant.layers))
        assert all(torch.equal(after[name], before[name]) for name in frozen)
        assert not torch.equal(after["fc2.0.weight"], before["fc2.0.weight"])


def test_the_own_layers_that_are_put_back_give_what_they_gave(tmp_path: Path) -> None:
    study = study_in(tmp_path / "study", pictures())
    side, last = study.sides[0], Variant(BNB, 5)
    own = study.own_training(side)
    trained = study.bench.train(own, side.target, study.bench.settings(own)).graft.backbone
    study.bench.outcome(own)
    back = study.bench.start(Training(last, side.target, side.seed, study.source(last, side)))
    images = torch.rand(4, 3, 16, 16)
    with torch.no_grad():
        mine, theirs = (
            pooled_network(one.model.eval(), one.traced, [one.traced.cuts[-1]])(images)[0] for one in (back, trained)
        )
    assert torch.allclose(mine, theirs, atol=1e-6)


def test_halves_part_the_classes_and_their_images(tmp_path: Path) -> None:
    study = study_in(tmp_path / "study", pictures(classes=5))
    whole = study.whole
    first, second = halves_of(whole, 0)
    names = [set(half.examples.features.images.classes) for half in (first, second)]
    assert (len(names[0]), len(names[1])) == (2, 3)
    assert names[0] | names[1] == set(whole.examples.features.images.classes)
    assert sorted([*first.rows, *second.rows]) == sorted(whole.test)
    for half in (first, second):
        images = half.examples.features.images
        for row, label in zip(half.rows, half.examples.labels[half.test], strict=True):
            truth = whole.examples.features.images
            assert images.classes[label] == truth.classes[truth.files[row].label]
            place = list(half.rows).index(row)
            mine, theirs = half.examples.samples.images[half.test[place]], whole.examples.samples.images[row]
            assert torch.equal(mine, theirs)
    assert {*map(frozenset, names)} != {
        frozenset(half.examples.features.images.classes) for half in halves_of(whole, 1)
    } or {*map(frozenset, names)} != {frozenset(half.examples.features.images.classes) for half in halves_of(whole, 2)}


def test_fewer_images_are_of_every_class_and_test_images_stay(tmp_path: Path) -> None:
    target = study_in(tmp_path / "study", pictures(each=30)).sides[0].target
    part = target.with_share(0.25)
    labels = part.examples.labels[part.examples.split.train]
    assert np.bincount(labels).tolist() == [6, 6]
    assert set(part.examples.split.train) <= set(target.examples.split.train)
    assert (part.examples.split.folds == 0).any()
    assert np.array_equal(part.test, target.test)
    assert part.fingerprint != target.fingerprint


def counted(monkeypatch: pytest.MonkeyPatch, most: int = 1000) -> list[Training]:
    """The trainings that are carried out; the one after ``most`` is interrupted."""
    trained: list[Training] = []
    train = Bench.train

    def counting(bench: Bench, training: Training, *rest: object) -> object:
        if len(trained) == most:
            raise KeyboardInterrupt
        trained.append(training)
        return train(bench, training, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(Bench, "train", counting)
    return trained


def figures(result: Transferability) -> str:
    values = result.as_dict()
    return json.dumps({name: values[name] for name in ("points", "contrasts", "reading", "trainings")})


@pytest.mark.slow
def test_what_was_broken_off_is_gone_on_with_and_gives_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def call(name: str) -> Transferability:
        return transferability(pictures(), QUICK, True, "fc2", 1, None, tmp_path / name)

    with monkeypatch.context() as patched:
        before = counted(patched, most=3)
        with pytest.raises(KeyboardInterrupt):
            call("broken")
        assert len(before) == 3
    with monkeypatch.context() as patched:
        rest = counted(patched)
        gone_on = call("broken")
        assert len(rest) == gone_on.carried_out == gone_on.trainings - 3
    with monkeypatch.context() as patched:
        assert counted(patched) == []
        again = call("broken")
        assert again.carried_out == 0
    whole = call("whole")
    assert figures(whole) == figures(gone_on) == figures(again)
    assert not list((tmp_path / "broken" / "trainings").glob("training"))
    page = (tmp_path / "whole" / "index.html").read_text()
    assert all(sentence.split(" (")[0] in page for sentence in whole.reading)
    assert (tmp_path / "whole" / "transferability.svg").read_text().startswith("<svg")
    assert "nan" not in whole.picture


def test_near_chance_nothing_is_said_of_co_adaptation(tmp_path: Path, taught: Path) -> None:
    recipe = QUICK.but(backbone="demonstration", weights=str(taught))
    result = transferability(pictures(told_apart=False), recipe, False, "1", 2, None, tmp_path / "study")
    assert not result.own_is_clear
    assert {point.variant.kind for point in result.points} == {"scratch", "Mean-Var", "AnB", "AnB+", "RnB"}
    assert "is not named" in " ".join(result.reading)
    assert not any("Co-adaptation" in sentence or "Specificity" in sentence for sentence in result.reading)
    assert result.trainings == 2 * 5


@pytest.mark.slow
def test_on_the_users_images_all_kinds_are_trained_with_the_same_settings(tmp_path: Path, taught: Path) -> None:
    recipe = QUICK.but(backbone="demonstration", weights=str(taught), epochs=6, learning_rate=1e-2)
    result = transferability(pictures(classes=2, each=60), recipe, False, "1", 1, None, tmp_path / "study")
    assert result.own_is_clear
    kinds = [(point.variant.kind, point.variant.layers) for point in result.points]
    assert kinds == [
        ("scratch", 0), ("Mean-Var", 0), ("AnB", 5), ("AnB+", 5), ("BnB", 5), ("BnB+", 5), ("RnB", 5),
    ]  # fmt: skip
    wanted = Wanted(recipe, False, "1", 1)
    looked = look(pictures(classes=2, each=60), wanted.recipe_for_looking())
    with kept_in(tmp_path / "other", "a study") as place:
        study = Study.of(wanted, looked, Kept(place), silent, lambda _: None)
    settings = [study.bench.settings(one).flat() for one in study.put_together(clear=True)]
    free = {name for one in settings for name in one if one[name] != settings[0][name]}
    assert free == {"unfreeze_from"}
    assert settings[0]["head_start"] == "random"
    assert settings[0]["layer_decay"] == 1
    learned = study.source(Variant(ANB, 5), study.sides[0])
    assert learned is not None
    assert np.array_equal(learned.state()["fc2.0.weight"], looked.backbone.model.state_dict()["fc2.0.weight"].numpy())


@pytest.mark.parametrize(
    ("settings", "kind", "says"),
    [
        ({"cuts": "conv9", "teach": True}, BackboneError, "no cut 'conv9'.*conv1, conv2"),
        ({"cuts": "0", "teach": True}, RecipeError, "--cuts is 0; give a number from 1"),
        ({"seeds": 0}, RecipeError, "--seeds is 0"),
        ({"images": 3, "teach": True}, DataError, "3 images are too few for 4 classes"),
        ({"teach": True, "recipe": QUICK.but(backbone="resnet18")}, RecipeError, "leave --backbone out"),
        ({"recipe": QUICK.but(backbone="demonstration")}, RecipeError, "nothing to transfer"),
    ],
)
def test_what_cannot_be_is_refused(
    tmp_path: Path, settings: dict[str, object], kind: type[Exception], says: str
) -> None:
    with pytest.raises(kind, match=says):
        transferability(pictures(), **{"recipe": QUICK, "out": tmp_path / "study", **settings})  # type: ignore[arg-type]
    assert not (tmp_path / "study").exists()


def test_too_few_classes_and_other_folders_are_refused_in_one_line(
    regraft: Regraft, make_folder: Callable[..., Path], tmp_path: Path
) -> None:
    root = make_folder(classes=3)
    code, out, err = regraft("transferability", root, "--teach", "--quiet", "--out", tmp_path / "study")
    assert (code, out) == (2, "")
    assert "3 classes; --teach halves them and needs 4" in err
    assert len(err.splitlines()) == 1
    code, _, err = regraft("transferability", make_folder("more", classes=4), "--teach", "--quiet", "--out", root)
    assert code == 2
    assert "holds something else" in err
    code, _, err = regraft("transferability", root, "--teach", "--backbone", "embedded", "--quiet")
    assert code == 2
    assert "leave --backbone out" in err


def test_two_at_a_time_are_refused(tmp_path: Path) -> None:
    with kept_in(tmp_path / "study", "a study"), pytest.raises(RunError, match="another process is writing"):
        transferability(pictures(), QUICK, True, "fc2", 1, None, tmp_path / "study")


def test_ctrl_c_says_how_to_go_on_and_json_is_printed(
    regraft: Regraft, make_folder: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = make_folder(classes=4, each=12)
    options = ("--teach", "--seeds", 1, "--cuts", "fc2", "--epochs", 1, "--out", tmp_path / "study")
    with monkeypatch.context() as patched:
        counted(patched, most=2)
        code, _, err = regraft("transferability", root, *options)
    assert code == 130
    assert f"go on with: regraft transferability {root} --teach" in err
    assert "the first training took" in err
    code, out, err = regraft("transferability", root, *options, "--json", "--quiet")
    assert (code, err) == (0, "")
    result = json.loads(out)
    assert result["carried_out"] == result["trainings"] - 2
    assert {"points", "contrasts", "reading", "chance", "own_network_is_clear", "cuts"} <= set(result)
    code, out, err = regraft("transferability", root, *options, "--quiet")
    assert code == 0, err
    assert "5: fc2" in out
    assert "From scratch" in out
