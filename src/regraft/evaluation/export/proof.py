"""The proof of an export: image files through the written code and the written file, beside the run's own answers."""

import io
import json
import runpy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from regraft.errors import RunError, reason_of
from regraft.evaluation.export.proof_images import Example
from regraft.network.export.format import Format, Runtime
from regraft.network.export.outside import PREPROCESS
from regraft.progress import Progress

AGREEMENT = 1e-3  # of every probability
TIE = 1e-4  # probabilities of the run that lie no further apart may change places
BATCH = 16  # images; the first goes alone, so that the number of images is shown to be free
GOLDEN, GOLDEN_IMAGES = "golden.json", "golden"
MOST_GOLDEN = 3  # images beside the file
MOST_BYTES = 1 << 20  # of one of them, where there are others


@dataclass(frozen=True)
class Proof:
    """How well a file agrees with its run; where it does not, nothing is written."""

    images: int
    largest_difference: float  # of a probability
    deeper: int  # images that the code beside the file refuses: nothing says their range


def prove(form: Format, folder: Path, examples: Sequence[Example], progress: Progress) -> Proof:
    """Compare what was written to ``folder`` with the run; RunError where another answer comes."""
    code = runpy.run_path(str(folder / PREPROCESS))
    pixels_of, classes = code["pixels"], code["CLASSES"]
    run, worst, done, deeper = running(form, folder), 0.0, 0, 0
    for batch in batches_of(examples):
        ready = []
        for example in batch:
            try:
                ready.append((example, np.array(pixels_of(io.BytesIO(example.data)))))
            except ValueError:
                deeper += 1
        if ready:
            worst = max(worst, compared(form, run, ready, classes))
        done += len(batch)
        progress(f"Proving {form.name}", done, len(examples), "images")
    if deeper == len(examples):
        raise RunError(
            "all images have more than 16 bits a pixel, which the code beside an export does not read; nothing was"
            " written"
        )
    return Proof(len(examples) - deeper, worst, deeper)


def running(form: Format, folder: Path) -> Runtime:
    """What was written, made ready; every fault of its runtime is a RunError."""

    def safely(function: Callable[..., Any], value: Any) -> Any:
        try:
            return function(value)
        except MemoryError:
            raise
        except Exception as error:  # the runtimes share no kind of error
            why = reason_of(error)[:200]
            raise RunError(f"its own runtime cannot run the {form.name} file: {why}; nothing was written") from None

    run = safely(form.runtime, folder)
    return lambda pixels: np.asarray(safely(run, pixels))


def batches_of(examples: Sequence[Example]) -> list[Sequence[Example]]:
    """The first image, and then many at once."""
    return [examples[:1], *(examples[start : start + BATCH] for start in range(1, len(examples), BATCH))]


def compared(form: Format, run: Runtime, ready: Sequence[tuple[Example, np.ndarray]], classes: Sequence[str]) -> float:
    """The largest difference of a probability; RunError where it is too large, or another class comes first."""
    theirs = run(np.stack([pixels for _, pixels in ready]))
    ours = np.stack([example.probabilities for example, _ in ready])
    if theirs.shape != ours.shape:
        raise RunError(f"the {form.name} file gives {theirs.shape}, not {ours.shape}; nothing was written")
    for (example, _), one, other in zip(ready, ours, theirs.astype(np.float64), strict=True):
        top, first, worst = (int(values.argmax()) for values in (one, other, np.abs(one - other)))
        agrees = abs(one[worst] - other[worst]) <= AGREEMENT  # not so where something is no number
        if not agrees or one[top] - one[first] > TIE:
            raise RunError(
                f"the {form.name} file answers otherwise than the run: the probability of '{classes[worst]}' of"
                f" {example.name} is {one[worst]:.4f} by the run and {other[worst]:.4f} by the file; nothing was"
                " written"
            )
    return float(np.abs(ours - theirs).max())


def write_golden(folder: Path, examples: Sequence[Example], tolerance: float = AGREEMENT) -> None:
    """Copy a few images beside the file, with what is to be expected of them."""
    chosen, rows = golden(examples), []
    (folder / GOLDEN_IMAGES).mkdir()
    for number, example in enumerate(chosen, 1):
        file = f"{GOLDEN_IMAGES}/{number}{Path(example.name).suffix.lower()}"
        (folder / file).write_bytes(example.data)
        rows.append({"file": file, "probabilities": [round(float(value), 7) for value in example.probabilities]})
    values = {"tolerance": tolerance, "images": rows}
    (folder / GOLDEN).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def golden(examples: Sequence[Example]) -> list[Example]:
    """Up to three: of different classes by the run's word, as far as there are; small files first."""
    by_size = sorted(examples, key=lambda example: len(example.data) > MOST_BYTES)
    firsts = {int(example.probabilities.argmax()): example for example in reversed(by_size)}
    chosen = list(firsts.values())[:MOST_GOLDEN]
    others = [example for example in by_size if not any(example is one for one in chosen)]
    return [*chosen, *others][:MOST_GOLDEN]
