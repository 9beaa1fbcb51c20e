"""Maps against controls: where the reason is known, the map of it wins and maps that know nothing lose."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from networks import backbone_of
from scenes import scene

from regraft.inspection.controls import ANOTHER, BLOB, FLIPPED, RANDOM, SHIFTED, controls_of, on_cells, randomised
from regraft.inspection.faithfulness import Faithfulness, faithfulness, ranks_of
from regraft.inspection.imputation import BLUR, LINEAR, cell_means, cells_of, imputed, removed
from regraft.inspection.subject import Subject
from regraft.network.engine import PYTORCH, Engine

SIZE = 64


def stripes(seed: int) -> np.ndarray:
    """A picture full of edges: (SIZE, SIZE, 3) uint8."""
    return np.random.default_rng(seed).choice(np.array([0, 255], np.uint8), (SIZE, SIZE, 1)).repeat(3, 2)


def corner_judge() -> Subject:
    """A network whose first class is likely as long as there are edges in the upper left quarter."""

    def run(pixels: np.ndarray) -> list[np.ndarray]:
        quarter = pixels[:, : SIZE // 2, : SIZE // 2].astype(float)
        edges = np.abs(np.diff(quarter, axis=1)).mean((1, 2, 3)) / 255
        return [np.stack([20 * edges - 5, np.zeros(len(pixels))], axis=1)]

    subject = Subject("judge", backbone_of("resnet18"), ("edges", "none"))
    vars(subject)["engine"] = Engine(PYTORCH, run)
    return subject


def truth(places: int = 8) -> np.ndarray:
    """The map of what the judge looks at."""
    own = np.zeros((1, places, places))
    own[:, : places // 2, : places // 2] = 1
    return own


def test_the_true_map_beats_every_control_and_none_beats_it() -> None:
    subject, pixels, labels = corner_judge(), stripes(0)[None], np.array([0])
    controls = controls_of(truth(), SIZE, others=truth()[:, ::-1], random=truth()[:, :, ::-1])
    assert list(controls) == [BLOB, RANDOM, ANOTHER, SHIFTED, FLIPPED]
    result = faithfulness(subject, pixels, labels, truth(), controls)
    assert result.most_first.shape == result.least_first.shape == (1, 2, 6, 11)
    assert result.beats.all()
    assert result.verdict(0) is None
    assert (result.areas[0, :, 0] > 0.4).all()
    wrong = faithfulness(
        subject, pixels, labels, controls[FLIPPED], {BLOB: controls[BLOB], SHIFTED: on_cells(truth(), SIZE)}
    )
    assert wrong.unbeaten(0) == (BLOB, SHIFTED)
    assert wrong.verdict(0) == "This map does no better than a centred blob: do not read it as the reason."


def test_the_curves_begin_with_the_image_and_end_with_nothing() -> None:
    subject, pixels = corner_judge(), stripes(1)[None]
    result = faithfulness(subject, pixels, np.array([0]), truth(), controls_of(truth(), SIZE), steps=4)
    assert result.shares.tolist() == [0, 0.25, 0.5, 0.75, 1]
    for end in (0, -1):
        assert np.ptp(result.most_first[0, :, :, end], axis=1).max() == 0
        assert np.array_equal(result.most_first[..., end], result.least_first[..., end])
    assert (result.most_first[0, :, 0, 0] > 0.9).all()
    assert (result.most_first[0, :, 0, 1] < 0.1).all()  # a quarter is gone, the one that counts
    assert (result.least_first[0, :, 0, 3] > 0.9).all()


def test_winning_by_one_removal_is_not_enough() -> None:
    curves = np.zeros((1, 2, 2, 3))
    least = curves.copy()
    least[0, 0, 0, 1] = 0.5
    result = Faithfulness(np.zeros(1), (BLOB,), (BLUR, LINEAR), np.array([0, 0.5, 1]), curves, least)
    assert result.beats.tolist() == [[[True], [False]]]
    assert result.unbeaten(0) == (BLOB,)


def test_a_map_that_is_the_same_everywhere_beats_nothing() -> None:
    controls = {SHIFTED: np.ones((1, 8, 8))}
    result = faithfulness(corner_judge(), stripes(2)[None], np.array([0]), np.zeros((1, 8, 8)), controls)
    assert result.most_first.std() > 0
    ranks = ranks_of(np.zeros((56, 56)), np.random.default_rng(0))
    assert sorted(ranks.ravel()) == list(range(56 * 56))


def test_everything_repeats_itself() -> None:
    arguments = corner_judge(), stripes(3)[None], np.array([0]), truth(), controls_of(truth(), SIZE)
    state = np.random.get_state()[1].copy()
    assert np.array_equal(faithfulness(*arguments).most_first, faithfulness(*arguments).most_first)
    assert np.array_equal(np.random.get_state()[1], state)


@pytest.mark.parametrize("size", [31, 56, 64, 100, 224])
def test_what_stays_is_untouched_and_what_goes_is_smooth(size: int) -> None:
    pixels = np.asarray(scene(5).convert("RGB").resize((size, size)))
    cells = cells_of(size).max() + 1
    gone = np.zeros((3, cells, cells), bool)
    gone[1, : cells // 2] = True
    gone[2] = True
    for removal in (BLUR, LINEAR):
        whole, half, none = removed(pixels, gone, removal, np.random.default_rng(0))
        lower = cells_of(size) >= cells // 2
        assert np.array_equal(whole, pixels)
        assert np.array_equal(half[lower], pixels[lower])
        assert not np.array_equal(half[~lower], pixels[~lower])
        assert np.abs(np.diff(none.astype(int), axis=0)).mean() < np.abs(np.diff(pixels.astype(int), axis=0)).mean()


def test_imputation_solves_its_equations() -> None:
    draw = np.random.default_rng(0)
    means, missing = draw.uniform(0, 255, (9, 9, 3)), draw.random((9, 9)) < 0.6
    filled = imputed(means, missing)
    assert np.array_equal(filled[~missing], means[~missing])
    padded, weights = np.pad(filled, ((1, 1), (1, 1), (0, 0))), np.pad(np.ones((9, 9, 1)), ((1, 1), (1, 1), (0, 0)))
    total, count = np.zeros((9, 9, 3)), np.zeros((9, 9, 1))
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            weight = (0, 2, 1)[abs(down) + abs(right)]
            place = slice(1 + down, 10 + down), slice(1 + right, 10 + right)
            total, count = total + weight * padded[place], count + weight * weights[place]
    assert filled[missing] == pytest.approx((total / count)[missing])
    ramp = np.linspace(0, 8, 9)[:, None, None] * np.ones((9, 9, 3))
    middle = np.zeros((9, 9), bool)
    middle[3:6, 3:6] = True
    assert imputed(ramp, middle) == pytest.approx(ramp)  # a slope goes on


def test_cells_have_the_colour_of_their_pixels() -> None:
    pixels = stripes(4)
    assert cell_means(pixels).shape == (56, 56, 3)
    assert cell_means(pixels[:32, :32]) == pytest.approx(pixels[:32, :32])
    big = np.random.default_rng(0).integers(0, 255, (112, 112, 3))
    assert cell_means(big) == pytest.approx(big.reshape(56, 2, 56, 2, 3).mean((1, 3)))


def test_controls_are_of_the_same_smoothness() -> None:
    maps = np.random.default_rng(0).random((2, 7, 7))
    controls = controls_of(maps, 224)
    own = on_cells(maps, 224)
    assert own.shape == (2, 56, 56)
    assert np.array_equal(np.sort(controls[SHIFTED].ravel()), np.sort(own.ravel()))
    assert np.array_equal(controls[FLIPPED], own[:, ::-1, ::-1])
    assert np.array_equal(controls[ANOTHER], own[::-1])
    assert controls[BLOB][0].argmax() in {28 * 56 + 28, 27 * 56 + 27, 27 * 56 + 28, 28 * 56 + 27}
    assert ANOTHER not in controls_of(maps[:1], 224)


def test_random_weights_are_other_weights_and_the_same_each_time() -> None:
    subject = Subject("resnet18", backbone_of("resnet18"), ())
    state = torch.get_rng_state()
    some, again = randomised(subject), randomised(subject)
    assert torch.equal(state, torch.get_rng_state())
    first, second, own = (next(one.backbone.model.parameters()) for one in (some, again, subject))
    assert torch.equal(first, second)
    assert not torch.equal(first, own)
    assert not torch.equal(first, next(randomised(subject, seed=1).backbone.model.parameters()))
    assert [cut.name for cut in some.cuts] == [cut.name for cut in subject.cuts]
    with torch.no_grad():
        answers = [replace(one).tapped()(torch.ones(1, 3, SIZE, SIZE))[-1] for one in (some, subject)]
    assert not torch.allclose(*answers)
