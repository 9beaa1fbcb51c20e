"""Held-out logits from sums are those of refitting without each fold."""

import numpy as np
import pytest

from regraft.features.probe import PENALTIES, calibrated, held_out, loss_of, sums_of, with_few_channels
from regraft.features.scale import scale_of


def blobs(images: int, channels: int, classes: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, classes, images)
    centres = draw.normal(0, 1, (classes, channels))
    return (centres[labels] + draw.normal(0, 1.5, (images, channels))).astype(np.float32), labels


def refitted(x: np.ndarray, labels: np.ndarray, judged: np.ndarray, classes: int, penalty: float) -> np.ndarray:
    """Logits of a discriminant fitted on ``x`` in double precision, from its definition."""
    x, judged = x.astype(np.float64), judged.astype(np.float64)
    means = np.stack([x[labels == label].mean(axis=0) for label in range(classes)])
    inside = x - means[labels]
    inverse = np.linalg.inv(inside.T @ inside / len(x) + penalty * np.eye(x.shape[1]))
    off = judged[:, None, :] - means
    return np.log(np.bincount(labels) / len(x)) - 0.5 * np.einsum("nkc,cd,nkd->nk", off, inverse, off)


def centred(logits: np.ndarray) -> np.ndarray:
    return logits - logits.mean(axis=1, keepdims=True)


@pytest.mark.parametrize("channels", [12, 200])  # fewer and more than images
@pytest.mark.parametrize("folds", ["five", "groups", "every image"])
def test_leaving_a_fold_out_is_refitting_without_it(channels: int, folds: str) -> None:
    images = 90
    features, labels = blobs(images, channels)
    draw = np.random.default_rng(1)
    fold_of = {
        "five": np.arange(images) % 5,
        "groups": draw.integers(0, 7, images) ** 2,
        "every image": np.arange(images),
    }
    logits = held_out(features, labels, 3, fold_of[folds])
    x = scale_of(features).apply(features)
    expected = {penalty: np.zeros((images, 3)) for penalty in PENALTIES}
    for fold in np.unique(fold_of[folds]):
        judged = fold_of[folds] == fold
        for penalty in PENALTIES:
            expected[penalty][judged] = refitted(x[~judged], labels[~judged], x[judged], 3, penalty)
    errors = {penalty: np.abs(centred(logits) - centred(own)).max() for penalty, own in expected.items()}
    chosen = min(errors, key=lambda penalty: errors[penalty])
    assert errors[chosen] < 2e-3 * np.abs(centred(expected[chosen])).max()
    losses = {penalty: loss_of(calibrated(own, labels), labels) for penalty, own in expected.items()}
    assert losses[chosen] == min(losses.values())


def test_fewer_images_than_channels_keep_their_inner_products() -> None:
    x, labels = blobs(40, 100)
    few = with_few_channels(x)
    assert few.shape == (40, 40)
    np.testing.assert_allclose(few @ few.T, x @ x.T, atol=5e-3)
    primal, kernel = (sums_of(some[:30], labels[:30], 3).logits(some[30:], 0.3) for some in (x, few))
    np.testing.assert_allclose(centred(kernel), centred(primal), rtol=2e-3, atol=2e-3)


def test_images_that_are_not_learned_from_are_judged_all_the_same() -> None:
    features, labels = blobs(120, 10)
    learning = np.arange(120) < 80
    folds = np.arange(120) % 4
    wrong = np.where(learning, labels, (labels + 1) % 3)
    np.testing.assert_array_equal(
        held_out(features, wrong, 3, folds, learning).argmax(axis=1)[learning],
        held_out(features, labels, 3, folds, learning).argmax(axis=1)[learning],
    )
    logits = held_out(features, labels, 3, folds, learning)
    assert (logits.argmax(axis=1) == labels)[~learning].mean() > 0.8


def test_a_class_that_is_not_there_is_not_named() -> None:
    features, labels = blobs(60, 8)
    assert set(held_out(features, labels, 5, np.arange(60) % 5).argmax(axis=1)) == {0, 1, 2}


def test_one_fold_alone_judges_nothing() -> None:
    features, labels = blobs(20, 8)
    assert not held_out(features, labels, 3, np.zeros(20, int)).any()


def test_calibrated_logits_are_as_sure_as_they_are_right() -> None:
    draw = np.random.default_rng(0)
    logits = draw.normal(0, 2, (4000, 4))
    odds = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    labels = np.array([draw.choice(4, p=row) for row in odds])
    for factor in (0.02, 1.0, 30.0):
        np.testing.assert_allclose(centred(calibrated(logits * factor, labels)), centred(logits), atol=0.8)
    losses = [loss_of(calibrated(logits, labels) * factor, labels) for factor in (0.98, 1.0, 1.02)]
    assert losses[1] == min(losses)
