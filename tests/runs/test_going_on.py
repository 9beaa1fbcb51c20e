"""Training that goes on from a run."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from conftest import picture

import regraft as package
from regraft import Recipe, RecipeError, RunError
from regraft.network.saved import load as load_saved
from regraft.runs.seen import known_to

Regraft = Callable[..., tuple[int, str, str]]
FIRST = Recipe(image_size=32, strategy="head")


def folder_of(root: Path, kinds: tuple[int, ...], each: int = 12, first: int = 0) -> Path:
    """Class folders of pictures of some kinds."""
    for kind in kinds:
        (root / f"class{kind}").mkdir(parents=True)
        for i in range(each):
            picture(kind, first + i).save(root / f"class{kind}" / f"{first + i:03d}.png")
    return root


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run on three classes."""
    place = tmp_path_factory.mktemp("first")
    return package.train(folder_of(place / "data", (0, 1, 2), 20), FIRST, place / "run").folder


@pytest.mark.slow
def test_it_says_what_is_kept_added_and_left_out(first: Path, regraft: Regraft, tmp_path: Path) -> None:
    data = folder_of(tmp_path / "new", (1, 2, 3), first=500)
    out = tmp_path / "onward"
    code, printed, err = regraft(
        "train", data, "--continue", first, "--strategy", "head", "--out", out, "--json", "--quiet"
    )
    assert code == 0, err
    result = json.loads(printed)
    expected = {"run": str(first), "kept": ["class1", "class2"], "added": ["class3"], "dropped": ["class0"]}
    assert result["continued"] == expected
    assert json.loads((out / "metrics.json").read_text())["continued"] == expected
    for said in ("its head for 2 classes ('class1', 'class2')", "Added to the head: 'class3'", "Left out of the head"):
        assert any(said in note for note in result["notes"]), said
    assert result["cuts"] == list(load_saved(first / "model").config.cuts)
    assert "an earlier run" in json.loads((out / "environment.json").read_text())["origin"]["weights"]
    assert result["metrics"]["accuracy"] > 0.8
    again = regraft("train", data, "--recipe", out / "recipe.json", "--out", tmp_path / "again", "--json", "--quiet")
    assert again[0] == 0, again[2]
    assert json.loads(again[1])["metrics"] == result["metrics"]
    planned = regraft("plan", data, "--continue", first, "--json", "--quiet")
    assert json.loads(planned[1])["strategy"] == "head"
    assert any("Goes on from" in note for note in json.loads(planned[1])["notes"])


@pytest.mark.slow
def test_no_decay_small_enough_forgets_the_head_where_all_is_known(first: Path, tmp_path: Path) -> None:
    """Two images a class do not change what twenty taught."""
    data = folder_of(tmp_path / "new", (0, 1, 2), 4, first=700)
    run = package.train(data, FIRST.but(continue_from=str(first), weight_decay=1e5), tmp_path / "onward")
    old, new = (load_saved(folder / "model").graft.head.weights[0] for folder in (first, run.folder))
    scale = float((old * new).sum() / (old * old).sum())  # the temperature
    np.testing.assert_allclose(new, scale * old, atol=1e-3 * np.abs(new).max())


def test_the_demanded_things_that_do_not_fit_are_refused(first: Path, regraft: Regraft, tmp_path: Path) -> None:
    data = folder_of(tmp_path / "new", (0, 1), first=600)
    (tmp_path / "empty").mkdir()
    for options, said in [
        (("--continue", tmp_path / "nowhere"), "there is no run folder"),
        (("--continue", tmp_path / "empty"), "holds no finished run"),
        (("--continue", first, "--backbone", "demonstration"), "brings its own network"),
        (("--continue", first, "--weights", "some.pt"), "brings its own weights"),
        (("--continue", first, "--image-size", 64), "takes 32 pixels a side"),
        (("--continue", first, "--cut", "blocks.1"), "the head of"),
        (("--continue", first, "--strategy", "from-scratch"), "give --strategy head or fine-tune"),
        (("--continue", first, "--strategy", "early-layers"), "give --strategy head or fine-tune"),
        (("--continue", first, "--solver", "discriminant"), "the head that is there"),
        (("--continue", first, "--head-start", "random", "--strategy", "fine-tune"), "leave --head-start out"),
        (("--continue", first, "--out", first, "--overwrite"), "gone on from"),
    ]:
        code, printed, err = regraft("train", data, *options, "--quiet")
        assert (code, printed) == (2, ""), options
        assert said in err, err
        assert len(err.strip().splitlines()) == 1, err
    assert (first / "model").is_dir()
    for call in (package.compare, package.rank, package.transferability):
        arguments = (data, ["embedded", "demonstration"]) if call is package.rank else (data,)
        with pytest.raises((RecipeError, RunError), match="--continue"):
            call(*arguments, Recipe(continue_from=str(first)))


def test_a_damaged_run_is_one_line(first: Path, regraft: Regraft, tmp_path: Path) -> None:
    copy = shutil.copytree(first, tmp_path / "copy")
    (copy / "model" / "model.safetensors").write_bytes(b"nothing")
    code, _, err = regraft("train", folder_of(tmp_path / "new", (0, 1)), "--continue", copy, "--quiet")
    assert code == 2
    assert "damaged" in err


def test_classes_that_are_all_new_keep_the_layers_alone(first: Path, tmp_path: Path) -> None:
    data = folder_of(tmp_path / "new", (3, 4), first=500)
    run = package.train(data, Recipe(continue_from=str(first), strategy="head"), tmp_path / "onward")
    assert run.continued
    assert run.continued.kept == ()
    assert any("not its head, since no class is in both" in note for note in run.notes)
    assert run.metrics.accuracy > 0.7


@pytest.mark.slow
@pytest.mark.parametrize("by", ["continue_from", "backbone"])
def test_images_that_trained_the_earlier_run_are_counted(by: str, first: Path, tmp_path: Path) -> None:
    """Where all of them are in the training part there, those that are reported on here deceive."""
    data = folder_of(tmp_path / "new", (0, 1, 2), 20)
    recipe = Recipe(strategy="head", split_seed=3).but(**{by: str(first)})
    run = package.train(data, recipe, tmp_path / "onward")
    (note,) = [note for note in run.notes if "which this starts from" in note]
    assert "of the 12 images reported on trained or chose" in note
    too_good = [note for note in run.notes if "held-out accuracies" in note]
    assert len(too_good) == (by == "continue_from")  # a head that is learned anew is judged by images it has not seen
    same = package.train(data, recipe.but(split_seed=0), tmp_path / "same")  # the split that the run had
    assert not [note for note in same.notes if "which this starts from" in note]


@pytest.mark.slow
def test_new_images_alone_are_warned_of_and_the_old_ones_are_not_forgotten_as_taught(
    first: Path, tmp_path: Path
) -> None:
    """Of a second generation too, the images that the first one learned from flatter."""
    recipe = FIRST.but(continue_from=str(first), image_size=None)
    run = package.train(folder_of(tmp_path / "new", (0, 1, 2), first=500), recipe, tmp_path / "onward")
    (remark,) = [one for one in run.remarks if one.kind == "images of the earlier run left out"]
    assert remark.first
    taught = known_to(first)
    assert taught
    assert remark.text.startswith(f"0 of the {len(taught)} images that trained or chose {first} are here")
    assert f"like those of {first}: " in run.plan.headline
    next_one = package.train(
        folder_of(tmp_path / "newer", (0, 1, 2), first=800),
        recipe.but(continue_from=str(run.folder)),
        tmp_path / "third",
    )
    seen = package.load(next_one.folder).evaluate(first.parent / "data").trained_on
    assert seen
    assert seen.images == len(taught)
    both = folder_of(tmp_path / "both", (0, 1, 2), 20)
    folder_of(tmp_path / "more", (0, 1, 2), first=500)
    for kind in (0, 1, 2):
        shutil.copytree(tmp_path / "more" / f"class{kind}", both / f"class{kind}", dirs_exist_ok=True)
    together = package.train(both, recipe, tmp_path / "together")
    assert "images of the earlier run left out" not in {one.kind for one in together.remarks}


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"strategy": "head", "cuts": ("blocks.0", "blocks.1"), "pooling": "both"},
        {"strategy": "head", "head_layers": 2, "hidden": 16},
        {"strategy": "early-layers", "cut": "blocks.1"},
        {"strategy": "fine-tune", "epochs": 1},
    ],
)
@pytest.mark.parametrize("strategy", ["head", "fine-tune"])
def test_every_kind_of_run_can_be_gone_on_from(settings: dict[str, object], strategy: str, tmp_path: Path) -> None:
    before = package.train(
        folder_of(tmp_path / "data", (0, 1, 2)), Recipe(image_size=32, flip="no").but(**settings), tmp_path / "before"
    )
    new = folder_of(tmp_path / "new", (1, 2, 3), first=500)
    recipe = Recipe(continue_from=str(before.folder), strategy=strategy, epochs=1, flip="no")
    run = package.train(new, recipe, tmp_path / "onward")
    assert run.strategy == strategy
    ours, theirs = (load_saved(folder / "model").config for folder in (run.folder, before.folder))
    assert (ours.cuts, ours.pooling, ours.head.layers) == (theirs.cuts, theirs.pooling, theirs.head.layers)
    assert run.metrics.accuracy > 0.6
    assert package.load(run.folder).evaluate(new).metrics.accuracy > 0.6


@pytest.mark.slow
def test_left_to_itself_it_goes_on_and_may_train_everything(first: Path, tmp_path: Path) -> None:
    data = folder_of(tmp_path / "new", (1, 2, 3), first=500)
    run = package.train(data, Recipe(continue_from=str(first), epochs=1, flip="no"), tmp_path / "onward")
    names = [attempt.name for attempt in run.tried]
    assert "the run's head, gone on with" in names
    assert not [name for name in names if name.startswith(("head at", "discriminant", "averaged"))]
    assert run.rule is None
