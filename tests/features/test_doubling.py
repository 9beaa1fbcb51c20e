"""What twice as many images would bring."""

import numpy as np

from regraft.features.doubling import removed_by_doubling

CLASSES, CHANNELS = 4, 60


def samples(images: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gaussian classes that overlap: features, labels, folds."""
    draw = np.random.default_rng(seed)
    centres = np.random.default_rng(0).normal(0, 0.35, (CLASSES, CHANNELS))
    labels = np.arange(images) % CLASSES
    x = centres[labels] + draw.normal(size=(images, CHANNELS))
    return x.astype(np.float32), labels, draw.permutation(np.arange(images) // CLASSES % 5)


def error_of(images: int) -> float:
    """Of discriminants that learn from so many images, on many others."""
    from regraft.features.probe import sums_of

    (x, labels, _), (other, truth, _) = samples(images, 1), samples(8_000, 2)
    return float((sums_of(x, labels, CLASSES).logits(other, 1.0).argmax(axis=1) != truth).mean())


def test_it_foretells_about_what_the_next_doubling_removes() -> None:
    x, labels, folds = samples(400, 1)
    removed = removed_by_doubling(x, labels, CLASSES, folds)
    assert removed is not None
    truly = 1 - error_of(800) / error_of(400)
    assert abs(removed - truly) < 0.15


def test_labels_of_chance_promise_nothing() -> None:
    x, labels, folds = samples(400, 1)
    shuffled = [np.random.default_rng(seed).permutation(labels) for seed in range(8)]
    promised = [removed_by_doubling(x, one, CLASSES, folds) or 0.0 for one in shuffled]
    assert np.mean(promised) < 0.03


def test_few_images_and_no_errors_promise_nothing() -> None:
    x, labels, folds = samples(32, 1)
    assert removed_by_doubling(x, labels, CLASSES, folds) is None
    x, labels, folds = samples(400, 1)
    x[np.arange(400), labels] += 30
    assert removed_by_doubling(x, labels, CLASSES, folds) is None
