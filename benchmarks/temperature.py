"""What the temperature is worth: negative log likelihood and calibration error on the test, without it and with it.

    python -m benchmarks.temperature DATA... --repeats 3 --most 800 --strategy head

Of each set and repeated split, with at most so many training images; "unsmoothed" is the temperature without the one
more wrong image.
"""

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path
from unittest import mock

import numpy as np

from benchmarks.results.splits import parted
from regraft.features.probe import calibration
from regraft.metrics import softmax
from regraft.metrics.probability_figures import ProbabilityFigures, probability_figures
from regraft.network.head import Head
from regraft.planning.prepare import prepare
from regraft.progress import silent
from regraft.recipe import Recipe
from regraft.training import frozen, full
from regraft.training.calibrating import Calibration, calibrate
from regraft.training.strategy import trainer_for

NAMES = ("without", "unsmoothed", "with")


@dataclass
class Seen:
    """The temperatures of the last network."""

    unsmoothed: float = 1.0

    def calibrate(self, head: Head, logits: np.ndarray, labels: np.ndarray) -> tuple[Head, Calibration]:
        """As ``train`` does, and the same without the one more wrong image."""
        self.unsmoothed = 1 / calibration(logits, labels)
        return calibrate(head, logits, labels)


def figures_on(data: Path, recipe: Recipe) -> tuple[list[ProbabilityFigures], Calibration]:
    """Figures of the test for each of NAMES, and what was fitted."""
    with tempfile.TemporaryDirectory() as folder:
        job, seen = prepare(data, recipe, silent), Seen()
        trainer = trainer_for(job, Path(folder))
        with (
            mock.patch.object(frozen, "calibrate", seen.calibrate),
            mock.patch.object(full, "calibrate", seen.calibrate),
        ):
            trained = trainer.train(job.planned_recipe(), str(recipe.planning.strategy))
        test = job.split.test
        log = np.log(np.maximum(trainer.probabilities_of(trained, test), 1e-300))
        labels = job.features.labels[test]
    own = trained.temperature
    probabilities = (softmax(log * own), softmax(log * (own / seen.unsmoothed)), softmax(log))
    threshold = trained.calibration.threshold
    return [probability_figures(one, labels, 0, None, threshold) for one in probabilities], trained.calibration


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--most", type=int, default=800)
    parser.add_argument("--strategy", default="head")
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--image-size", type=int, default=128)
    arguments = parser.parse_args()
    print(
        "| set | held out | temperature | NLL " + ", ".join(NAMES) + " | calibration error without, with | sets hold |"
    )
    print("|---|---|---|---|---|---|")
    for data in arguments.data:
        rows = []
        for repeat in range(arguments.repeats):
            recipe = Recipe(strategy=arguments.strategy, image_size=arguments.image_size, epochs=arguments.epochs)
            with tempfile.TemporaryDirectory() as folder:
                figures, fitted = figures_on(parted(data, repeat, arguments.most, Path(folder) / "split"), recipe)
            errors = [one.calibration.error if one.calibration else np.nan for one in figures]
            losses = [one.negative_log_likelihood.value for one in figures]
            coverage = figures[-1].conformal.coverage if figures[-1].conformal else np.nan
            rows.append([fitted.images, fitted.temperature, *losses, errors[0], errors[-1], coverage])
        images, fitted_at, *losses, before, after, coverage = np.mean(rows, axis=0)
        shown = ", ".join(f"{loss:.3f}" for loss in losses)
        print(
            f"| {data.name} | {images:.0f} | {fitted_at:.2f} | {shown} | {before:.1%}, {after:.1%} | {coverage:.1%} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
