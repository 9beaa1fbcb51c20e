"""What the version before wrote is still read: its run folders and its recipes."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import regraft
from regraft.data.content import hash_of
from regraft.data.decoding import decode
from regraft.data.identity import IDENTITY
from regraft.recipe import Recipe, read_recipe

Regraft = Callable[..., tuple[int, str, str]]
FORMER = Path(__file__).parent.parent / "former" / "run-format-1"
PREDICTED = FORMER.with_name("run-format-1-predicted.csv")  # what that version's `regraft predict` said of the images


@pytest.fixture(scope="module")
def few_digits(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 12 of each digit, on which the run was made."""
    folder = tmp_path_factory.mktemp("former") / "digits"
    for path in (path for digit in sorted(digits.iterdir()) for path in sorted(digit.iterdir())[:12]):
        (folder / path.parent.name).mkdir(parents=True, exist_ok=True)
        shutil.copy(path, folder / path.parent.name)
    return folder


def rows_of(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text().splitlines()))


def probabilities_in(rows: list[dict[str, str]]) -> np.ndarray:
    return np.array([[float(row[f"p({digit})"]) for digit in range(10)] for row in rows])


def test_a_former_run_predicts_as_it_did(few_digits: Path) -> None:
    reported, predicted = rows_of(FORMER / "predictions.csv"), rows_of(PREDICTED)
    assert [row["path"] for row in reported] == [row["path"] for row in predicted]
    classifier = regraft.load(FORMER, device="cpu")
    assert (classifier.classes, classifier.strategy) == (tuple("0123456789"), "early-layers")
    assert classifier.saved
    assert (classifier.saved.config.temperature, classifier.conformal_threshold) == (1.0, None)
    predictions = classifier.predict([few_digits / row["path"] for row in reported])
    assert len(predictions) == 20
    labels = [prediction.label for prediction in predictions]
    assert labels == [row["class"] for row in predicted] == [row["predicted"] for row in reported]
    found = np.array([prediction.probabilities for prediction in predictions])
    np.testing.assert_allclose(found, probabilities_in(predicted), rtol=0, atol=1e-4)
    np.testing.assert_allclose(found, probabilities_in(reported), rtol=0, atol=0.02)  # of a pass in bf16


def test_a_former_run_is_evaluated(few_digits: Path, tmp_path: Path, regraft: Regraft) -> None:
    files = json.loads((FORMER / "data.json").read_text())["files"]
    for file in files:
        place = tmp_path / "parts" / file["split"] / file["path"]
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(few_digits / file["path"], place)
    code, out, err = regraft("evaluate", FORMER, tmp_path / "parts", "--json", "--quiet")
    assert code == 0, err
    result, reported = json.loads(out), json.loads((FORMER / "metrics.json").read_text())
    assert result["metrics"]["probabilities"]["conformal"] is None
    for name in ("split", "images", "accuracy", "balanced_accuracy", "macro_f1", "confusion"):
        assert result["metrics"][name] == reported[name], name
    assert result["trained_on"] == {"images": 0, "of": 20, "accuracy_on_the_others": reported["accuracy"]}
    code, out, err = regraft("evaluate", FORMER, few_digits, "--json", "--quiet")
    assert code == 0, err
    seen = json.loads(out)["trained_on"]
    assert (seen["images"], seen["of"]) == (sum(file["split"] != "test" for file in files), 120)


def test_a_run_that_knew_jpegs_by_their_pixels_knows_them_still(
    make_folder: Callable[..., Path], tmp_path: Path, regraft: Regraft
) -> None:
    root, run = make_folder(each=12), tmp_path / "run"
    for path in root.rglob("*.png"):
        Image.open(path).save(path.with_suffix(".jpg"))
        path.unlink()
    options = ("--backbone", "demonstration", "--strategy", "head", "--out", run, "--quiet")
    code, _, err = regraft("train", root, *options)
    assert code == 0, err
    data = json.loads((run / "data.json").read_text())
    assert data.pop("identity") == IDENTITY
    for now in (True, False):
        if not now:
            for file in data["files"]:
                file["pixels"] = hash_of(decode((root / file["path"]).read_bytes()))
            (run / "data.json").write_text(json.dumps(data))
        code, out, err = regraft("evaluate", run, root, "--json", "--quiet")
        assert code == 0, err
        assert json.loads(out)["trained_on"]["images"] == sum(file["split"] == "train" for file in data["files"])


@pytest.mark.parametrize("name", ["recipe.json", "fine-tune-recipe.json"])
def test_a_former_recipe_is_read_and_kept(name: str, tmp_path: Path) -> None:
    values = json.loads((FORMER / name).read_text())
    recipe = read_recipe(FORMER / name)
    since = {"cuts": (), "fast": False, "solver": "logistic", "joining": "concatenated", "interpolate": "yes"}
    since |= {"range": "auto", "bands": None, "background": "white"}
    since |= dict.fromkeys(("image_folder", "image_suffix", "splits"))
    since |= {"weights_key": None, "continue_from": None, "corrections": None}
    since |= {"layout": None, "classes_from": None, "ignore": (), "zip_names": None}
    assert recipe.flat() == values | since
    recipe.write(tmp_path / "recipe.json")
    assert read_recipe(tmp_path / "recipe.json") == recipe
    assert set(json.loads((tmp_path / "recipe.json").read_text())) == set(recipe.as_dict())


def test_what_former_recipes_say() -> None:
    head, tune = read_recipe(FORMER / "recipe.json"), read_recipe(FORMER / "fine-tune-recipe.json")
    assert head == Recipe(backbone="demonstration", strategy="early-layers", cut="conv3", image_size=32, ema=0.0)
    assert (tune.planning.strategy, tune.planning.cut, tune.network.batch_size) == ("fine-tune", None, 16)
    assert (tune.head.layers, tune.head.hidden, tune.head.initialiser) == (2, 32, "kaiming_normal_")
    assert (tune.optimisation.epochs, tune.optimisation.learning_rate, tune.stopping.patience) == (2, 0.0005, 3)
    assert (tune.augmentation.preset, tune.augmentation.flip, tune.augmentation.mix) == ("light", "no", "none")


@pytest.mark.slow
def test_a_former_recipe_trains(few_digits: Path, tmp_path: Path, regraft: Regraft) -> None:
    recipe = FORMER / "fine-tune-recipe.json"
    options = ("--epochs", 1, "--out", tmp_path / "run", "--json", "--quiet")
    code, out, err = regraft("train", few_digits, "--recipe", recipe, *options)
    assert code == 0, err
    assert json.loads(out)["strategy"] == "fine-tune"
    assert read_recipe(tmp_path / "run" / "recipe.json") == read_recipe(recipe).but(epochs=1)
    assert [row["epoch"] for row in rows_of(tmp_path / "run" / "history.csv")] == ["0", "1"]


def test_a_former_run_is_repeated(few_digits: Path, tmp_path: Path, regraft: Regraft) -> None:
    options = ("--recipe", FORMER / "recipe.json", "--out", tmp_path / "run", "--json", "--quiet")
    code, out, err = regraft("train", few_digits, *options)
    assert code == 0, err
    printed = json.loads(out)
    assert (printed["strategy"], printed["cuts"]) == ("early-layers", ["conv3"])
    before, now = (rows_of(run / "predictions.csv") for run in (FORMER, tmp_path / "run"))
    assert [(row["path"], row["predicted"]) for row in now] == [(row["path"], row["predicted"]) for row in before]
