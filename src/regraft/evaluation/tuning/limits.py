"""How large a network is and how long it takes for an image, measured on this machine through its exported form."""

import re
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from regraft.errors import BackboneError, RecipeError, reason_of
from regraft.evaluation.tuning.jobs import Bench
from regraft.network.cuts import POOLINGS, Cut
from regraft.network.graft import Graft
from regraft.network.head import Head
from regraft.recipe import Recipe
from regraft.training.frozen import cuts_in_use

SECONDS = {"us": 1e-6, "ms": 1e-3, "s": 1.0}
BYTES = {"kb": 1e3, "mb": 1e6, "gb": 1e9}
WARM, TIMED = 5, 30  # images before the clock runs, and by the clock
FILE = "model.xml"


@dataclass(frozen=True)
class Measured:
    """One network in the form that ``regraft export --to openvino`` writes."""

    seconds: float  # for one image, in the middle of several
    bytes: int  # of its files


@dataclass(frozen=True)
class Limits:
    """What a network may take at most."""

    seconds: float | None = None
    bytes: float | None = None

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return self.seconds is not None or self.bytes is not None

    def against(self, measured: Measured) -> str:
        """Why a network is left out, or nothing."""
        if self.bytes is not None and measured.bytes > self.bytes:
            return f"its file has {measured.bytes / 1e6:.1f} MB, and {self.bytes / 1e6:g} MB are allowed"
        if self.seconds is not None and measured.seconds > self.seconds:
            return f"an image takes {1000 * measured.seconds:.1f} ms, and {1000 * self.seconds:g} ms are allowed"
        return ""


def limits_of(latency: str | None, size: str | None) -> Limits:
    """Limits as people write them: 20ms, 10MB."""
    return Limits(amount_of(latency, SECONDS, "--max-latency", "20ms"), amount_of(size, BYTES, "--max-size", "10MB"))


def amount_of(text: str | None, units: dict[str, float], flag: str, example: str) -> float | None:
    """A number with its unit; RecipeError where it is none."""
    if text is None:
        return None
    matched = re.fullmatch(r"([0-9]*\.?[0-9]+)\s*([a-z]+)", text.strip().lower())
    if not matched or matched[2] not in units or float(matched[1]) <= 0:
        raise RecipeError(f"{flag} is '{text[:40]}'; write it as {example}")
    return float(matched[1]) * units[matched[2]]


def measure(bench: Bench, cuts: Sequence[Cut], pooling: str) -> Measured:
    """A network up to ``cuts`` with a linear head, as it would be exported; BackboneError where it cannot be."""
    import openvino

    from regraft.network.openvino_graph import graph_of_graft

    inputs = sum(cut.channels for cut in cuts) * len(POOLINGS[pooling])
    classes, size = len(bench.job.images.classes), bench.job.backbone.preprocessing.size
    head = Head((np.zeros((classes, inputs), np.float32),), (np.zeros(classes, np.float32),))
    try:
        graph = graph_of_graft(Graft(bench.job.backbone, tuple(cuts), head, pooling))
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / FILE
            openvino.save_model(graph, path, compress_to_fp16=False)
            stored = sum(file.stat().st_size for file in Path(folder).iterdir())
            model = openvino.compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
            pixels = np.random.default_rng(0).integers(0, 256, (1, size, size, 3), dtype=np.uint8)
            taken = []
            for _ in range(WARM + TIMED):
                started = time.perf_counter()
                model([pixels])
                taken.append(time.perf_counter() - started)
            del model
    except Exception as error:  # OpenVINO's errors share no kind
        why = reason_of(error)[:120]
        raise BackboneError(
            f"{bench.job.backbone.name} cannot be measured as exported: {why}; leave the limits out"
        ) from None
    return Measured(float(np.median(taken[WARM:])), stored)


def reason_against(bench: Bench, recipe: Recipe, limits: Limits, known: dict[object, str]) -> str:
    """Why a recipe's network is beyond the limits, or nothing; each network is measured once, in ``known``."""
    if not limits.any:
        return ""
    cuts = cuts_in_use(bench.trainer.backbone, recipe)
    place = (
        recipe.network.backbone,
        bench.job.backbone.preprocessing.size,
        tuple(c.name for c in cuts),
        recipe.head.pooling,
    )
    if place not in known:
        known[place] = limits.against(measure(bench, cuts, recipe.head.pooling))
    return known[place]
