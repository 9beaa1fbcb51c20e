"""Images unlike those that were trained on are told by their neighbours and their logits; nothing judges itself."""

from pathlib import Path

import numpy as np
import pytest

from regraft.features.familiar import Familiar, HeldOut, energies, evenly, familiar_of, threshold_within
from regraft.features.familiar_file import FORMAT, HEAD, About, read_familiar, write_familiar
from regraft.strict_json import Malformed

OWN, NONE = np.arange(200), np.full(200, -1)  # units


def images(count: int, seed: int, along: int = 0) -> np.ndarray:
    """Features of images that vary along eight channels from ``along`` on, of 32."""
    draw = np.random.default_rng(seed)
    values = 0.3 * draw.random((count, 32))
    values[:, along : along + 8] += draw.random((count, 8))
    return values.astype(np.float32)


def logits(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(count, 4)).astype(np.float32)


def trained() -> Familiar:
    rows = np.arange(1000, 1200)
    found = familiar_of(images(200, 0), rows, OWN, HeldOut(images(200, 1), logits(200, 1), NONE))
    assert found
    return found


def test_other_images_are_unlike_and_most_of_the_same_kind_are_known() -> None:
    found = trained()
    same, other = (found.judged(images(400, 2, along), logits(400, 2)).known for along in (0, 16))
    assert 0.88 < same.mean() < 0.99
    assert other.mean() < 0.1


def test_the_nearest_are_the_callers_rows() -> None:
    nearest = trained().judged(images(200, 0)[7:9], logits(2, 0)).nearest
    assert nearest.shape == (2, 3)
    assert nearest[:, 0].tolist() == [1007, 1008]


def test_no_image_is_its_own_neighbour_nor_that_of_its_group() -> None:
    by_itself = familiar_of(images(200, 0), OWN, OWN, HeldOut(images(200, 0), logits(200, 1), OWN))
    deceived = familiar_of(images(200, 0), OWN, OWN, HeldOut(images(200, 0), logits(200, 1), NONE))
    assert by_itself
    assert deceived
    assert by_itself.measure.distance.middle > deceived.measure.distance.middle
    assert familiar_of(images(200, 0), OWN, OWN * 0, HeldOut(images(200, 0), logits(200, 1), OWN * 0)) is None


def test_too_few_held_out_images_set_no_threshold() -> None:
    few = HeldOut(images(9, 1), logits(9, 1), NONE[:9])
    assert familiar_of(images(200, 0), np.arange(200), OWN, few) is None
    none = HeldOut(images(0, 1), logits(0, 1), NONE[:0])
    assert familiar_of(images(200, 0), np.arange(200), OWN, none) is None


def test_one_training_image_is_enough_to_compare_with() -> None:
    found = familiar_of(images(1, 0), np.arange(1), OWN[:1], HeldOut(images(50, 1), logits(50, 1), NONE[:50]))
    assert found
    assert found.judged(images(3, 0), logits(3, 0)).nearest.shape == (3, 1)


def test_images_are_kept_evenly_over_the_classes() -> None:
    labels = np.repeat([0, 1, 2], [1000, 50, 3])
    chosen = evenly(labels, 100)
    assert np.bincount(labels[chosen]).tolist() == [49, 48, 3]
    assert evenly(labels, 5000).tolist() == list(range(1053))


def test_the_threshold_keeps_95_of_100() -> None:
    assert threshold_within(np.arange(99)) == 94
    assert threshold_within([3.0, 1.0, 2.0]) == 3.0


def test_the_energy_is_lower_the_stronger_a_class_speaks() -> None:
    np.testing.assert_allclose(energies(np.array([[0.0, 0.0], [1000.0, 0.0]])), [-np.log(2), -1000.0])


def test_the_file_comes_back_as_it_was(tmp_path: Path) -> None:
    found, path = trained(), tmp_path / "known.safetensors"
    names = tuple(f"{place}\udcff.png" for place in range(200))
    write_familiar(path, found, About(FORMAT, HEAD, "", "f", found.measure, names))
    kept = read_familiar(path)
    assert kept.about.names == names
    there, here = (one.judged(images(50, 3), logits(50, 3)) for one in (found, kept.familiar))
    np.testing.assert_array_equal(there.known, here.known)
    np.testing.assert_array_equal(there.nearest, here.nearest + 1000)


@pytest.mark.parametrize("at", [0.3, 0.6, 0.95])
def test_a_changed_byte_is_noticed(at: float, tmp_path: Path) -> None:
    found, path = trained(), tmp_path / "known.safetensors"
    write_familiar(path, found, About(FORMAT, HEAD, "", "f", found.measure, tuple(map(str, range(200)))))
    data = bytearray(path.read_bytes())
    data[int(at * len(data))] ^= 1
    path.write_bytes(data)
    with pytest.raises(Malformed, match="damaged"):
        read_familiar(path)
