"""Probabilities are put right by images held out of training; no answer changes; every run has it in its weights."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import regraft as package
from regraft import Recipe, load
from regraft.features.probe import loss_of
from regraft.metrics import softmax, threshold_of
from regraft.network.config import read_config
from regraft.network.head import Head
from regraft.runs.job import train
from regraft.strict_json import Malformed
from regraft.training.calibrating import NOT_CALIBRATED, Calibration, calibrate

Make = Callable[..., Path]
Regraft = Callable[..., tuple[int, str, str]]
QUICK = Recipe(image_size=32, backbone="demonstration", epochs=1)


def random_head(layers: int, inputs: int = 6, classes: int = 4) -> Head:
    draw, widths = np.random.default_rng(layers), [inputs, *([8] if layers > 1 else []), classes]
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = tuple(draw.normal(size=shape).astype(np.float32) for shape in shapes)
    return Head(weights, tuple(draw.normal(size=shape[0]).astype(np.float32) for shape in shapes))


def labelled(images: int, sharper: float, spread: float = 2.0) -> tuple[np.ndarray, np.ndarray]:
    """Logits that are surer than right by a factor, and labels."""
    draw = np.random.default_rng(images)
    logits = spread * draw.normal(size=(images, 4))
    labels = (softmax(logits).cumsum(axis=1) < draw.random((images, 1))).sum(axis=1)
    return (sharper * logits).astype(np.float32), np.minimum(labels, 3)


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("sharper", [0.3, 1.0, 5.0])
def test_the_temperature_is_found_and_lies_in_the_head(sharper: float, layers: int) -> None:
    logits, labels = labelled(20_000, sharper)
    head, features = random_head(layers), np.random.default_rng(1).normal(size=(500, 6))
    calibrated, said = calibrate(head, logits, labels)
    assert said.temperature == pytest.approx(sharper, rel=0.03)
    before, after = head.logits(features), calibrated.logits(features)
    np.testing.assert_allclose(after, before / said.temperature, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(after.argmax(axis=1), before.argmax(axis=1))
    of_truth = softmax(logits / said.temperature)[np.arange(len(labels)), labels]
    assert (said.images, said.threshold) == (20_000, pytest.approx(threshold_of(of_truth)))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e3])
def test_where_all_held_out_images_are_right_no_certainty_is_taken_from_it(scale: float) -> None:
    logits, labels = np.full((20, 3), -2.0), np.arange(20) % 3
    logits[np.arange(20), labels] = 2
    _, said = calibrate(random_head(1), scale * logits, labels)
    assert softmax(scale * logits / said.temperature).max() == pytest.approx(1 - 1 / 21, abs=0.03)


def test_few_held_out_images_make_probabilities_no_worse_than_knowing_little() -> None:
    others, truth = labelled(5_000, 1.0, spread=4.0)
    losses = []
    for images in range(8, 40):
        _, said = calibrate(random_head(1), *labelled(images, 1.0, spread=4.0))
        losses.append(loss_of(others / said.temperature, truth))
    assert np.mean(losses) < 1.15 * loss_of(others, truth)


def test_logits_that_are_no_numbers_change_nothing() -> None:
    head = random_head(1)
    assert calibrate(head, np.array([[np.nan, 1.0]]), np.array([0])) == (head, NOT_CALIBRATED)


def written_config(run: Path) -> tuple[float, float | None]:
    _, config = read_config(run / "model" / "config.json")
    return config.temperature, config.conformal_threshold


@pytest.mark.parametrize(
    ("module", "changes"),
    [
        ("frozen", {"strategy": "head"}),
        ("frozen", {"cuts": ("conv3", "fc1"), "solver": "discriminant"}),
        ("frozen", {"cuts": ("conv3", "fc1"), "joining": "averaged"}),
        ("full", {"strategy": "fine-tune"}),
        ("full", {"strategy": "from-scratch", "head_layers": 2}),
    ],
)
def test_every_strategy_has_its_temperature_in_its_weights(
    module: str, changes: dict[str, object], make_folder: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, recipe = make_folder(classes=3, each=20), QUICK.but(**changes)
    with_it = train(data, recipe, out=tmp_path / "with")
    monkeypatch.setattr(
        f"regraft.training.{module}.calibrate", lambda head, *_: (head, Calibration(temperature=1.0, threshold=0.5))
    )
    train(data, recipe, out=tmp_path / "without")
    temperature, threshold = written_config(tmp_path / "with")
    assert written_config(tmp_path / "without") == (1.0, 0.5)
    assert temperature != 1
    assert threshold is not None
    said = json.loads((tmp_path / "with" / "metrics.json").read_text())["calibration"]
    assert (said["temperature"], said["conformal_threshold"]) == (temperature, threshold)
    assert said["by"] == ("cross-validation inside train" if module == "frozen" else "a fold of train")
    assert said["images"] == (48 if module == "frozen" else pytest.approx(10, abs=3))
    assert with_it.metrics.probabilities.conformal
    assert with_it.metrics.probabilities.conformal.threshold == threshold
    paths = sorted(data.rglob("*.png"))[::3]
    with_, without = (
        np.array([row.probabilities for row in load(tmp_path / name, device="cpu").predict(paths)])
        for name in ("with", "without")
    )
    np.testing.assert_allclose(with_, softmax(np.log(np.maximum(without, 1e-300)) / temperature), atol=2e-3)
    np.testing.assert_array_equal(with_.argmax(axis=1), without.argmax(axis=1))


def test_validation_images_that_are_given_calibrate(make_folder: Make, tmp_path: Path) -> None:
    data = make_folder(each=12, parts=("train", "val", "test"))
    for strategy in ("head", "fine-tune"):
        train(data, QUICK.but(strategy=strategy), out=tmp_path / strategy)
        said = json.loads((tmp_path / strategy / "metrics.json").read_text())["calibration"]
        assert (said["images"], said["by"]) == (24, "the validation images")


def test_evaluate_has_the_runs_threshold(make_folder: Make, tmp_path: Path, regraft: Regraft) -> None:
    data, run = make_folder(classes=3, each=20), tmp_path / "run"
    options = ("--backbone", "demonstration", "--strategy", "head", "--image-size", 32, "--out", run)
    code, out, err = regraft("train", data, *options, "--quiet")
    assert code == 0, err
    assert out.count("Probabilities: negative log likelihood") == 1
    assert "(chance alone gives up to" in " ".join(out.split())
    code, out, err = regraft("evaluate", run, data, "--json", "--quiet")
    assert code == 0, err
    found = json.loads(out)["metrics"]["probabilities"]
    assert found["conformal"]["threshold"] == written_config(run)[1]
    code, out, err = regraft("evaluate", run, data, "--quiet")
    assert code == 0, err
    for words in (
        "negative log likelihood",
        "Brier score",
        "calibration error",
        "the least certain 20%",
        "sets at 90%",
    ):
        assert words in out
    page = (run / "report.html").read_text()
    assert "What the probabilities are worth" in page
    assert "by the probability that was said" in page
    assert page.index("What it confuses") < page.index("What the probabilities are worth")


@pytest.mark.parametrize(("name", "value"), [("temperature", 0.0), ("temperature", -1.0), ("conformal_threshold", 2.0)])
def test_a_config_that_says_what_cannot_be_is_refused(
    name: str, value: float, make_folder: Make, tmp_path: Path
) -> None:
    train(make_folder(), QUICK.but(strategy="head"), out=tmp_path / "run")
    path = tmp_path / "run" / "model" / "config.json"
    values = json.loads(path.read_text())
    values["regraft"][name] = value
    del values["regraft"]["checksum"]
    path.write_text(json.dumps(values))
    with pytest.raises(Malformed, match="temperature is not above 0"):
        read_config(path)
    with pytest.raises(package.RegraftError, match="damaged"):
        load(tmp_path / "run")
