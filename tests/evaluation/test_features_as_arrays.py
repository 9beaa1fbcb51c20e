"""Features as arrays: of any images by a run, and of a labelled set."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import picture

import regraft
from regraft import BackboneError, Classifier, DataError, Recipe, RunError

FAST = Recipe(image_size=32, strategy="head")


@pytest.fixture
def run(make_folder: Callable[..., Path], tmp_path: Path) -> Path:
    return regraft.train(make_folder(each=10), FAST, tmp_path / "run").folder


def test_the_head_on_them_gives_the_probabilities(run: Path) -> None:
    classifier = regraft.load(run)
    images = [picture(kind, 300 + kind) for kind in (0, 1, 0, 1, 1)]
    features = classifier.features(images)
    assert classifier.saved
    head = classifier.saved.graft.head
    assert (features.dtype, features.shape) == (np.float32, (5, head.weights[0].shape[1]))
    odds = np.exp(head.logits(features))
    np.testing.assert_allclose(odds / odds.sum(axis=1, keepdims=True), classifier.predict_proba(images), atol=2e-3)
    np.testing.assert_array_equal(features, classifier.features(images))
    again: Classifier = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_allclose(again.features(images), features, atol=1e-5)


def test_all_that_can_be_predicted_has_features_also_mixed(run: Path, tmp_path: Path) -> None:
    classifier, images = regraft.load(run), [picture(kind, 70 + kind) for kind in range(2)]
    new = tmp_path / "new"
    new.mkdir()
    for place, image in enumerate(images):
        image.save(new / f"{place}.png")
    (new / "notes.txt").write_text("no image")
    array = np.stack([np.asarray(image) for image in images])
    tensor = torch.from_numpy(array).permute(0, 3, 1, 2)
    first, second = new / "0.png", new / "1.png"
    expected = classifier.features(images)
    for several in (new, str(new), array, tensor, [str(first), second], [images[0], array[1]], [first, tensor[1]],
                    (first.read_bytes(), images[1]), iter([tensor[0], str(second)])):  # fmt: skip
        given = list(several) if not isinstance(several, (str, Path, np.ndarray, torch.Tensor)) else several
        np.testing.assert_allclose(classifier.features(given), expected, atol=1e-5)
        labels = [one.label for one in classifier.predict(given) if one.label]
        assert labels == ["class0", "class1"]
        assert classifier.predict_proba(given).shape == (2, 2)
    for one in (second, str(second), images[1], array[1], tensor[1], second.read_bytes()):
        np.testing.assert_allclose(classifier.features(one), expected[1:], atol=1e-5)
    mixed = classifier.features([new, images[0], array[1]])
    np.testing.assert_allclose(mixed, np.concatenate([expected, expected]), atol=1e-5)
    (new / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.png cannot be read"):
        classifier.features(new)


def test_other_cuts_are_those_that_the_run_kept(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    early = regraft.train(make_folder(each=10), FAST.but(strategy="early-layers", cut="blocks.1"), tmp_path / "early")
    classifier, image = regraft.load(early.folder), picture(0, 5)
    one, two = classifier.features(image, cut="blocks.0"), classifier.features(image)
    np.testing.assert_allclose(
        classifier.features(image, cut=["blocks.0", "blocks.1"]), np.concatenate([one, two], axis=1), atol=1e-5
    )
    with pytest.raises(BackboneError, match=r"no layers behind blocks\.1"):
        classifier.features(image, cut="blocks.3")
    with pytest.raises(BackboneError, match="no cut 'nowhere'"):
        classifier.features(image, cut="nowhere")


def test_a_classifier_in_memory_has_its_heads_features() -> None:
    images = [picture(kind % 2, kind) for kind in range(20)]
    fitted = regraft.ImageClassifier(recipe=FAST).fit(images, [kind % 2 for kind in range(20)])
    features = fitted.classifier_.features(images[:3])
    assert features.shape[0] == 3
    with pytest.raises(RunError, match="give no cut"):
        fitted.classifier_.features(images[:3], cut="blocks.0")
    with pytest.raises(RunError, match="no run folder to train on from"):
        fitted.classifier_.trainable()


def test_a_labelled_set_as_arrays(make_folder: Callable[..., Path], tmp_path: Path) -> None:
    data = make_folder(each=10)
    (data / "class0" / "broken.png").write_bytes(b"no picture")
    found = regraft.features_of(data, FAST)
    assert (found.X.dtype, found.y.dtype) == (np.float32, np.int64)
    run = regraft.train(data, FAST, tmp_path / "run").folder
    assert found.X.shape == (20, regraft.load(run).features(picture(0, 1)).shape[1])
    assert found.classes == ("class0", "class1")
    assert [found.classes[label] for label in found.y] == [Path(path).parent.name for path in found.paths]
    assert [fault.path for fault in found.left_out if fault.action == "left out"] == ["class0/broken.png"]
    assert sorted(set(found.splits.tolist())) == ["test", "train"]
    x, y = found.part("test")
    assert (len(x), sorted(set(y.tolist()))) == (4, [0, 1])
    with pytest.raises(DataError, match="there are test, train"):
        found.part("val")
    assert repr(found).startswith("20 images (4 test, 16 train), 2 classes:")
    joined = regraft.features_of(data, FAST, cut=["blocks.0", "blocks.1"])
    assert joined.cuts == ("blocks.0", "blocks.1")
    single = regraft.features_of(data, FAST.but(strategy=None, cut="blocks.1"))
    np.testing.assert_array_equal(joined.X[:, -single.X.shape[1] :], single.X)
    from_run = regraft.features_of(data, Recipe(backbone=str(tmp_path / "run")))
    np.testing.assert_allclose(from_run.X, found.X, atol=0.05 * np.abs(found.X).max())
