"""On how many images Grad-CAM tells more of the reason than maps that know nothing of it.

    uv run python benchmarks/look_gradcam.py RUN DATA [--images 100] [--method grad-cam] [--curves FILE]

RUN is a run's folder, DATA its images. Takes correctly classified images of the val part (else test, else all), as many
of each class as can be, and prints a table: the share on which the map beats each control, by each kind of removal.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from regraft.data.find import find_images
from regraft.inspection.answers import probabilities
from regraft.inspection.attribution import GRAD_CAM, METHODS
from regraft.inspection.controls import controls_of, randomised
from regraft.inspection.faithfulness import MARGIN, Faithfulness, faithfulness
from regraft.inspection.pictures import in_batches, pictures
from regraft.inspection.subject import Subject, subject_of
from regraft.metrics import wilson

BATCH = 10  # images that are taken apart before the next are said to be done


def correct(subject: Subject, data: str) -> tuple[np.ndarray, np.ndarray]:
    """The pixels (n, size, size, 3) and labels (n,) of the images that the run classifies correctly."""
    images = find_images(data)
    part = next((name for name in ("val", "test") if name in images.splits), None)
    files = [file for file in images.files if part is None or file.split == part]
    pixels, labels = [], []
    for some, batch in in_batches(pictures(subject, files)):
        answers = probabilities(subject, batch).argmax(1)
        right = [
            subject.classes[answer] == images.classes[one.label] for answer, one in zip(answers, some, strict=True)
        ]
        pixels.append(batch[right])
        labels.append(answers[right])
    return np.concatenate(pixels), np.concatenate(labels)


def by_turns(labels: np.ndarray, count: int, seed: int = 0) -> np.ndarray:
    """Rows of ``count`` images, drawn, the classes in turn."""
    draw = np.random.default_rng(seed)
    places = np.empty(len(labels))
    for label in np.unique(labels):
        places[labels == label] = draw.permutation((labels == label).sum()) + label / 1e6
    return np.argsort(places)[:count]


def compared(subject: Subject, pixels: np.ndarray, labels: np.ndarray, method: str) -> Faithfulness:
    """Curves of every image, with progress."""
    explain = METHODS[method]
    maps = explain(subject, pixels, labels).values
    controls = controls_of(maps, len(pixels[0]), random=explain(randomised(subject, seed=0), pixels, labels).values)
    parts = []
    for start in range(0, len(pixels), BATCH):
        some = slice(start, start + BATCH)
        own = {name: values[some] for name, values in controls.items()}
        parts.append(faithfulness(subject, pixels[some], labels[some], maps[some], own, seed=start))
        print(f"{min(start + BATCH, len(pixels))} of {len(pixels)}", flush=True)
    first = parts[0]
    most, least = (np.concatenate([getattr(part, name) for part in parts]) for name in ("most_first", "least_first"))
    return Faithfulness(labels, first.controls, first.removals, first.shares, most, least)


def share(won: np.ndarray) -> str:
    """A share with its 95% interval."""
    low, high = wilson(int(won.sum()), len(won))
    return f"{won.mean():.0%} ({low:.0%} to {high:.0%})"


def table(result: Faithfulness, classes: tuple[str, ...]) -> str:
    """The shares, in Markdown."""
    beats, areas = result.beats, result.areas
    lines = [f"| beats | by {' | by '.join(result.removals)} | by both |", "|---" * (2 + len(result.removals)) + "|"]
    rows = {name: beats[:, :, place] for place, name in enumerate(result.controls)}
    rows["all of them"] = beats.all(axis=2)
    rows |= {
        f"all of them, {classes[own]}": beats.all(axis=2)[result.labels == own] for own in np.unique(result.labels)
    }
    for name, won in rows.items():
        lines.append(f"| {name} | {' | '.join(share(one) for one in (*won.T, won.all(axis=1)))} |")
    lines += ["", "| average area | " + " | ".join(result.removals) + " |", "|---" * (1 + len(result.removals)) + "|"]
    for place, name in enumerate(("the map itself", *result.controls)):
        lines.append(f"| {name} | {' | '.join(f'{area:.3f}' for area in areas[:, :, place].mean(0))} |")
    for own in np.unique(result.labels):
        gone = result.most_first[result.labels == own][:, :, 0, -1].mean(0)
        said = ", ".join(f"{value:.2f} by {name}" for name, value in zip(result.removals, gone, strict=True))
        lines.append(f"\n{classes[own]}: its probability with everything taken out is {said}.")
    return "\n".join(lines)


def main() -> None:
    """Choose, compare, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("data")
    parser.add_argument("--images", type=int, default=100)
    parser.add_argument("--method", choices=METHODS, default=GRAD_CAM)
    parser.add_argument("--curves", type=Path, help="a .npz file for every curve")
    arguments = parser.parse_args()
    subject = subject_of(arguments.run)
    pixels, labels = correct(subject, arguments.data)
    rows = by_turns(labels, arguments.images)
    started = time.perf_counter()
    result = compared(subject, pixels[rows], labels[rows], arguments.method)
    seconds = (time.perf_counter() - started) / len(rows)
    if arguments.curves:
        np.savez(arguments.curves, **vars(result))
    print(f"{len(rows)} of {len(labels)} correctly classified images; {arguments.method}; beats: area {MARGIN} larger")
    print(table(result, subject.classes))
    print(f"{seconds:.1f} seconds an image")


if __name__ == "__main__":
    main()
