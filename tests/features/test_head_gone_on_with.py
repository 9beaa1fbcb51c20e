"""A head that was trained before, gone on with."""

import numpy as np
import pytest

from regraft.features.going_on import Start, go_on
from regraft.features.head import Fold, HeadSettings, choose_and_solve, folds_from, solve
from regraft.network.head import Head

CHANNELS, CLASSES = 24, 4


def drawn(count: int, seed: int, kinds: tuple[int, ...] = (0, 1, 2, 3), spread: float = 3.0) -> tuple[np.ndarray, ...]:
    """Features around a centre for each class, and labels."""
    centres = np.random.default_rng(7).normal(size=(CLASSES, CHANNELS))
    draw = np.random.default_rng(seed)
    labels = np.arange(count) % len(kinds)
    features = centres[np.array(kinds)[labels]] + draw.normal(0, spread, (count, CHANNELS))
    return features.astype(np.float32) + 5, labels


def folds_of(count: int) -> list[Fold]:
    return folds_from(np.arange(count) // 4 % 4)


def accuracy(head: Head, features: np.ndarray, labels: np.ndarray) -> float:
    return float((head.logits(features).argmax(axis=1) == labels).mean())


@pytest.fixture(params=[1, 2])
def before(request: pytest.FixtureRequest) -> Head:
    features, labels = drawn(2_000, 1)
    return solve(features, labels, CLASSES, 0.01, HeadSettings(layers=request.param, hidden=32))


def test_a_decay_that_allows_nothing_leaves_the_head_as_it_was(before: Head) -> None:
    features, labels = drawn(40, 2)
    start = Start(before, (0, 1, 2, 3), (True,) * 4)
    _, head = go_on(features, labels, start, folds_of(40), np.arange(40), HeadSettings(), [1e6])
    change = head.logits(features) - before.logits(features)  # biases are not held
    assert np.abs(change - change.mean(axis=0)).max() < 1e-2


def test_few_images_do_not_spoil_what_many_taught(before: Head) -> None:
    features, labels = drawn(24, 2)
    many, truth = drawn(4_000, 3)
    start = Start(before, (0, 1, 2, 3), (True,) * 4)
    rows = np.arange(24)
    trials, head = go_on(features, labels, start, folds_of(24), rows, HeadSettings())
    _, anew = choose_and_solve(features, labels, CLASSES, folds_of(24), rows, HeadSettings())
    assert len(trials) > 8
    assert accuracy(head, many, truth) > accuracy(before, many, truth) - 0.02
    assert accuracy(head, many, truth) > accuracy(anew, many, truth) + 0.05


def test_many_images_of_another_kind_teach_it_anew(before: Head) -> None:
    features, labels = drawn(1_200, 2, kinds=(1, 2, 3, 0))  # every class looks like another one now
    start = Start(before, (0, 1, 2, 3), (True,) * 4)
    _, head = go_on(features, labels, start, folds_of(1_200), np.arange(1_200), HeadSettings())
    many, truth = drawn(4_000, 3, kinds=(1, 2, 3, 0))
    reached = solve(features, labels, CLASSES, 0.01, HeadSettings())
    assert accuracy(head, many, truth) > accuracy(reached, many, truth) - 0.05


def test_a_class_is_added_and_another_left_out() -> None:
    features, labels = drawn(1_500, 1, kinds=(0, 1, 2))
    before = solve(features, labels, 3, 0.01, HeadSettings())
    start = Start(before, (0, 0, 2), (False, True, True))
    many, truth = drawn(3_000, 3, kinds=(3, 0, 2))  # a new one, the first, the last
    ahead, found = [], []
    for seed in range(10, 14):
        few, own = drawn(45, seed, kinds=(3, 0, 2))
        _, head = go_on(few, own, start, folds_of(45), np.arange(45), HeadSettings())
        _, anew = choose_and_solve(few, own, 3, folds_of(45), np.arange(45), HeadSettings())
        assert head.weights[0].shape == (3, CHANNELS)
        ahead.append(accuracy(head, many, truth) - accuracy(anew, many, truth))
        found.append(accuracy(head, many[truth == 0], truth[truth == 0]))
    assert np.mean(ahead) > 0.02
    assert min(found) > 0.4


def test_rows_of_two_heads_are_brought_to_one_level() -> None:
    """Where the other head is the same but for what all rows have in common, its row of the new class is right."""
    whole = Head((np.random.default_rng(0).normal(size=(3, 5)).astype(np.float32),), (np.arange(3, dtype=np.float32),))
    shifted = Head((whole.weights[0] + 2,), (whole.biases[0] - 1,))
    known = Head((whole.weights[0][:2],), (whole.biases[0][:2],))
    completed = Start(known, (0, 1, 0), (True, True, False)).last_layer(shifted)
    np.testing.assert_allclose(completed.weights[0], whole.weights[0], atol=1e-6)
    np.testing.assert_allclose(completed.biases[0], whole.biases[0], atol=1e-6)
