"""The scikit-learn estimator: scikit-learn's own checks, and what it does with images."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conftest import picture
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils.estimator_checks import check_estimator

from regraft import DataError, ImageClassifier, Recipe

FED_TABLES = {  # the checks that fit tables of numbers, which are no images
    "check_classifier_data_not_an_array",
    "check_classifiers_classes",
    "check_classifiers_one_label",
    "check_classifiers_train",
    "check_dict_unchanged",
    "check_dont_overwrite_parameters",
    "check_dtype_object",
    "check_estimator_sparse_array",
    "check_estimator_sparse_matrix",
    "check_estimator_sparse_tag",
    "check_estimators_dtypes",
    "check_estimators_empty_data_messages",
    "check_estimators_fit_returns_self",
    "check_estimators_nan_inf",
    "check_estimators_overwrite_params",
    "check_estimators_pickle",
    "check_f_contiguous_array_estimator",
    "check_fit1d",
    "check_fit2d_1feature",
    "check_fit2d_1sample",
    "check_fit2d_predict1d",
    "check_fit_check_is_fitted",
    "check_fit_idempotent",
    "check_fit_score_takes_y",
    "check_methods_sample_order_invariance",
    "check_methods_subset_invariance",
    "check_n_features_in",
    "check_n_features_in_after_fitting",
    "check_pipeline_consistency",
    "check_positive_only_tag_during_fit",
    "check_readonly_memmap_input",
    "check_supervised_y_2d",
}


class SaidToTakeTables(ImageClassifier):
    """With honest tags scikit-learn leaves most of its checks out."""

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


def small(**parameters: Any) -> ImageClassifier:
    return ImageClassifier("demonstration", image_size=32, strategy="head", **parameters)


@pytest.fixture(scope="module")
def pixels() -> np.ndarray:
    return np.stack([np.asarray(picture(kind, seed, 24)) for seed in range(12) for kind in range(2)])


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.tile(["stripes", "bars"], 12)


def test_it_passes_scikit_learns_checks_but_for_those_that_feed_it_tables() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of checks that are skipped, and of what they feed
        results = check_estimator(SaidToTakeTables(), on_fail=None, on_skip=None)
        assert not check_estimator(ImageClassifier(), on_fail="raise", on_skip=None)[0]["exception"]
    failed = {result["check_name"] for result in results if result["status"] == "failed"}
    assert failed - FED_TABLES == set()
    assert sum(result["status"] == "passed" for result in results) >= 18


@pytest.mark.slow
def test_it_runs_in_cross_validation_on_digits() -> None:
    digits = load_digits()
    images = np.repeat((digits.images[:150] * 15.9).astype(np.uint8)[..., None], 3, axis=3)
    scores = cross_val_score(ImageClassifier(), images, digits.target[:150], cv=3)
    assert scores.min() > 0.7


def test_its_labels_are_those_it_was_given(pixels: np.ndarray, labels: np.ndarray) -> None:
    fitted = small()
    assert fitted.fit(pixels, labels) is fitted
    assert fitted.classes_.tolist() == ["bars", "stripes"]
    assert fitted.predict(pixels).tolist() == labels.tolist()
    probabilities = fitted.predict_proba(pixels)
    assert probabilities.shape == (24, 2)
    assert probabilities.sum(axis=1) == pytest.approx(1)
    assert fitted.score(pixels, labels) == 1
    numbered = small().fit(pixels, np.where(labels == "bars", 10, 9))
    assert numbered.classes_.tolist() == [9, 10]
    assert (numbered.predict(pixels) == np.where(labels == "bars", 10, 9)).all()


def test_paths_and_pillow_images_do_as_well(pixels: np.ndarray, labels: np.ndarray, tmp_path: Path) -> None:
    pictures = [picture(kind, seed, 24) for seed in range(12) for kind in range(2)]
    paths = [tmp_path / f"{i}.png" for i in range(24)]
    for path, image in zip(paths, pictures, strict=True):
        image.save(path)
    of_arrays, of_paths, of_pictures = (small().fit(X, labels) for X in (pixels, paths, pictures))
    expected = of_arrays.predict_proba(pixels)
    assert of_paths.predict_proba([str(path) for path in paths]) == pytest.approx(expected, abs=1e-6)
    assert of_pictures.predict_proba(pictures) == pytest.approx(expected, abs=1e-6)


def test_the_order_of_the_images_does_not_matter(pixels: np.ndarray, labels: np.ndarray) -> None:
    order = np.random.default_rng(0).permutation(24)
    fitted, shuffled = small().fit(pixels, labels), small().fit(pixels[order], labels[order])
    assert shuffled.predict_proba(pixels) == pytest.approx(fitted.predict_proba(pixels), abs=1e-5)
    assert fitted.predict_proba(pixels[:3]) == pytest.approx(fitted.predict_proba(pixels)[:3], abs=1e-6)


def test_it_is_cloned_pickled_and_put_into_a_pipeline(pixels: np.ndarray, labels: np.ndarray) -> None:
    estimator = small(random_state=3, recipe=Recipe(head_layers=2, hidden=8))
    copied = clone(estimator)
    assert copied.get_params() == estimator.get_params()
    assert copied.full_recipe().head.layers == 2
    assert copied.full_recipe().seed == 3
    fitted = make_pipeline(FunctionTransformer(), copied).fit(pixels, labels)
    assert fitted.score(pixels, labels) == 1
    again = pickle.loads(pickle.dumps(fitted))
    assert (again.predict_proba(pixels) == fitted.predict_proba(pixels)).all()


def test_its_parameters_win_over_the_recipe_only_where_they_are_given() -> None:
    recipe = Recipe(backbone="demonstration", device="cpu", seed=7, strategy="fine-tune", max_pixels=5_000)
    assert ImageClassifier(recipe=recipe).full_recipe() == recipe
    changed = ImageClassifier("embedded", strategy="head", random_state=1, recipe=recipe).full_recipe()
    assert changed == recipe.but(backbone="embedded", strategy="head", seed=1)


def test_it_refuses_images_that_its_recipe_refuses(pixels: np.ndarray, labels: np.ndarray) -> None:
    fitted = small(recipe=Recipe(max_pixels=24 * 24)).fit(pixels, labels)
    with pytest.raises(DataError, match="more than 576 pixels"):
        fitted.predict([picture(0, 1, 25)])


def test_every_image_trains_whatever_its_number(pixels: np.ndarray, labels: np.ndarray) -> None:
    assert small().fit(pixels, labels).plan_.size.images == 24


def test_what_does_not_fit_is_refused(pixels: np.ndarray, labels: np.ndarray, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="24 images and 23 labels"):
        small().fit(pixels, labels[1:])
    with pytest.raises(NotFittedError):
        small().predict(pixels)
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no image")
    with pytest.raises(DataError, match="image 24 cannot be read"):
        small().fit([*pixels, str(broken)], [*labels, "bars"])
    fitted = small().fit(pixels, labels)
    with pytest.raises(DataError, match=r"broken.png cannot be read"):
        fitted.predict([str(broken)])


def test_it_is_quiet_unless_it_is_told_to_speak(
    pixels: np.ndarray, labels: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe = Recipe(backbone="demonstration", image_size=32, strategy="from-scratch", epochs=1)
    ImageClassifier(recipe=recipe).fit(pixels, labels).predict(pixels)
    printed = capsys.readouterr()
    assert (printed.out, printed.err) == ("", "")
    ImageClassifier(recipe=recipe, verbose=1).fit(pixels, labels).predict(pixels)
    assert "epoch 1 of 1  train loss" in capsys.readouterr().err
