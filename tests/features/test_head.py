import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from regraft.features import head, on_disk
from regraft.features.head import (
    DECAYS,
    NEAREST_MEAN,
    Fold,
    HeadSettings,
    best_trial,
    choose_and_solve,
    folds_from,
    fresh_head,
    solve,
    try_decays,
    weights_of_classes,
)
from regraft.features.objective import Labelled
from regraft.features.probe import PENALTIES, calibrated, loss_of
from regraft.features.scale import scale_of
from regraft.network.head import Head, head_of
from regraft.progress.shown import ToFunction


@pytest.fixture(scope="module")
def data() -> tuple[np.ndarray, np.ndarray]:
    digits = load_digits()
    return digits.data[:600].astype(np.float32), digits.target[:600].astype(np.int64)


def objective(head: Head, x: np.ndarray, y: np.ndarray, decay: float) -> float:
    """Of a head that takes standardised features."""
    logits = x @ head.weights[0].T.astype(np.float64) + head.biases[0]
    return loss_of(logits, y) + 0.5 * decay * float(np.square(head.weights[0].astype(np.float64)).sum())


@pytest.mark.parametrize("images", [600, 50])  # more and fewer than channels
@pytest.mark.parametrize("decay", [1.0, 0.03, 0.0003])
def test_one_layer_is_logistic_regression(data, images: int, decay: float) -> None:
    x, y = (array[:images] for array in data)
    head = solve(x, y, 10, decay, HeadSettings())
    scale = scale_of(x)
    standard = scale.apply(x).astype(np.float64)
    reference = LogisticRegression(C=1 / (decay * len(x)), max_iter=5000, tol=1e-8).fit(standard, y)
    theirs = Head((reference.coef_,), (reference.intercept_,))
    weights = head.weights[0] * scale.std
    ours = Head((weights,), (head.biases[0] + head.weights[0] @ scale.mean,))
    assert objective(ours, standard, y, decay) <= (1 + 1e-4) * objective(theirs, standard, y, decay)
    np.testing.assert_allclose(head.logits(x), ours.logits(standard), atol=1e-3)


def test_trials_judge_with_the_heads_of_the_other_folds(data) -> None:
    x, y = data
    folds = folds_from(np.arange(len(y)) % 3)
    for trial in try_decays(x, y, 10, folds, HeadSettings(), DECAYS[:5]):
        right = np.zeros(len(y), dtype=bool)
        for fold in folds:
            head = solve(x[fold.fit], y[fold.fit], 10, trial.decay, HeadSettings())
            right[fold.judge] = head.logits(x[fold.judge]).argmax(axis=1) == y[fold.judge]
        assert trial.accuracy == pytest.approx(right.mean(), abs=0.01)  # the scale is another one


def test_a_head_is_the_same_in_torch() -> None:
    features = np.random.default_rng(0).normal(size=(7, 20)).astype(np.float32)
    for layers in (1, 2):
        module = fresh_head(20, 5, HeadSettings(layers=layers, hidden=8))
        head = head_of(module)
        torch.manual_seed(0)
        expected = torch.rand(1)
        torch.manual_seed(0)
        again = head.module()
        assert torch.equal(torch.rand(1), expected)  # it draws nothing
        assert str(again) == str(module)
        assert all(parameter.requires_grad for parameter in again.parameters())
        assert head.parameters == sum(parameter.numel() for parameter in module.parameters())
        with torch.no_grad():
            for same in (module, again):
                np.testing.assert_allclose(head.logits(features), same(torch.from_numpy(features)), atol=1e-5)


def test_two_layers_learn_what_one_cannot() -> None:
    x = np.random.default_rng(0).uniform(-1, 1, (400, 2)).astype(np.float32)
    y = (x[:, 0] * x[:, 1] > 0).astype(np.int64)
    accuracy = {}
    for layers in (1, 2):
        head = solve(x, y, 2, 1e-4, HeadSettings(layers=layers, hidden=32))
        accuracy[layers] = float((head.logits(x).argmax(axis=1) == y).mean())
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
    assert all(np.isfinite(array).all() for array in (*head.weights, *head.biases))


def test_the_best_decay_is_neither_end_when_labels_are_noisy(data) -> None:
    x, y = data
    folds = folds_from(np.arange(len(y)) % 5)
    trials = try_decays(x, y, 10, folds, HeadSettings())
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
        recall[how] = float((head.logits(x).argmax(axis=1)[y == 1] == 1).mean())
    assert recall["auto"] > recall["none"] + 0.3
    weights = weights_of_classes(y, 3, "auto")
    assert weights is not None
    assert weights[2] == 0
    assert float(weights[y].mean()) == pytest.approx(1)


@pytest.mark.parametrize("layers", [1, 2])
def test_choosing_and_solving_in_one_go(data, layers: int) -> None:
    x, y = data
    settings, folds = HeadSettings(layers=layers, hidden=16), folds_from(np.arange(len(y)) % 3)
    trials = try_decays(x, y, 10, folds, settings)
    decay = best_trial(trials).decay
    rows = np.arange(len(y))
    again, head = choose_and_solve(x, y, 10, folds, rows, settings)
    assert [(one.decay, one.accuracy) for one in again] == [(one.decay, one.accuracy) for one in trials]
    np.testing.assert_array_equal(head.logits(x), solve(x, y, 10, decay, settings).logits(x))
    some = rows[rows % 3 != 0]
    _, head = choose_and_solve(x, y, 10, folds, some, settings, (0.1,))
    expected = solve(x[some], y[some], 10, 0.1, settings)
    assert (head.logits(x).argmax(axis=1) == expected.logits(x).argmax(axis=1)).mean() > 0.97


def test_many_images_are_thinned_to_choose_the_decay(data, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("regraft.features.head.CHOOSING_IMAGES", 200)
    x, y = data
    folds, rows = folds_from(np.arange(len(y)) % 2), np.arange(len(y))
    trials, head = choose_and_solve(x, y, 10, folds, rows, HeadSettings())
    assert {len(trial.rows) for trial in trials} == {200}
    decay = best_trial(trials).decay * 200 / 300
    np.testing.assert_array_equal(head.logits(x), solve(x, y, 10, decay, HeadSettings()).logits(x))
    _, head = choose_and_solve(x, y, 10, folds, rows, HeadSettings(), (0.1,))
    np.testing.assert_array_equal(head.logits(x), solve(x, y, 10, 0.1, HeadSettings()).logits(x))


@pytest.mark.parametrize("images", [600, 50])  # more and fewer than channels
@pytest.mark.parametrize("penalty", [1.0, 0.1])
def test_a_discriminant_is_what_the_densities_give(data, images: int, penalty: float) -> None:
    x, y = (array[:images] for array in data)
    head = solve(x, y, 10, penalty, HeadSettings(solver="discriminant"))
    standard = scale_of(x).apply(x).astype(np.float64)
    means = np.stack([standard[y == label].mean(axis=0) for label in range(10)])
    within = np.cov((standard - means[y]).T, bias=True) + penalty * np.eye(standard.shape[1])
    inverse = np.linalg.inv(within)
    distance = np.einsum("icj,jk,ick->ic", standard[:, None] - means, inverse, standard[:, None] - means)
    expected = np.log(np.bincount(y, minlength=10) / len(y)) - 0.5 * (1 + penalty) * distance
    ours = head.logits(x)
    np.testing.assert_allclose(ours - ours[:, :1], expected - expected[:, :1], rtol=2e-3, atol=2e-2)


def test_a_discriminant_under_the_largest_penalty_is_the_nearest_mean(data) -> None:
    x, y = data
    head = solve(x, y, 10, NEAREST_MEAN, HeadSettings(solver="discriminant"))
    standard = scale_of(x).apply(x)
    means = np.stack([standard[y == label].mean(axis=0) for label in range(10)])
    nearest = np.square(standard[:, None] - means).sum(axis=2).argmin(axis=1)
    assert (head.logits(x).argmax(axis=1) == nearest).mean() > 0.97  # priors decide the others


def test_a_discriminant_says_how_sure_it_is(data) -> None:
    x, y = data
    rows, settings = np.arange(450), HeadSettings(solver="discriminant")
    trials, head = choose_and_solve(x[:450], y[:450], 10, folds_from(rows % 5), rows, settings)
    assert [trial.decay for trial in trials][:2] == [NEAREST_MEAN, PENALTIES[0]]
    best = best_trial(trials)
    assert best.loss == pytest.approx(loss_of(calibrated(best.logits, best.labels), best.labels), abs=1e-3)
    assert loss_of(head.logits(x[450:]), y[450:]) < 0.6
    assert (head.logits(x[450:]).argmax(axis=1) == y[450:]).mean() > 0.8


def test_the_same_head_every_time(data) -> None:
    x, y = data
    for layers in (1, 2):
        one, two = (solve(x, y, 10, 0.01, HeadSettings(layers=layers, hidden=16)) for _ in range(2))
        assert all(np.array_equal(a, b) for a, b in zip(one.weights, two.weights, strict=True))


def test_the_gradient_of_two_layers(data) -> None:
    x, y = data[0][:30].astype(np.float64), data[1][:30]
    draw = np.random.default_rng(0)
    shapes = [(6, 64), (6,), (10, 6), (10,)]
    point = draw.normal(0, 0.1, sum(int(np.prod(shape)) for shape in shapes))
    function = Labelled(x, y, 10, None).two_layers(0.01, shapes)
    _, gradient = function(point)
    for _ in range(5):
        way = draw.normal(size=len(point))
        rise = (function(point + 1e-5 * way)[0] - function(point - 1e-5 * way)[0]) / 2e-5
        assert rise == pytest.approx(float(gradient @ way), rel=1e-4)


WITHOUT_TORCH = """
import sys
from pathlib import Path
import numpy as np
import regraft.features.near_duplicates, regraft.similarity.depth_profile
from regraft.features.head import HeadSettings, choose_and_solve, folds_from
from regraft.features.label_issues import held_out_probabilities
from regraft.features.probe import calibrated, held_out
x = np.random.default_rng(0).normal(size=(60, 8)).astype(np.float32)
y, folds = np.arange(60) % 3, np.arange(60) % 5
for solver in ("logistic", "discriminant"):
    choose_and_solve(x, y, 3, folds_from(folds), np.arange(60), HeadSettings(solver=solver))[1].logits(x)
calibrated(held_out(x, y, 3, folds), y)
held_out_probabilities(x.__getitem__, y, 3, folds)
print(sorted({name.partition(".")[0] for name in sys.modules} & {"torch", "scipy", "sklearn"}))
"""


def test_screening_and_one_layer_need_no_torch() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT_TORCH], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


@pytest.mark.parametrize(("images", "channels"), [(200, 20), (30, 50)])
def test_no_decay_at_all(images: int, channels: int) -> None:
    draw = np.random.default_rng(0)
    features, labels = draw.normal(size=(images, channels)).astype(np.float32), np.arange(images) % 3
    features[:, 0] = 1.0  # varies not at all
    head = solve(features, labels, 3, 0.0, HeadSettings())
    assert all(np.isfinite(array).all() for array in (*head.weights, *head.biases))
    assert (head.logits(features).argmax(1) == labels).mean() > 0.5


def test_it_says_how_far_it_is(data: tuple[np.ndarray, np.ndarray]) -> None:
    heard: list[tuple[str, int, int]] = []
    x, y = data
    folds = folds_from(np.arange(len(y)) % 3)
    hears = ToFunction(lambda *event: heard.append(event))
    trials, _ = choose_and_solve(x, y, 10, folds, np.arange(len(y)), HeadSettings(), progress=hears)
    *fits, end = heard
    assert [done for _, done, _ in fits] == list(range(1, len(trials) * len(folds) + 1))
    assert all(done < total for _, done, total in fits)
    assert end == ("Training the head", 1, 1)


@pytest.mark.parametrize(("layers", "solver"), [(1, "logistic"), (1, "discriminant"), (2, "logistic")])
def test_a_head_is_the_same_in_blocks_of_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, layers: int, solver: str
) -> None:
    draw = np.random.default_rng(0)
    labels = draw.integers(0, 3, 600)
    x = (draw.normal(0, 1, (3, 40))[labels] + draw.normal(0, 2, (600, 40))).astype(np.float32)
    settings, rows = HeadSettings(layers=layers, hidden=8, solver=solver), np.arange(500)
    folds = [Fold(rows, np.arange(500, 600))]
    monkeypatch.setenv("REGRAFT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(head, "CHOOSING_IMAGES", 200)
    trials, expected = choose_and_solve(x, labels, 3, folds, rows, settings)
    monkeypatch.setattr(on_disk, "IN_MEMORY", 40_000)
    monkeypatch.setattr(on_disk, "AT_ONCE", 70)
    in_file = on_disk.room_for(x.shape)
    assert in_file.base is not None
    in_file[:] = x
    in_blocks, found = choose_and_solve(in_file, labels, 3, folds, rows, settings)
    assert [trial.decay for trial in in_blocks] == [trial.decay for trial in trials]
    for one, other in zip((*found.weights, *found.biases), (*expected.weights, *expected.biases), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)
    assert np.shares_memory(on_disk.rows_of(in_file, rows), in_file)
    monkeypatch.setattr(on_disk, "SPARE", 1e15)  # no disk has that
    assert on_disk.room_for(x.shape).base is None
