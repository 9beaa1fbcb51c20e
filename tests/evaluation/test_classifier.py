"""A run, loaded: what it takes, what it gives back."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import picture
from PIL import Image

import regraft
from regraft import Classifier, DataError, Recipe, Run, RunError

SETTINGS = Recipe(backbone="demonstration", image_size=32, strategy="head")


@pytest.fixture
def run(make_folder: Callable[..., Path], tmp_path: Path) -> Run:
    return regraft.train(make_folder(each=10), SETTINGS, tmp_path / "run")


@pytest.fixture
def classifier(run: Run) -> Classifier:
    return regraft.load(run.folder)


def test_all_ways_to_give_an_image_agree(classifier: Classifier, tmp_path: Path) -> None:
    images = [picture(kind, 70 + kind) for kind in (0, 1)]
    for i, image in enumerate(images):
        (tmp_path / "new").mkdir(exist_ok=True)
        image.save(tmp_path / "new" / f"{i}.png")
    array = np.stack([np.asarray(image) for image in images])
    expected = [prediction.label for prediction in classifier.predict(images)]
    assert expected == ["class0", "class1"]
    for given in (tmp_path / "new", [tmp_path / "new" / "0.png", str(tmp_path / "new" / "1.png")], array, list(array)):
        assert [prediction.label for prediction in classifier.predict(given)] == expected
    tensor = torch.from_numpy(array).permute(0, 3, 1, 2)
    assert [prediction.label for prediction in classifier.predict(tensor)] == expected
    for one in (images[1], array[1], str(tmp_path / "new" / "1.png")):
        (prediction,) = classifier.predict(one)
        assert prediction.label == "class1"
        assert prediction.probability == pytest.approx(float(np.max(prediction.probabilities)))


def test_a_broken_file_comes_back_with_its_fault(classifier: Classifier, tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"")
    good, bad = classifier.predict([picture(0, 90), tmp_path / "broken.png"])
    assert good.fault is None
    assert bad.fault is not None
    assert (bad.fault.kind, bad.label, bad.probability) == ("empty", None, None)
    large = classifier.predict(Image.new("RGB", (40, 40)), max_pixels=1_000)[0]
    assert large.fault is not None
    assert large.fault.kind == "too large"


def test_what_is_not_there_is_refused(classifier: Classifier, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file or folder"):
        classifier.predict(tmp_path / "nothing.png")
    with pytest.raises(DataError, match="no image to predict"):
        classifier.predict([])
    with pytest.raises(RunError, match="no run folder"):
        regraft.load(tmp_path / "nowhere")


def test_the_module_gives_what_predict_gives(classifier: Classifier) -> None:
    image = picture(0, 91)
    tensor = classifier.preprocessing.transform()(image)
    with torch.inference_mode():
        probabilities = classifier.module(tensor[None]).softmax(1)[0].numpy()
    (prediction,) = classifier.predict(image)
    assert prediction.probabilities == pytest.approx(probabilities, abs=5e-3)  # the engine may compute in bf16


def test_a_run_says_what_the_command_line_prints(run: Run) -> None:
    printed = run.as_dict()
    assert printed["metrics"]["accuracy"] == run.metrics.accuracy
    assert printed["run"] == str(run.folder)
    assert (run.folder / "report.html").exists()
    card = run._repr_html_()
    assert f"{run.metrics.accuracy:.1%}" in card
    assert str(run.report) in card


def test_without_a_run_folder_nothing_says_what_trained_it(
    classifier: Classifier, run: Run, make_folder: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(run.folder)  # where some other run's data.json lies
    assert replace(classifier, folder=None).evaluate(make_folder("more", each=4)).trained_on is None


def test_metrics_of_an_evaluation_are_those_of_its_predictions(
    classifier: Classifier, make_folder: Callable[..., Path]
) -> None:
    other = make_folder("other", each=6, parts=("test",))
    evaluation = classifier.evaluate(other)
    labels = [prediction.label for prediction in classifier.predict(other)]
    truth = ["class0"] * 6 + ["class1"] * 6
    assert evaluation.metrics.accuracy == pytest.approx(np.mean([a == b for a, b in zip(labels, truth, strict=True)]))
    assert evaluation.metrics.split == "test"
    assert evaluation.as_dict()["metrics"]["images"] == 12


def test_a_class_that_train_lacks_is_judged_where_the_run_knows_it(
    classifier: Classifier, make_folder: Callable[..., Path]
) -> None:
    root = make_folder("parts", each=6, parts=("train", "test"))
    shutil.rmtree(root / "train" / "class0")
    evaluation = classifier.evaluate(root)
    assert [row.images for row in evaluation.metrics.per_class] == [6, 6]
    assert not evaluation.left_out
    (root / "test" / "wasps").mkdir()
    picture(0, 1).save(root / "test" / "wasps" / "1.png")
    evaluation = classifier.evaluate(root)
    assert evaluation.metrics.images == 12
    assert [(fault.path, fault.kind) for fault in evaluation.left_out] == [("test/wasps", "unknown class")]


def test_classes_are_matched_whatever_their_capital_letters(
    classifier: Classifier, make_folder: Callable[..., Path]
) -> None:
    root = make_folder("capital", each=6)
    (root / "class0").rename(root / "Class0")
    evaluation = classifier.evaluate(root)
    assert [(row.name, row.images) for row in evaluation.metrics.per_class] == [("class0", 6), ("class1", 6)]
    assert evaluation.metrics.accuracy > 0.9
    assert "'Class0'" in evaluation.notes[0]
    (root / "Class0").rename(root / "wasps")
    with pytest.raises(DataError, match=r"'wasps' \(it knows 'class0', 'class1'\)"):
        classifier.evaluate(root)


def test_a_class_without_an_image_is_said(classifier: Classifier, make_folder: Callable[..., Path]) -> None:
    root = make_folder("one", each=6)
    shutil.rmtree(root / "class0")
    evaluation = classifier.evaluate(root)
    assert evaluation.metrics.macro_f1 > 0.8
    assert evaluation.remarks[0].text == "No image of 'class0': the figures are of 'class1' alone."
    assert evaluation.as_dict()["remarks"][0]["first"]


def test_probabilities_are_an_array_in_order(classifier: Classifier, tmp_path: Path) -> None:
    folder = tmp_path / "mixed"
    folder.mkdir()
    for i in (0, 1):
        picture(i, 70 + i).save(folder / f"{i}.png")
    (folder / "notes.txt").write_text("no image")
    rows = classifier.predict_proba(folder)
    assert rows.shape == (2, 2)
    assert rows.argmax(axis=1).tolist() == [0, 1]
    assert np.array_equal(rows, np.stack([p.probabilities for p in classifier.predict(folder) if not p.fault]))
    (folder / "2.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"2\.png cannot be read"):
        classifier.predict_proba(folder)
