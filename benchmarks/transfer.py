"""How well networks transfer: linear probes, and with --fine-tune the whole network, on any sets.

    uv run python benchmarks/transfer.py SET... [--embedded FOLDER] [--sizes 128 160] [--random 128]
        [--squeezenet FILE] [--fine-tune FOLDER] [--split-seeds 0 1 2]

Compares the embedded network (or another export of pretraining), the same architecture with random weights, and
ImageNet's SqueezeNet 1.1 at 224 pixels. A probe's accuracy is cross-validated over five folds of the training images
(at most 4,000 of them): at the last cut, at the best one, and of the last three joined. Fine-tuning is judged on test
images. Test parts of small sets are small, so --split-seeds repeats all of it on other splits; the last line is then
the standard error of the mean over the sets.
"""

import argparse
import dataclasses
import itertools
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch

from regraft.features.features import silent
from regraft.features.head import folds_from
from regraft.network import backbone as backbones
from regraft.network.backbone import Backbone
from regraft.planning.prepare import Prepared, prepare
from regraft.recipe import Recipe
from regraft.similarity.measure import probe
from regraft.training.full import train_whole
from regraft.training.strategy import probabilities_of

SQUEEZENET = "torchvision/squeezenet1_1"
JOINED = 3


def networks(given: argparse.Namespace) -> Iterator[tuple[str, Backbone]]:
    """Names and networks."""
    for size in given.sizes:
        yield f"embedded, {size} px", export_at(given.embedded, size)
    if given.random:
        plain = export_at(given.embedded, given.random)
        torch.manual_seed(0)
        random = plain.architecture.build(len(plain.source_classes)).eval()
        yield f"random, {given.random} px", dataclasses.replace(plain, model=random, statistics=None)
    if given.squeezenet:
        yield "SqueezeNet, 224 px", backbones.load(SQUEEZENET, given.squeezenet)


def export_at(folder: Path | None, size: int) -> Backbone:
    """The embedded network, or the one in ``folder``, at ``size`` pixels."""
    return backbones.exported(folder, size) if folder else backbones.load("embedded", None, size)


def probes(prepared: Prepared) -> tuple[float, float, float]:
    """Accuracy at the last cut, at the best cut, and of the last cuts joined."""
    similarity = prepared.plan.similarity
    accuracies = [point.accuracy for point in similarity.profile]
    rows, labels = similarity.rows, prepared.features.labels
    folds = folds_from(prepared.split.folds[np.flatnonzero(np.isin(prepared.split.train, rows))])
    x = prepared.features.pooled(prepared.traced.cuts[-JOINED:], rows)
    joined = probe(x, labels[rows], len(prepared.images.classes), folds)
    return accuracies[-1], max(accuracies), float(joined.mean())


def fine_tuned(prepared: Prepared, folder: Path) -> float:
    """Test accuracy after fine-tuning."""
    recipe = prepared.recipe.but(strategy="fine-tune")
    test = prepared.split.test
    trained = train_whole(prepared, recipe, folder, False, silent)
    right = probabilities_of(prepared, trained, test).argmax(1) == prepared.features.labels[test]
    return float(right.mean())


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sets", type=Path, nargs="+")
    parser.add_argument("--embedded", type=Path)
    parser.add_argument("--sizes", type=int, nargs="*", default=[128])
    parser.add_argument("--random", type=int, metavar="SIZE", help="random weights too, at so many pixels")
    parser.add_argument("--split-seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--squeezenet")
    parser.add_argument("--fine-tune", type=Path, metavar="FOLDER", help="fine-tune too; checkpoints go there")
    given = parser.parse_args()
    for name, backbone in networks(given):
        rows = []
        for seed, root in itertools.product(given.split_seeds, given.sets):
            prepared = prepare(root, Recipe(split_seed=seed), backbone=backbone)
            rows.append(probes(prepared))
            if given.fine_tune:
                rows[-1] += (fine_tuned(prepared, given.fine_tune / f"{name}-{root.name}-{seed}"),)
            show(name, f"{root.name}, split {seed}", rows[-1])
        means = np.mean(np.reshape(rows, (len(given.split_seeds), len(given.sets), -1)), axis=1)
        show(name, "mean", means.mean(axis=0))
        if len(means) > 1:
            show(name, "standard error", means.std(axis=0, ddof=1) / len(means) ** 0.5)


def show(network: str, what: str, values: Iterable[float]) -> None:
    """A line of the table."""
    print(f"{network:20} {what:28} " + "  ".join(f"{value:.3f}" for value in values), flush=True)


if __name__ == "__main__":
    main()
