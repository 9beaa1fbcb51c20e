import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from regraft.features.head import (
    HeadSettings,
    choose_decay,
    folds_from,
    fresh_head,
    scale_of,
    solve,
    try_decays,
    weights_of_classes,
)


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    digits = load_digits()
    return digits.data[:600].astype(np.float32), digits.target[:600].astype(np.int64)


def test_one_layer_is_logistic_regression(data) -> None:
    x, y = data
    head = solve(x, y, 10, 0.01, HeadSettings())
    scale = scale_of(torch.from_numpy(x))
    standard = scale.apply(torch.from_numpy(x)).numpy()
    reference = LogisticRegression(C=1 / (0.01 * len(x)), max_iter=2000, tol=1e-6).fit(standard, y)
    with torch.no_grad():
        ours = torch.softmax(head(torch.from_numpy(x)), 1).numpy()
    np.testing.assert_allclose(ours, reference.predict_proba(standard), atol=0.01)


def test_two_layers_learn_what_one_cannot() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (400, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    accuracy = {}
    for layers in (1, 2):
        head = solve(x, y, 2, 1e-4, HeadSettings(layers=layers, hidden=32))
        with torch.no_grad():
            accuracy[layers] = float((head(torch.from_numpy(x)).argmax(1).numpy() == y).mean())
    assert accuracy[1] < 0.7
    assert accuracy[2] > 0.95


def test_the_head_starts_random_from_its_seed() -> None:
    a, b, c = (fresh_head(20, 5, HeadSettings(seed=seed))[0] for seed in (0, 0, 1))
    assert torch.equal(a.weight, b.weight)
    assert not torch.equal(a.weight, c.weight)
    assert not a.bias.any()
    assert a.weight.abs().max() <= (6 / 25) ** 0.5


def test_dead_channels_are_harmless(data) -> None:
    x, y = data
    assert (x.std(0) == 0).any()
    head = solve(x, y, 10, 0.01, HeadSettings())
    assert all(torch.isfinite(p).all() for p in head.parameters())


def test_the_best_decay_is_neither_end_when_labels_are_noisy(data) -> None:
    x, y = data
    folds = folds_from(np.arange(len(y)) % 5)
    trials, decay = choose_decay(x, y, 10, folds, HeadSettings())
    assert {trial.decay for trial in trials} >= {decay}
    assert max(trial.accuracy for trial in trials) > 0.93
    assert trials[0].accuracy < max(trial.accuracy for trial in trials)


def test_shuffled_labels_validate_at_chance(data) -> None:
    x, y = data
    shuffled = np.random.default_rng(0).permutation(y)
    trials = try_decays(x, shuffled, 10, folds_from(np.arange(len(y)) % 3), HeadSettings(), (0.1,))
    assert trials[0].accuracy < 0.2


def test_class_weights_help_the_rare_class() -> None:
    draw = np.random.default_rng(0)
    y = (np.arange(500) < 25).astype(np.int64)
    x = (draw.normal(size=(500, 2)) + 1.2 * y[:, None]).astype(np.float32)
    recall = {}
    for how in ("none", "auto"):
        head = solve(x, y, 2, 1e-3, HeadSettings(class_weights=how))
        with torch.no_grad():
            recall[how] = float((head(torch.from_numpy(x)).argmax(1).numpy()[y == 1] == 1).mean())
    assert recall["auto"] > recall["none"] + 0.3
    weights = weights_of_classes(torch.from_numpy(y), 3, "auto")
    assert weights is not None
    assert weights[2] == 0
    assert float(weights[torch.from_numpy(y)].mean()) == pytest.approx(1)
