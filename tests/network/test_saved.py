"""A frozen run keeps its engine's graph: it answers as torch does, and only for the weights it was made of."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import regraft
from regraft import Classifier, Recipe
from regraft.network import saved
from regraft.network.engine import FLOAT32, PRECISIONS, PYTORCH, best_engine, pytorch_engine
from regraft.network.saved import AGREEMENT, GRAPH, MODEL

pytestmark = pytest.mark.skipif(best_engine("cpu") not in PRECISIONS, reason="OpenVINO is missing")


@pytest.fixture(scope="module")
def run(digits: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A head on the embedded network."""
    out = tmp_path_factory.mktemp("saved") / "run"
    regraft.train(digits, Recipe(strategy="head", device="cpu"), out)
    return out


@pytest.fixture
def copy(run: Path, tmp_path: Path) -> Path:
    shutil.copytree(run, tmp_path / "run")
    return tmp_path / "run"


@pytest.fixture(scope="module")
def paths(digits: Path) -> list[Path]:
    return sorted(digits.rglob("*.png"))[::4]


def probabilities(classifier: Classifier, paths: list[Path]) -> np.ndarray:
    return np.array([prediction.probabilities for prediction in classifier.predict(paths)])


def by_torch(run: Path, paths: list[Path]) -> np.ndarray:
    classifier = regraft.load(run, device="cpu")
    vars(classifier)["engine"] = pytorch_engine(classifier.module, classifier.preprocessing, "cpu")
    return probabilities(classifier, paths)


def check_same(found: np.ndarray, expected: np.ndarray) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=AGREEMENT)


@pytest.mark.slow
def test_the_kept_graph_answers_as_torch_does(run: Path, paths: list[Path]) -> None:
    expected, classifier = by_torch(run, paths), regraft.load(run, device="cpu")
    assert classifier.engine.name == FLOAT32
    assert "graft" not in vars(classifier.saved)  # torch's network was not built
    check_same(probabilities(classifier, paths), expected)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".xml", ".bin"])
@pytest.mark.parametrize("content", [None, b"none"])
def test_a_graph_that_is_missing_or_damaged_changes_no_answer(
    copy: Path, run: Path, paths: list[Path], suffix: str, content: bytes | None
) -> None:
    file = (copy / "model" / GRAPH).with_suffix(suffix)
    file.unlink()
    if content:
        file.write_bytes(content)
    check_same(probabilities(regraft.load(copy, device="cpu"), paths), by_torch(run, paths))
    again = regraft.load(copy, device="cpu")
    if suffix == ".xml" and not content:
        assert again.engine.name == FLOAT32  # from the graph that was made anew


@pytest.mark.slow
def test_a_changed_model_is_not_answered_for_by_the_old_graph(copy: Path, run: Path, paths: list[Path]) -> None:
    before, model = by_torch(run, paths), copy / "model" / MODEL
    state = load_file(model)
    (bias,) = (name for name, value in state.items() if value.shape == (10,))
    save_file({**state, bias: state[bias] + 100 * np.eye(10, dtype=np.float32)[7]}, model)
    classifier = regraft.load(copy, device="cpu")
    found = probabilities(classifier, paths)
    assert (found.argmax(1) == 7).all()
    assert not (before.argmax(1) == 7).all()
    np.testing.assert_allclose(found, by_torch(copy, paths), atol=1e-5)


def test_a_graph_is_kept_of_frozen_networks_only(run: Path, copy: Path, tmp_path: Path) -> None:
    loaded = saved.load(run / "model")
    assert {GRAPH, Path(GRAPH).with_suffix(".bin").name} <= {path.name for path in (run / "model").iterdir()}
    saved.save(loaded.graft, loaded.classes, loaded.preprocessing, "fine-tune", tmp_path / "tuned")
    assert not (tmp_path / "tuned" / GRAPH).exists()
    assert saved.load(tmp_path / "tuned").engine("cpu").name == PYTORCH


def test_a_classifier_is_pickled_after_its_network_was_used(run: Path, paths: list[Path]) -> None:
    classifier = regraft.load(run, device="cpu")
    expected = probabilities(classifier, paths)
    assert classifier.module is not None
    again = pickle.loads(pickle.dumps(classifier))
    np.testing.assert_array_equal(probabilities(again, paths), expected)


def test_every_shape_is_kept(run: Path) -> None:
    classifier, state = regraft.load(run, device="cpu"), load_file(run / "model" / MODEL)
    shapes = {tuple(value.shape) for value in classifier.module.state_dict().values()}
    assert {value.shape for value in state.values()} == shapes
