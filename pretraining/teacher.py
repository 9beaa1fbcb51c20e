"""What a larger network says of fixed random crops of the source, written once, for a student to learn from.

After Shen & Xing (2021), "A fast knowledge distillation framework for visual recognition": the crops are kept with the
teacher's answers, so that the teacher runs once and not in every epoch.
"""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from pretraining.augment import crop, draw_crops, normalise
from regraft import backbone
from regraft.cuts import trace
from regraft.engine import best_engine, compile_network, device_of
from regraft.graft import pooled_network

BATCH = 256
SMALLEST_CROP = 0.25  # share of an image's area


@dataclass(frozen=True)
class Lessons:
    """Crops and what the teacher says of them and sees in them, for every view of every image."""

    crops: np.ndarray  # (views, images, 2, 3) float32, as augment.crop takes them
    logits: np.ndarray  # (views, images, classes of the teacher) float16
    features: np.ndarray  # (views, images, channels) float16, pooled at the teacher's last cut

    @cached_property
    def moments(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and standard deviation of each of the teacher's channels, over the first view: two (channels,)."""
        first = self.features[0].astype(np.float32)
        return first.mean(0), first.std(0)


def write_lessons(packed: Path, out: Path, name: str, weights: str | None, views: int, size: int) -> None:
    """Ask ``name`` about ``views`` random crops of each image, shown at ``size`` pixels a side.

    Writes crops-VIEW.npy, logits-VIEW.npy and features-VIEW.npy to ``out``, goes on where it was stopped, and does
    nothing when all are there.
    """
    out.mkdir(parents=True, exist_ok=True)
    images = np.load(packed / "images.npy", mmap_mode="r")
    teacher = backbone.load(name, weights, size)
    device = device_of("auto")
    traced = trace(teacher.model, size)
    last = traced.cuts[-1]
    network = pooled_network(teacher.model, traced, [last], logits=True)
    engine = compile_network(network, size, device, best_engine(device))
    for view in range(views):
        if (out / f"features-{view}.npy").exists():
            continue
        torch.manual_seed(view)
        theta = draw_crops(len(images), SMALLEST_CROP)
        answers = np.empty((len(images), len(teacher.source_classes)), np.float16)
        features = np.empty((len(images), last.channels), np.float16)
        for start in range(0, len(images), BATCH):
            part = slice(start, start + BATCH)
            batch = crop(normalise(torch.from_numpy(images[part].copy())), theta[part], size)
            features[part], answers[part] = engine.run(batch)
        np.save(out / f"crops-{view}.npy", theta.numpy())
        np.save(out / f"logits-{view}.npy", answers)
        np.save(out / f"part-{view}.npy", features)
        (out / f"part-{view}.npy").rename(out / f"features-{view}.npy")
        print(f"view {view + 1} of {views}", flush=True)


def read_lessons(folder: Path) -> Lessons | None:
    """What ``write_lessons`` wrote; None where it wrote nothing."""
    found = sorted(folder.glob("features-*.npy"))
    if not found:
        return None
    crops, logits, features = (
        np.stack([np.load(path.with_name(path.name.replace("features", kind))) for path in found])
        for kind in ("crops", "logits", "features")
    )
    return Lessons(crops, logits, features)
