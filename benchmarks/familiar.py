"""How well images unlike all that a run was trained on are told: AUROC by distance, energy, probability and together.

    python -m benchmarks.familiar DATA --against OTHER... --most 150 --image-size 128

The run's test images are the familiar ones, up to ``--most`` images of each of OTHER the unlike ones. "found" is the
share of these that a threshold at 95% of the held-out images finds, "kept" that of the test images within it. Where
pytorch-ood is installed, its AUROC of distance and energy is printed beside ours.
"""

import argparse
import importlib.util
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from regraft.data.find import find_images
from regraft.data.split import subsample
from regraft.evaluation.classifier import Classifier, load
from regraft.evaluation.given import contents_of
from regraft.evaluation.reading import Reader
from regraft.features.familiar import Familiar, distances_of, energies, nearest_columns
from regraft.metrics import softmax
from regraft.recipe import Recipe
from regraft.runs.job import train
from regraft.strict_json import read_json


def seen(classifier: Classifier, paths: list[Path]) -> tuple[np.ndarray, np.ndarray]:
    """Logits and features of the images that can be read, (images, ...) each."""
    reader = Reader(classifier.preprocessing, classifier.rendering)
    pixels = [one.pixels for one in map(reader.read, contents_of(paths)) if one.pixels is not None]
    parts = [np.stack(pixels[start : start + 64]) for start in range(0, len(pixels), 64)]
    outputs = [classifier.engine.run(part) for part in parts]
    eyes = classifier.familiarity.eyes
    features = [eyes.run(part)[0] if eyes else output[1] for part, output in zip(parts, outputs, strict=True)]
    return np.concatenate([output[0] for output in outputs]), np.concatenate(features)


def scores_of(familiar: Familiar, logits: np.ndarray, features: np.ndarray) -> dict[str, np.ndarray]:
    """Each score of images, the higher the less like."""
    cosines, near = familiar.cosines(features), familiar.measure.near
    far = distances_of(np.take_along_axis(cosines, nearest_columns(cosines, near)[:, -1:], 1)[:, 0])
    return {
        "joined": familiar.measure.scores(far, logits),
        "distance": far,
        "energy": energies(logits),
        "probability": -softmax(logits).max(axis=1),
    }


Seen = tuple[np.ndarray, np.ndarray]  # logits and features


def oracle(familiar: Familiar, own: Seen, other: Seen) -> str:
    """pytorch-ood's AUROC by the energy of logits and by the distance, where it is installed."""
    if not importlib.util.find_spec("pytorch_ood"):
        return ""
    import torch
    from pytorch_ood.detector import KNN, EnergyBased
    from pytorch_ood.metrics import OODMetrics

    kept = torch.tensor(familiar.features.astype(np.float32))
    neighbours = KNN(None, k=familiar.measure.near).fit_features(kept, torch.zeros(len(kept), dtype=torch.long))
    said = {"distance": OODMetrics(), "energy": OODMetrics()}
    for (logits, features), label in ((own, 0), (other, -1)):
        labels = torch.full((len(logits),), label)
        said["distance"].update(neighbours.predict_features(torch.tensor(features)), labels)
        said["energy"].update(EnergyBased.score(torch.tensor(logits)), labels)
    figures = (f"{name} {float(metrics.compute()['AUROC']):.3f}" for name, metrics in said.items())
    return f"; pytorch-ood: {', '.join(figures)}"


def some_of(data: Path, most: int) -> list[Path]:
    """Images of a set, every class in proportion."""
    images = find_images(data)
    return [images.root / images.files[place].name for place in subsample(images.labels, most)]


def main() -> None:
    """Train, and print a line for each of the others."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--against", type=Path, nargs="+", required=True)
    parser.add_argument("--most", type=int, default=150)
    parser.add_argument("--image-size", type=int, default=128)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = train(wanted.data, Recipe(fast=True, image_size=wanted.image_size), Path(folder) / "run").folder
        classifier = load(run)
        kept = classifier.familiarity.kept
        if kept is None:
            raise SystemExit(classifier.familiarity.note)
        files = read_json(run / "data.json")["files"]
        root = find_images(wanted.data).root
        own_logits, own_features = seen(classifier, [root / file["path"] for file in files if file["split"] == "test"])
        familiar = replace(kept.familiar)
        own = scores_of(familiar, own_logits, own_features)
        within = own["joined"] <= familiar.measure.threshold
        print(f"{wanted.data.name}: {len(within)} test images, kept {within.mean():.1%}", flush=True)
        for data in wanted.against:
            logits, features = seen(classifier, some_of(data, wanted.most))
            other = scores_of(familiar, logits, features)
            truth = np.repeat([0, 1], [len(own_logits), len(logits)])
            figures = [f"{name} {roc_auc_score(truth, np.r_[own[name], other[name]]):.3f}" for name in own]
            found = (other["joined"] > familiar.measure.threshold).mean()
            said = oracle(familiar, (own_logits, own_features), (logits, features))
            print(f"  {data.name}: {', '.join(figures)}; found {found:.1%}{said}", flush=True)


if __name__ == "__main__":
    main()
