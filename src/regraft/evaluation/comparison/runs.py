"""Runs side by side on one test set."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from regraft.data.find import Data, find_images
from regraft.data.identity import IDENTITY
from regraft.data.images import EVALUATED
from regraft.data.spreadsheet import from_cell
from regraft.errors import DataError, RecipeError, RunError, reason_of
from regraft.evaluation.classifier import load
from regraft.evaluation.comparison.pictures import draw_strategies
from regraft.evaluation.comparison.table import SEED, loss_of
from regraft.evaluation.comparison.words import interval, p_in_words, points, share, verdict_on
from regraft.evaluation.evaluate import chose, part_to_evaluate
from regraft.metrics import measure
from regraft.metrics.comparisons import Difference, holm, on_images
from regraft.progress import Progress
from regraft.progress.shown import ShowProgress, shown
from regraft.recipe import Reading
from regraft.runs.rows import label_of
from regraft.runs.seen import images_of
from regraft.strict_json import Malformed
from regraft.visible import Shown

FEWEST = 10  # images that are worth a comparison
TESTED = ("test", "val")


@dataclass(frozen=True)
class Judged:
    """What one run says of images whose class is known, by the hash of what they show."""

    run: str
    classes: tuple[str, ...]
    labels: Mapping[str, str]  # names of classes
    probabilities: Mapping[str, np.ndarray]  # (classes,)


@dataclass(frozen=True)
class RunRow:
    """One run on the images that all were judged on."""

    run: str
    accuracy: float
    low: float  # ends of the 95% interval
    high: float
    balanced_accuracy: float
    negative_log_likelihood: float  # in nats


@dataclass(frozen=True)
class RunContrast:
    """The first run against another one."""

    other: str
    difference: Difference  # the first one's accuracy less the other's
    adjusted_p: float  # by Holm over all


@dataclass(frozen=True, repr=False)
class RunComparison(Shown):
    """Runs side by side."""

    images: int
    rows: tuple[RunRow, ...]
    contrasts: tuple[RunContrast, ...]
    notes: tuple[str, ...]

    def in_lines(self) -> Iterator[str]:
        """What it says, the first three sentences."""
        yield from self.sentences[:3]

    def drawn(self) -> Mapping[str, str]:
        """Its picture, as SVG by name."""
        rows = [(row.run, row.accuracy, row.low, row.high) for row in self.rows]
        return {"runs": draw_strategies(rows, self.rows[0].run)}

    @property
    def sentences(self) -> tuple[str, ...]:
        """What it says."""
        first = self.rows[0].run
        against = [
            f"{first} against {one.other}: {points(one.difference.mean)} (95% interval {interval(one.difference)});"
            f" better {share(one.difference.better)}, equal within one point {share(one.difference.equal)}, worse"
            f" {share(one.difference.worse)}; p {p_in_words(one.adjusted_p)}:"
            f" {verdict_on(one.difference, first, one.other, one.adjusted_p)}."
            for one in self.contrasts
        ]
        return (
            *against,
            f"All are judged on the same {self.images:,} images. p is McNemar's, exact: it compares these fitted"
            " networks on such images, and not the ways they were trained.",
        )

    def as_dict(self) -> dict[str, Any]:
        """What ``compare --json`` prints of runs."""
        contrasts = [
            {"run": self.rows[0].run, "against": one.other, "adjusted_p": one.adjusted_p, **asdict(one.difference)}
            for one in self.contrasts
        ]
        return {
            "images": self.images,
            "runs": [asdict(row) for row in self.rows],
            "contrasts": contrasts,
            "sentences": list(self.sentences),
            "notes": list(self.notes),
        }


def compare_runs(
    runs: Sequence[str | PathLike[str]],
    data: Data | None = None,
    reading: Reading = Reading(),
    device: str = "auto",
    progress: ShowProgress = True,
) -> RunComparison:
    """Two or more runs on the test images that they share, or on ``data``.

    Without ``data`` nothing is predicted: the runs kept what they said of their test images. Images that chose or
    trained any of the runs are left out, which is noted. Raises RunError for what is no run and RecipeError for fewer
    than two, DataError where fewer than FEWEST images are left.
    """
    if len(runs) < 2:  # noqa: PLR2004
        raise RecipeError("two or more runs are compared; give another run folder")
    if len({Path(run).resolve() for run in runs}) < len(runs):
        raise RecipeError("a run is given twice; leave one out")
    with shown(progress) as shows:
        judged = [
            kept_of(Path(run)) if data is None else judge(Path(run), data, reading, device, shows) for run in runs
        ]
    check_classes(judged)
    everywhere = [name for name in judged[0].labels if all(name in one.labels for one in judged[1:])]
    taught = frozenset[str]().union(*(trained_on(Path(run)) for run in runs))
    shared = [name for name in everywhere if name not in taught]
    if len(shared) < FEWEST:
        what = f"the runs share {len(shared)} test images that trained none of them"
        raise DataError(f"{what}, and {FEWEST} are needed; give --on with labelled images that they have not seen")
    check_labels(judged, shared)
    notes = []
    if left := len(everywhere) - len(shared):
        notes.append(f"{left:,} images are left out, since they chose or trained one of the runs")
    if data is None and (others := max(len(one.labels) for one in judged) - len(everywhere)):
        notes.append(f"{others:,} test images are left out, since not all of the runs were tested on them")
    return comparison_of(judged, shared, notes)


def comparison_of(judged: Sequence[Judged], shared: Sequence[str], notes: Sequence[str]) -> RunComparison:
    """The figures of all runs on the images ``shared``."""
    classes = judged[0].classes
    labels = np.array([classes.index(judged[0].labels[name]) for name in shared])
    rows, hits = [], []
    for one in judged:
        order = [one.classes.index(name) for name in classes]
        probabilities = np.stack([one.probabilities[name] for name in shared])[:, order]
        metrics = measure(probabilities, labels, classes, "test", SEED)
        low, high = metrics.intervals["accuracy"]
        told = loss_of(metrics)
        rows.append(RunRow(one.run, metrics.accuracy, low, high, metrics.balanced_accuracy, told))
        hits.append(probabilities.argmax(axis=1) == labels)
    differences = [on_images(hits[0], other, SEED) for other in hits[1:]]
    adjusted = holm([one.p for one in differences])
    contrasts = tuple(
        RunContrast(one.run, difference, p)
        for one, difference, p in zip(judged[1:], differences, adjusted, strict=True)
    )
    return RunComparison(len(shared), tuple(rows), contrasts, tuple(notes))


def check_classes(judged: Sequence[Judged]) -> None:
    """Raise RunError where the runs tell other classes apart."""
    first = judged[0]
    for one in judged[1:]:
        if set(one.classes) != set(first.classes):
            odd = sorted(set(one.classes) ^ set(first.classes))[0]
            raise RunError(
                f"{first.run} and {one.run} tell other classes apart ('{odd}' is one's alone); compare others"
            )


def check_labels(judged: Sequence[Judged], shared: Sequence[str]) -> None:
    """Raise RunError where an image has another class in another run."""
    for one in judged[1:]:
        if wrong := sum(one.labels[name] != judged[0].labels[name] for name in shared):
            raise RunError(
                f"{wrong} images have another class in {one.run} than in {judged[0].run}; give --on with the labels"
                " that are right"
            )


def seen_of(run: Path) -> Any:
    """A run's images; RunError where they are not known, or hashed in a way that is no longer used."""
    try:
        seen = images_of(run)
    except FileNotFoundError:
        raise RunError(f"{run} is no finished run: it has no data.json; give one that `regraft train` made") from None
    except (OSError, Malformed) as error:
        raise RunError(f"{run}/data.json is damaged: {reason_of(error)[:120]}; train it again") from None
    if seen.identity != IDENTITY:
        raise RunError(f"{run} is of a former version, and its images cannot be told from others; train it again")
    return seen


def trained_on(run: Path) -> frozenset[str]:
    """The hashes of the images that trained or chose a run."""
    known = chose(run)
    return known.identities if known else frozenset()


def kept_of(run: Path) -> Judged:
    """What a run said of its own test images."""
    classes, seen = load(run).classes, seen_of(run)
    reported = {file.path: file.pixels for file in seen.files if file.split == reported_part(seen)}
    path = run / "predictions.csv"
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = [{from_cell(key): value for key, value in row.items()} for row in csv.DictReader(file, strict=True)]
        pairs = [(reported[from_cell(row["path"])], row) for row in rows]
        probabilities = {name: np.array([float(row[f"p({one})"]) for one in classes]) for name, row in pairs}
        labels = {name: from_cell(label_of(row)) for name, row in pairs}
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise RunError(f"{path} is missing or damaged: {reason_of(error)[:120]}; train the run again") from None
    if not all(np.isfinite(row).all() for row in probabilities.values()) or not {*labels.values()} <= {*classes}:
        raise RunError(f"{path} is damaged: it holds what is no probability or no class of the run; train it again")
    return Judged(str(run), classes, labels, probabilities)


def reported_part(seen: Any) -> str:
    """The part that a run was reported on."""
    return next((name for name in TESTED if any(file.split == name for file in seen.files)), "test")


def judge(run: Path, data: Data, reading: Reading, device: str, progress: Progress) -> Judged:
    """What a run says of labelled images now."""
    classifier, known = load(run, device), chose(run)
    if known is None:
        seen_of(run)
    images = find_images(data, reading, fewest_classes=EVALUATED)
    part = part_to_evaluate(images, classifier.classes)
    predictions = classifier.predict_part(part, images, reading, known.identify if known else None, progress)
    pairs = [(p, file) for p, file in zip(predictions, part.files, strict=True) if p.probabilities is not None]
    labels = {p.identity: part.images.classes[file.label] for p, file in pairs}
    return Judged(
        str(run),
        classifier.classes,
        labels,
        {p.identity: p.probabilities for p, _ in pairs if p.probabilities is not None},
    )
